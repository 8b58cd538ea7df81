//! Documents as lines on stdout.

use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use base64_simd::STANDARD;
use clap::ValueEnum;
use serde_json::json;
use tidemill_engine::{
    batch::Batch,
    handler::{Handler, HandlerError, Outcome},
};
use tokio_util::sync::CancellationToken;

use crate::{
    failure::Failure,
    output::{self, Reader},
};

/// What is printed of a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Its data and a line feed
    Text,
    /// One JSON object a line: data, key, shard, sequence number, sub-sequence number, arrival in milliseconds
    Json,
}

/// A handler that prints, and asks to stop when it has printed enough or nobody reads on.
#[derive(Debug)]
pub struct Printer {
    format: Format,
    stop: CancellationToken,
    printed: Mutex<Printed>,
}

#[derive(Debug)]
struct Printed {
    left: u64,
    failure: Option<Failure>,
}

impl Printer {
    /// Prints at most so many documents.
    pub fn new(format: Format, limit: Option<u64>, stop: CancellationToken) -> Self {
        let printed = Printed { left: limit.unwrap_or(u64::MAX), failure: None };
        Self { format, stop, printed: Mutex::new(printed) }
    }

    /// Why printing broke off, if it did.
    pub fn failure(&self) -> Option<Failure> {
        self.printed.lock().unwrap_or_else(PoisonError::into_inner).failure.take()
    }

    fn print(&self, batch: &Batch) {
        // Shards print one after another, and lines never mix.
        let mut printed = self.printed.lock().unwrap_or_else(PoisonError::into_inner);
        let count = usize::try_from(printed.left).unwrap_or(usize::MAX).min(batch.documents().len());
        let mut text = Vec::new();
        for position in 0..count {
            self.format.write(batch, position, &mut text);
        }
        printed.left -= count as u64;
        let reader = output::write(&text).unwrap_or_else(|failure| {
            printed.failure = Some(failure);
            Reader::Left
        });
        if printed.left == 0 || reader == Reader::Left {
            printed.left = 0;
            self.stop.cancel();
        }
    }
}

#[async_trait]
impl Handler for Printer {
    async fn handle(&self, batch: &Batch) -> Result<Outcome, HandlerError> {
        self.print(batch);
        Ok(Outcome::default())
    }
}

impl Format {
    fn write(self, batch: &Batch, position: usize, text: &mut Vec<u8>) {
        let documents = batch.documents();
        match self {
            Self::Text => text.extend_from_slice(documents.data(position)),
            Self::Json => {
                let mut line = json!({
                    "key": documents.partition_key(position),
                    "shard": batch.info.shard.as_str(),
                    "sequence": documents.sequence(position).as_str(),
                    "sub_sequence": documents.index()[position].sub_index,
                    "arrival_ms": documents.arrival(position).0,
                });
                // Bytes that are no text cannot be a JSON string.
                let data = documents.data(position);
                let (key, value) = match std::str::from_utf8(data) {
                    Ok(data) => ("data", data.to_owned()),
                    Err(_) => ("data_base64", STANDARD.encode_to_string(data)),
                };
                line[key] = value.into();
                text.extend_from_slice(line.to_string().as_bytes());
            }
        }
        text.push(b'\n');
    }
}

#[cfg(test)]
mod tests {
    use tidemill_engine::{
        batch::{BatchInfo, Documents},
        record::Record,
        time::UnixMillis,
    };

    use super::*;

    fn line(data: &'static [u8]) -> String {
        let record = Record {
            sequence: "49".to_owned().try_into().unwrap(),
            partition_key: "k".into(),
            data: data.into(),
            arrival: UnixMillis(7),
        };
        let documents = Documents::of_records(std::slice::from_ref(&record));
        let info = BatchInfo {
            stream: "s".into(),
            shard: "shardId-0".into(),
            lane: 0,
            millis_behind_latest: 0,
            attempt: 1,
            uncovered: 0,
        };
        let mut text = Vec::new();
        Format::Json.write(&Batch::new(info, documents), 0, &mut text);
        String::from_utf8(text).unwrap()
    }

    #[test]
    fn a_json_line_holds_the_document_and_its_place() {
        let expected = concat!(
            r#"{"arrival_ms":7,"data":"{\"a\":1}","key":"k","sequence":"49","shard":"shardId-0","sub_sequence":0}"#,
            "\n"
        );
        assert_eq!(line(br#"{"a":1}"#), expected);
    }

    #[test]
    fn bytes_that_are_no_text_are_printed_as_base64() {
        assert!(line(b"\xff\x00").contains(r#""data_base64":"/wA=""#));
    }
}
