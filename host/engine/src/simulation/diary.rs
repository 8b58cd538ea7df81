//! What happened in a run: every event with its virtual time, how often each kind of thing happened, and the first
//! thing that went wrong.

use std::fmt::{self, Write};

use foldhash::quality::FixedState;
use std::hash::{BuildHasher, Hasher};

/// The events of a run. Two runs were the same if their digests are.
pub(super) struct Diary {
    digest: <FixedState as BuildHasher>::Hasher,
    lines: Option<Vec<String>>,
    line: String,
    /// How often each kind of thing happened.
    pub counts: Counts,
    broken: Option<Broken>,
}

impl Diary {
    /// An empty one, that keeps its lines or only their digest.
    pub(super) fn new(keeps_lines: bool) -> Self {
        Self {
            digest: FixedState::with_seed(0).build_hasher(),
            lines: keeps_lines.then(Vec::new),
            line: String::new(),
            counts: Counts::default(),
            broken: None,
        }
    }

    /// Takes down an event.
    pub(super) fn note(&mut self, millis: u128, event: fmt::Arguments<'_>) {
        self.line.clear();
        write!(self.line, "{:>6}.{:03} {event}", millis / 1_000, millis % 1_000)
            .expect("writing into a string does not fail");
        self.digest.write(self.line.as_bytes());
        if let Some(lines) = &mut self.lines {
            lines.push(self.line.clone());
        }
    }

    /// Takes down what went wrong, if it is the first thing.
    pub(super) fn fail(&mut self, check: Check, millis: u128, detail: String) {
        self.note(millis, format_args!("BROKEN {check}: {detail}"));
        self.broken.get_or_insert(Broken { check, millis, detail });
    }

    /// What went wrong first, if anything did.
    pub(super) fn broken(&self) -> Option<&Broken> {
        self.broken.as_ref()
    }

    pub(super) fn digest(&self) -> u64 {
        self.digest.finish()
    }

    pub(super) fn take_lines(&mut self) -> Vec<String> {
        self.lines.take().unwrap_or_default()
    }
}

/// A check that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// Which.
    pub check: Check,
    /// When, in virtual milliseconds since the run began.
    pub millis: u128,
    /// What was seen.
    pub detail: String,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { check, millis, detail } = self;
        write!(f, "{check} at {}.{:03} s: {detail}", millis / 1_000, millis % 1_000)
    }
}

/// What is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Check {
    /// A checkpoint covers only documents that are on the sink or among the dead letters, and in the end all of them
    /// are.
    Lost,
    /// No document of a key is on the sink before an earlier one is.
    Order,
    /// A document is there twice only where a crash, a freeze, a lost answer or a forced take explains it.
    Duplicate,
    /// No checkpoint moves backwards.
    Backwards,
    /// Only the process that took a lease last writes it.
    Fencing,
    /// A lease is taken only when its holder gave it back or was silent for the failover time.
    Expiry,
    /// A shard is read only when every parent is at its end.
    Parents,
    /// A shard is marked as ended only when it is, and when the shards that follow have leases.
    End,
    /// A process that was told that it lost a lease calls no handler for the shard.
    Deaf,
    /// A process handles one batch of a shard at a time, and a key in one place.
    Concurrent,
    /// Once nothing goes wrong any more, everything is read and checkpointed.
    Settled,
    /// A process that is told to stop ends, gives its leases back and leaves no task behind.
    Stop,
    /// No task panics.
    Panic,
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Lost => "lost",
            Self::Order => "order",
            Self::Duplicate => "duplicate",
            Self::Backwards => "backwards",
            Self::Fencing => "fencing",
            Self::Expiry => "expiry",
            Self::Parents => "parents",
            Self::End => "end",
            Self::Deaf => "deaf",
            Self::Concurrent => "concurrent",
            Self::Settled => "settled",
            Self::Stop => "stop",
            Self::Panic => "panic",
        })
    }
}

macro_rules! counts {
    ($($name:ident: $what:literal),* $(,)?) => {
        /// How often each kind of thing happened.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct Counts {
            $(#[doc = $what] pub $name: u64,)*
        }

        impl Counts {
            /// Adds what happened elsewhere.
            pub fn add(&mut self, other: &Self) {
                $(self.$name += other.$name;)*
            }

            /// What is counted, in words, and how often it happened.
            pub fn all(&self) -> impl Iterator<Item = (&'static str, u64)> {
                [$(($what, self.$name)),*].into_iter()
            }
        }
    };
}

counts! {
    put: "documents put on the source",
    landed: "documents landed on the sink",
    duplicates: "of these again, each explained",
    batches: "calls of handlers",
    handler_failures: "calls of handlers that failed or asked again",
    poisoned: "of these because of a document that cannot be handled",
    letters: "documents kept as dead letters",
    started: "processes started",
    crashes: "crashes",
    freezes: "freezes",
    stops: "stops",
    ends: "processes that ended by themselves",
    splits: "splits",
    merges: "merges",
    calls: "calls over the network",
    refused: "calls refused",
    answers_lost: "answers lost or too late",
    iterators_expired: "iterators expired",
    subscriptions: "subscriptions begun",
    subscriptions_cut: "subscriptions cut",
    taken: "leases taken that were free",
    asked: "leases asked for",
    forced: "leases taken by force",
    overdue: "of these because they were not handed over in time",
    checkpoints: "checkpoints written",
    writes_lost: "lease writes refused as lost",
    virtual_ms: "milliseconds of virtual time",
}
