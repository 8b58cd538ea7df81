//! A dead letter as one line of JSON. This is a form that people keep, so within a version it only ever grows.
//!
//! `data` counts, in base64; `text` is beside it for people, where the data is a short UTF-8 text.

use std::{borrow::Cow, sync::Arc};

use base64_simd::STANDARD;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use tidemill_engine::{
    dead_letter::{DeadLetter, Payload},
    deploy::Digest,
    handler::Deployed,
    hash::HashKey,
    limits,
    sequence::SequenceNumber,
    time::UnixMillis,
};

use super::parts::{Part, Piece};

/// The version that is written, and the only one that is read.
const VERSION: u32 = 1;
/// What every line begins with.
pub(super) const BEGINNING: &[u8] = b"{\"version\":";

/// A line is no dead letter that can be read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Unreadable {
    /// It is none at all, or damaged.
    #[error("the line is no dead letter: {0}")]
    Damaged(String),
    /// It was written by a version that knows more.
    #[error(
        "the dead letter was written by a newer tidemill: use that one or a later, version={0} known={VERSION}"
    )]
    Newer(u32),
    /// It is a part of a letter, and the others are elsewhere.
    #[error(
        "the line is one part of a dead letter that is too large for one record: read it from its stream"
    )]
    Part,
}

/// The line of a letter, without its end. A reason that is too long is cut.
pub fn write(letter: &DeadLetter) -> String {
    let text = (letter.data.len() <= limits::DEAD_LETTER_TEXT_BYTES).then(|| text_of(&letter.data)).flatten();
    write_piece(letter, &letter.data, text, None)
}

/// The line of a part of a letter, with its part of the data.
pub(super) fn write_piece(
    letter: &DeadLetter,
    data: &[u8],
    text: Option<&str>,
    part: Option<Part>,
) -> String {
    let line = Line {
        version: VERSION,
        pipeline: Cow::Borrowed(&letter.pipeline),
        stream: Cow::Borrowed(&letter.stream),
        shard: Cow::Borrowed(letter.shard.as_str()),
        sequence_number: Cow::Borrowed(letter.sequence.as_str()),
        sub_sequence_number: letter.sub_sequence,
        partition_key: Cow::Borrowed(&letter.partition_key),
        explicit_hash_key: letter.explicit_hash_key.map(|key| key.to_string()),
        arrival_millis: letter.arrival.0,
        payload: letter.payload.into(),
        kind: Cow::Borrowed(cut(&letter.kind)),
        reason: Cow::Borrowed(cut(&letter.reason)),
        attempts: letter.attempts,
        component: letter.by.as_deref().map(ComponentLine::of),
        failed_at_millis: letter.at.0,
        part,
        text: text.map(Cow::Borrowed),
        data: STANDARD.encode_to_string(data),
    };
    serde_json::to_string(&line).expect("the struct has no map and no way to fail")
}

/// The letter, or the part of one, in a line.
///
/// # Errors
/// [`Unreadable`] says why there is none.
pub fn read(line: &[u8]) -> Result<Piece, Unreadable> {
    let damaged = |reason: &dyn std::fmt::Display| Unreadable::Damaged(reason.to_string());
    let Version { version } = serde_json::from_slice(line).map_err(|error| damaged(&error))?;
    if version != VERSION {
        return Err(Unreadable::Newer(version));
    }
    let line: Line<'_> = serde_json::from_slice(line).map_err(|error| damaged(&error))?;
    let sequence =
        SequenceNumber::try_from(line.sequence_number.into_owned()).map_err(|error| damaged(&error))?;
    let hash_key = line.explicit_hash_key.map(|key| key.parse::<HashKey>()).transpose();
    let letter = DeadLetter {
        pipeline: (*line.pipeline).into(),
        stream: (*line.stream).into(),
        shard: (&*line.shard).into(),
        sequence,
        sub_sequence: line.sub_sequence_number,
        partition_key: (&*line.partition_key).into(),
        explicit_hash_key: hash_key.map_err(|error| damaged(&error))?,
        arrival: UnixMillis(line.arrival_millis),
        payload: line.payload.into(),
        data: STANDARD.decode_to_vec(line.data).map_err(|error| damaged(&error))?.into(),
        kind: line.kind.into_owned(),
        reason: line.reason.into_owned(),
        attempts: line.attempts,
        by: line.component.map(|component| Arc::new(component.into())),
        at: UnixMillis(line.failed_at_millis),
    };
    Ok(Piece { letter, part: line.part })
}

/// Names a letter to people: the same record that fails twice has one name, wherever its letters lie. What did not
/// decode is named as its whole Kinesis record.
pub fn id(letter: &DeadLetter) -> String {
    let DeadLetter { pipeline, stream, shard, sequence, .. } = letter;
    let place = match letter.payload {
        Payload::Document => format!("{pipeline} {stream} {shard} {sequence} {}", letter.sub_sequence),
        Payload::Record => format!("{pipeline} {stream} {shard} {sequence}"),
    };
    format!("{:012x}", HashKey::of(&place).0 >> 80)
}

/// The text that bytes are, if they are one.
pub fn text_of(data: &[u8]) -> Option<&str> {
    std::str::from_utf8(data).ok()
}

#[derive(Deserialize)]
struct Version {
    version: u32,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Line<'a> {
    version: u32,
    pipeline: Cow<'a, str>,
    stream: Cow<'a, str>,
    shard: Cow<'a, str>,
    sequence_number: Cow<'a, str>,
    sub_sequence_number: u32,
    partition_key: Cow<'a, str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    explicit_hash_key: Option<String>,
    arrival_millis: u64,
    payload: PayloadName,
    kind: Cow<'a, str>,
    reason: Cow<'a, str>,
    attempts: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    component: Option<ComponentLine<'a>>,
    failed_at_millis: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    part: Option<Part>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    text: Option<Cow<'a, str>>,
    data: String,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum PayloadName {
    Document,
    Record,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct ComponentLine<'a> {
    name: Cow<'a, str>,
    digest: Digest,
    generation: u64,
}

impl<'a> ComponentLine<'a> {
    fn of(by: &'a Deployed) -> Self {
        Self { name: Cow::Borrowed(&by.component), digest: by.digest.clone(), generation: by.generation }
    }
}

impl From<ComponentLine<'_>> for Deployed {
    fn from(line: ComponentLine<'_>) -> Self {
        Self { component: line.name.into_owned(), digest: line.digest, generation: line.generation }
    }
}

impl From<Payload> for PayloadName {
    fn from(payload: Payload) -> Self {
        match payload {
            Payload::Document => Self::Document,
            Payload::Record => Self::Record,
        }
    }
}

impl From<PayloadName> for Payload {
    fn from(name: PayloadName) -> Self {
        match name {
            PayloadName::Document => Self::Document,
            PayloadName::Record => Self::Record,
        }
    }
}

/// As much of a text for people as is kept.
fn cut(text: &str) -> &str {
    &text[..text.floor_char_boundary(limits::DEAD_LETTER_REASON_BYTES)]
}

#[cfg(test)]
pub(super) mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// A letter in which every field is its own.
    pub(in super::super) fn letter(data: impl Into<bytes::Bytes>) -> DeadLetter {
        DeadLetter {
            pipeline: "paid".into(),
            stream: "orders".into(),
            shard: "shardId-000000000003".into(),
            sequence: "49590338271490256608559692538361571095921575989136588898"
                .to_owned()
                .try_into()
                .unwrap(),
            sub_sequence: 4,
            partition_key: "käse \"7\"".into(),
            explicit_hash_key: Some(HashKey::MAX),
            arrival: UnixMillis(1_700_000_000_123),
            payload: Payload::Document,
            data: data.into(),
            kind: "trapped".to_owned(),
            reason: "line one\nline \"two\"".to_owned(),
            attempts: 5,
            by: Some(Arc::new(Deployed {
                component: "enrich".to_owned(),
                digest: Digest::of_bytes(&[0xab; 32]),
                generation: 7,
            })),
            at: UnixMillis(1_700_000_009_000),
        }
    }

    fn read_whole(line: &str) -> Result<DeadLetter, Unreadable> {
        read(line.as_bytes()).and_then(Piece::whole)
    }

    #[test]
    fn a_line_reads_back_as_the_letter_that_it_was() {
        let plain = DeadLetter {
            explicit_hash_key: None,
            by: None,
            payload: Payload::Record,
            partition_key: "".into(),
            ..letter(&b"\xff\x00\n"[..])
        };
        for letter in [letter("{\"a\":1}"), letter(""), plain, letter(vec![7; 1 << 20])] {
            let line = write(&letter);
            assert!(!line.contains('\n'), "a letter is one line");
            assert_eq!(read_whole(&line).as_ref(), Ok(&letter));
        }
    }

    #[test]
    fn a_line_has_the_keys_that_are_documented() {
        let line: Value = serde_json::from_str(&write(&letter("{\"a\":1}"))).unwrap();
        let expected = json!({
            "version": 1,
            "pipeline": "paid",
            "stream": "orders",
            "shard": "shardId-000000000003",
            "sequence-number": "49590338271490256608559692538361571095921575989136588898",
            "sub-sequence-number": 4,
            "partition-key": "käse \"7\"",
            "explicit-hash-key": "340282366920938463463374607431768211455",
            "arrival-millis": 1_700_000_000_123_u64,
            "payload": "document",
            "kind": "trapped",
            "reason": "line one\nline \"two\"",
            "attempts": 5,
            "component": { "name": "enrich", "digest": "ab".repeat(32), "generation": 7 },
            "failed-at-millis": 1_700_000_009_000_u64,
            "text": "{\"a\":1}",
            "data": "eyJhIjoxfQ==",
        });
        assert_eq!(line, expected);
    }

    #[test]
    fn the_text_is_for_people_and_the_data_counts() {
        let line = write(&letter("abc")).replace("\"text\":\"abc\"", "\"text\":\"changed\"");
        assert_eq!(read_whole(&line).unwrap().data, "abc");
        for without in [letter(&b"\xff"[..]), letter("x".repeat(limits::DEAD_LETTER_TEXT_BYTES + 1))] {
            assert!(!write(&without).contains("\"text\""));
        }
    }

    #[test]
    fn a_reason_is_cut_where_a_letter_of_it_ends() {
        let long = DeadLetter { reason: "ä".repeat(limits::DEAD_LETTER_REASON_BYTES), ..letter("a") };
        let reason = read_whole(&write(&long)).unwrap().reason;
        assert_eq!(
            (reason.len(), reason.chars().all(|c| c == 'ä')),
            (limits::DEAD_LETTER_REASON_BYTES, true)
        );
    }

    #[test]
    fn what_is_no_letter_is_told_with_what_to_do() {
        let newer = write(&letter("a")).replace("\"version\":1", "\"version\":2");
        let told = read_whole(&newer).unwrap_err().to_string();
        let expected =
            "the dead letter was written by a newer tidemill: use that one or a later, version=2 known=1";
        assert_eq!(told, expected);
        let line = write(&letter("abc"));
        for wrong in [
            "",
            "a line of a log",
            "{}",
            &line[..line.len() - 3],
            &line.replace("YWJj", "YWJ"),
            &line.replace("\"4959", "\"x959"),
            &line.replace("\"document\"", "\"docket\""),
        ] {
            let told = read_whole(wrong).unwrap_err();
            assert!(matches!(told, Unreadable::Damaged(_)), "{wrong}: {told}");
        }
    }

    #[test]
    fn a_letter_is_named_after_its_place_on_the_stream() {
        let first = letter("a");
        let again = DeadLetter { reason: "other".into(), at: UnixMillis(1), attempts: 9, ..first.clone() };
        assert_eq!(id(&first), id(&again));
        assert_eq!((id(&first).len(), id(&first).bytes().all(|b| b.is_ascii_hexdigit())), (12, true));
        let other = DeadLetter { sub_sequence: 5, ..first.clone() };
        assert_ne!(id(&first), id(&other));
        let record = |sub_sequence| DeadLetter { payload: Payload::Record, sub_sequence, ..first.clone() };
        assert_eq!(id(&record(1)), id(&record(2)), "both hold the whole record");
    }
}
