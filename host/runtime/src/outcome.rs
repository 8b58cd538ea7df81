//! From what a guest answers to what the engine takes. A guest is not trusted: every number is checked.

use std::time::Duration;

use bytes::Bytes;
use bytestring::ByteString;
use tidemill_engine::{
    handler::{Disposition, Emit, Failure, Outcome},
    hash::HashKey,
    kinesis::is_valid_partition_key,
    limits,
};

use crate::{
    bindings::{self, ListEmit, ListOutcome, PackedOutcome},
    fault::Fault,
    settings::HandlerSettings,
    words,
};

/// Words that the index of a packed outcome has for each emit.
const WORDS: usize = 8;

/// Takes the outcome of a batch of so many records, given as lists.
pub fn of_list(answer: ListOutcome, records: usize, settings: &HandlerSettings) -> Result<Outcome, Fault> {
    let mut room = Room::new(answer.emits.len(), settings)?;
    let mut emits = Vec::with_capacity(answer.emits.len());
    for (at, emit) in answer.emits.into_iter().enumerate() {
        room.take(emit.data.len() + named_bytes(&emit))?;
        let ListEmit { data, partition_key, explicit_hash_key, sink } = emit;
        emits.push(Emit {
            data,
            partition_key: given(partition_key).map(|key| partition_key_of(key.into(), at)).transpose()?,
            explicit_hash_key: given(explicit_hash_key).map(|key| hash_key_of(&key, at)).transpose()?,
            sink: given(sink).map(|sink| sink_of(sink.into(), at)).transpose()?,
        });
    }
    let failures = failures_of(answer.failures, records)?;
    Ok(Outcome { emits, failures, checkpoint: checkpoint_of(answer.checkpoint, records)?, by: None })
}

/// Takes the outcome of a batch of so many records, given packed. Emits share the bytes of the answer.
pub fn of_packed(
    answer: PackedOutcome,
    records: usize,
    settings: &HandlerSettings,
) -> Result<Outcome, Fault> {
    let (rows, rest) = answer.index.as_chunks::<WORDS>();
    if !rest.is_empty() {
        return Err(Fault::malformed(format!(
            "the index is not a multiple of 8 words, words={}",
            answer.index.len()
        )));
    }
    let mut room = Room::new(rows.len(), settings)?;
    let mut emits = Vec::with_capacity(rows.len());
    for (at, row) in rows.iter().enumerate() {
        room.take([1, 3, 5, 7].iter().map(|&length| row[length] as usize).sum())?;
        let text = |column| text_of(&answer.bytes, row, column, at);
        emits.push(Emit {
            data: part(&answer.bytes, row[0], row[1], at)?,
            partition_key: text(2)?.map(|key| partition_key_of(key, at)).transpose()?,
            explicit_hash_key: text(4)?.map(|key| hash_key_of(&key, at)).transpose()?,
            sink: text(6)?.map(|sink| sink_of(sink, at)).transpose()?,
        });
    }
    let failures = failures_of(answer.failures, records)?;
    Ok(Outcome { emits, failures, checkpoint: checkpoint_of(answer.checkpoint, records)?, by: None })
}

/// How much a guest may still emit for the batch at hand.
struct Room {
    left: usize,
    of: usize,
}

impl Room {
    fn new(documents: usize, settings: &HandlerSettings) -> Result<Self, Fault> {
        let allowed = settings.emitted_documents;
        if documents > allowed {
            return Err(Fault::of_output(format!("too many emits, emits={documents} allowed={allowed}")));
        }
        Ok(Self { left: settings.emitted_bytes, of: settings.emitted_bytes })
    }

    fn take(&mut self, bytes: usize) -> Result<(), Fault> {
        let left = self.left.checked_sub(bytes);
        self.left =
            left.ok_or_else(|| Fault::of_output(format!("too many bytes emitted, allowed={}", self.of)))?;
        Ok(())
    }
}

fn named_bytes(emit: &ListEmit) -> usize {
    let names = [&emit.partition_key, &emit.explicit_hash_key, &emit.sink];
    names.into_iter().flatten().map(String::len).sum()
}

/// Empty text is none, as in the packed form.
fn given(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty())
}

fn part(bytes: &Bytes, at: u32, length: u32, emit: usize) -> Result<Bytes, Fault> {
    let range = at as usize..at as usize + length as usize;
    if range.end > bytes.len() {
        let reason =
            format!("an emit reaches past the bytes, emit={emit} end={} bytes={}", range.end, bytes.len());
        return Err(Fault::malformed(reason));
    }
    Ok(bytes.slice(range))
}

fn text_of(
    bytes: &Bytes,
    row: &[u32; WORDS],
    column: usize,
    emit: usize,
) -> Result<Option<ByteString>, Fault> {
    if row[column + 1] == 0 {
        return Ok(None);
    }
    let text = ByteString::try_from(part(bytes, row[column], row[column + 1], emit)?);
    text.map(Some).map_err(|_| Fault::malformed(format!("a key or a sink's name is not UTF-8, emit={emit}")))
}

fn partition_key_of(key: ByteString, emit: usize) -> Result<ByteString, Fault> {
    if is_valid_partition_key(&key) {
        return Ok(key);
    }
    // It is not empty: empty is none.
    let most = limits::PARTITION_KEY_CHARS;
    Err(Fault::malformed(format!("a partition key has more than {most} characters, emit={emit}")))
}

/// Names that no pipeline can have are repeated in no message.
fn sink_of(name: ByteString, emit: usize) -> Result<ByteString, Fault> {
    let most = limits::SINK_NAME_BYTES;
    if name.len() <= most && !name.contains(char::is_control) {
        return Ok(name);
    }
    Err(Fault::malformed(format!(
        "a sink's name has more than {most} bytes or control characters, emit={emit}"
    )))
}

fn hash_key_of(key: &str, emit: usize) -> Result<HashKey, Fault> {
    key.parse().map_err(|error| Fault::malformed(format!("{error}, emit={emit}")))
}

fn failures_of(failures: Vec<bindings::Failure>, records: usize) -> Result<Vec<Failure>, Fault> {
    if failures.is_empty() {
        return Ok(Vec::new());
    }
    let mut named = vec![false; records];
    let failures = failures.into_iter().map(|bindings::Failure { index, disposition }| {
        let reason = match named.get_mut(index as usize) {
            None => format!("a failure names no record of the batch, index={index} records={records}"),
            Some(true) => format!("two failures name the same record, index={index}"),
            Some(named) => {
                *named = true;
                return Ok(Failure { index, disposition: disposition_of(disposition) });
            }
        };
        Err(Fault::malformed(reason))
    });
    failures.collect()
}

fn checkpoint_of(checkpoint: Option<u32>, records: usize) -> Result<Option<u32>, Fault> {
    match checkpoint {
        Some(claimed) if claimed as usize > records => Err(Fault::malformed(format!(
            "a checkpoint covers more records than the batch has, checkpoint={claimed} records={records}"
        ))),
        fitting => Ok(fitting),
    }
}

fn disposition_of(disposition: bindings::Disposition) -> Disposition {
    match disposition {
        bindings::Disposition::Retry(millis) => Disposition::Retry(Duration::from_millis(millis.into())),
        bindings::Disposition::Drop => Disposition::Drop,
        bindings::Disposition::DeadLetter(reason) => Disposition::DeadLetter(words::repeated(&reason)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packed(index: &[u32], bytes: &'static [u8]) -> PackedOutcome {
        PackedOutcome {
            index: index.to_vec(),
            bytes: Bytes::from_static(bytes),
            failures: Vec::new(),
            checkpoint: None,
        }
    }

    fn refused(answer: PackedOutcome) -> String {
        let settings =
            HandlerSettings { emitted_bytes: 8, emitted_documents: 2, ..HandlerSettings::new("h") };
        of_packed(answer, 2, &settings).unwrap_err().message
    }

    #[test]
    fn emits_of_both_forms_come_out_alike() {
        let settings = HandlerSettings::new("h");
        let answer = packed(&[0, 3, 3, 1, 4, 2, 6, 1, 0, 3, 0, 0, 0, 0, 0, 0], b"onek42s");
        let list = ListOutcome {
            emits: vec![
                ListEmit {
                    data: Bytes::from_static(b"one"),
                    partition_key: Some("k".into()),
                    explicit_hash_key: Some("42".into()),
                    sink: Some("s".into()),
                },
                ListEmit {
                    data: Bytes::from_static(b"one"),
                    partition_key: Some(String::new()),
                    explicit_hash_key: None,
                    sink: None,
                },
            ],
            failures: Vec::new(),
            checkpoint: None,
        };
        let emits = of_packed(answer, 1, &settings).unwrap().emits;
        assert_eq!(emits[0].explicit_hash_key, Some(HashKey(42)));
        assert_eq!((emits[0].sink.as_deref(), emits[1].partition_key.as_deref()), (Some("s"), None));
        assert_eq!(emits, of_list(list, 1, &settings).unwrap().emits);
    }

    #[test]
    fn a_packed_outcome_that_breaks_the_contract_is_malformed() {
        let row = |words: [u32; 8]| packed(&words, b"\xffdata");
        let cases = [
            (packed(&[0; 7], b""), "not a multiple of 8 words, words=7"),
            (packed(&[0; 24], b""), "too many emits, emits=3 allowed=2"),
            (row([0, 6, 0, 0, 0, 0, 0, 0]), "reaches past the bytes, emit=0 end=6 bytes=5"),
            (row([u32::MAX, 2, 0, 0, 0, 0, 0, 0]), "reaches past the bytes"),
            (row([1, 4, 0, 5, 0, 0, 0, 0]), "too many bytes emitted, allowed=8"),
            (row([1, 4, 0, 1, 0, 0, 0, 0]), "not UTF-8, emit=0"),
            (row([1, 4, 0, 0, 1, 4, 0, 0]), "not a hash key"),
        ];
        for (answer, expected) in cases {
            let message = refused(answer);
            assert!(message.contains(expected), "{message:?} does not say {expected:?}");
        }
    }

    #[test]
    fn failures_name_records_of_the_batch_and_each_once() {
        let failures = |indexes: &[u32]| {
            let failure =
                |&index: &u32| bindings::Failure { index, disposition: bindings::Disposition::Retry(5) };
            failures_of(indexes.iter().map(failure).collect(), 2)
        };
        let taken = failures(&[1, 0]).unwrap();
        assert_eq!(taken.iter().map(|failure| failure.index).collect::<Vec<_>>(), [1, 0]);
        assert_eq!(taken[0].disposition, Disposition::Retry(Duration::from_millis(5)));
        assert!(failures(&[2]).unwrap_err().message.contains("index=2 records=2"));
        assert!(failures(&[1, 1]).unwrap_err().message.contains("two failures"));
    }

    #[test]
    fn a_partition_key_is_counted_in_characters() {
        assert!(partition_key_of("ä".repeat(256).into(), 0).is_ok());
        assert!(partition_key_of("a".repeat(257).into(), 0).is_err());
    }
}
