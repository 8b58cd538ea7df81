//! Rules of the interface itself: lengths, ranges and patterns, refused before anything is looked up.

use std::{fmt::Display, ops::RangeInclusive};

use super::ServiceError;
use crate::{hash::HashKey, kinesis, limits, record::Entry, sequence::SequenceNumber};

pub(super) fn stream_name(name: &str) -> Result<(), ServiceError> {
    matches_name("streamName", name)
}

pub(super) fn shard_id(id: &str) -> Result<(), ServiceError> {
    matches_name("shardId", id)
}

pub(super) fn consumer_name(name: &str) -> Result<(), ServiceError> {
    matches_name("consumerName", name)
}

fn matches_name(field: &str, text: &str) -> Result<(), ServiceError> {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-');
    within(field, text.len(), 1..=limits::STREAM_NAME_CHARS)?;
    if text.bytes().all(allowed) {
        return Ok(());
    }
    Err(ServiceError::validation(field, "satisfy regular expression pattern: [a-zA-Z0-9_.-]+"))
}

/// Refuses a length outside a range.
pub(super) fn within(field: &str, length: usize, allowed: RangeInclusive<usize>) -> Result<(), ServiceError> {
    let bound = |word, bound| format!("have length {word} than or equal to {bound}");
    if length < *allowed.start() {
        return Err(ServiceError::validation(field, bound("greater", allowed.start())));
    }
    if length > *allowed.end() {
        return Err(ServiceError::validation(field, bound("less", allowed.end())));
    }
    Ok(())
}

/// Refuses a number outside a range.
pub(super) fn between<N: PartialOrd + Display>(
    field: &str,
    value: &N,
    allowed: RangeInclusive<N>,
) -> Result<(), ServiceError> {
    if value < allowed.start() {
        let rule = format!("have value greater than or equal to {}", allowed.start());
        return Err(ServiceError::validation(field, rule));
    }
    if value > allowed.end() {
        let rule = format!("have value less than or equal to {}", allowed.end());
        return Err(ServiceError::validation(field, rule));
    }
    Ok(())
}

/// What every entry has to be, whatever the stream.
pub(super) fn entry(entry: &Entry) -> Result<(), ServiceError> {
    if !kinesis::is_valid_partition_key(&entry.partition_key) {
        let chars = entry.partition_key.chars().count();
        within("partitionKey", chars, 1..=limits::PARTITION_KEY_CHARS)?;
    }
    within("data", entry.data.len(), 0..=limits::MAX_RECORD_KIB as usize * 1_024)
}

/// A hash key of a request. Errors: ValidationException where it is no decimal number without leading zeros,
/// InvalidArgumentException where it is past the last hash key.
pub fn hash_key(field: &str, text: &str) -> Result<HashKey, ServiceError> {
    if !is_plain_decimal(text, limits::HASH_KEY_DIGITS) {
        return Err(ServiceError::validation(
            field,
            "satisfy regular expression pattern: 0|([1-9]\\d{0,38})",
        ));
    }
    text.parse().map_err(|_| {
        ServiceError::invalid_argument(format!("{field} {text} is not in the range from 0 to 2^128 - 1"))
    })
}

/// A sequence number of a request. Errors: ValidationException where it is no decimal number without leading zeros.
pub fn sequence_number(field: &str, text: &str) -> Result<SequenceNumber, ServiceError> {
    let refused =
        || ServiceError::validation(field, "satisfy regular expression pattern: 0|([1-9]\\d{0,128})");
    if !is_plain_decimal(text, limits::SEQUENCE_NUMBER_DIGITS) {
        return Err(refused());
    }
    text.to_owned().try_into().map_err(|_| refused())
}

fn is_plain_decimal(text: &str, most_digits: usize) -> bool {
    let leading_zero = text.len() > 1 && text.starts_with('0');
    let length_fits = (1..=most_digits).contains(&text.len());
    length_fits && !leading_zero && text.bytes().all(|b| b.is_ascii_digit())
}
