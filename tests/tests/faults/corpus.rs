//! The components of `guests/faults`: what sets each of them off, and what the host has to say of it.

/// A hostile component in a pipeline of its own.
pub struct Sick {
    /// The pipeline, its stream and its guest.
    pub guest: &'static str,
    /// The word in a record that sets it off; those that are always sick heed none.
    pub word: &'static str,
    /// Settings of its handler.
    pub handler: &'static str,
    /// What the log says where its shard stops.
    pub says: &'static [&'static str],
}

/// For what ends by itself: long enough on a machine that has other work.
const PATIENT: &str = "attempts = 2\ndeadline = \"60s\"";
/// For what never ends.
const HASTY: &str = "attempts = 2\ndeadline = \"700ms\"";
/// For what takes all the memory there is.
const SMALL: &str = "attempts = 2\ndeadline = \"60s\"\nmemory = \"16MiB\"";

/// Those whose shard has to stop.
pub const STOPPING: [Sick; 28] = [
    sick("fault_trap", "trap", PATIENT, &["trapped", "asks for a trap"]),
    sick("fault_spin", "spin", HASTY, &["ran past its deadline"]),
    sick("fault_hog", "hog", SMALL, &["ran out of memory", "memory_bytes=16777216"]),
    sick("fault_sleep", "sleep", HASTY, &["ran past its deadline"]),
    sick("fault_exit", "exit", PATIENT, &["trapped", "the guest exited, status=1"]),
    sick("fault_chatter", "chatter", PATIENT, &["called the host too often", "host_calls=1000000"]),
    sick("fault_dice", "dice", PATIENT, &["trapped", "exceeds limit 65536"]),
    sick("fault_handles", "handles", PATIENT, &["trapped", "resource table"]),
    sick("fault_indexes", "outside", PATIENT, &["malformed outcome", "names no record of the batch"]),
    sick("fault_again", "again", PATIENT, &["asked for another attempt"]),
    sick("fault_stray", "stray", PATIENT, &["a sink that the pipeline lacks, sink=nowhere"]),
    sick("fault_forger", "panic", PATIENT, &["trapped", "so far", "[31mFORGED the host has stopped"]),
    sick("fault_name_forged", "", PATIENT, &["trapped", "at=so far"]),
    sick("fault_stillborn", "", PATIENT, &["trapped", "there is no way to begin"]),
    sick("fault_recursion", "", PATIENT, &["trapped", "call stack exhausted"]),
    sick("fault_allocation_spin", "", HASTY, &["ran past its deadline"]),
    sick("fault_allocation_astray", "", PATIENT, &["malformed outcome", "realloc"]),
    sick("fault_table_hoard", "", PATIENT, &["ran out of memory", "table_elements=200000"]),
    sick("fault_return_trap", "", PATIENT, &["trapped", "unreachable"]),
    sick("fault_return_spin", "", HASTY, &["ran past its deadline"]),
    sick("fault_result_astray", "", PATIENT, &["malformed outcome", "out of bounds"]),
    sick("fault_result_misaligned", "", PATIENT, &["malformed outcome", "not aligned"]),
    sick("fault_list_astray", "", PATIENT, &["malformed outcome", "out of bounds"]),
    sick("fault_list_misaligned", "", PATIENT, &["malformed outcome", "not aligned"]),
    sick("fault_list_endless", "", PATIENT, &["malformed outcome", "out of bounds"]),
    sick("fault_list_gigantic", "", PATIENT, &["emitted too much", "too much data"]),
    sick("fault_text_invalid", "", PATIENT, &["malformed outcome", "utf-8"]),
    sick("fault_variant_unknown", "", PATIENT, &["malformed outcome", "discriminant"]),
];

const fn sick(
    guest: &'static str,
    word: &'static str,
    handler: &'static str,
    says: &'static [&'static str],
) -> Sick {
    Sick { guest, word, handler, says }
}
