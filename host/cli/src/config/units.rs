//! Settings that are written with their unit, and texts that are checked where they enter.

use std::{fmt, str::FromStr, time::Duration};

use bytesize::ByteSize;
use serde::{Deserialize, Deserializer, de::Error};

/// A duration such as `"500ms"`; zero is allowed.
pub fn duration<'de, D: Deserializer<'de>>(input: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(input)?;
    humantime::parse_duration(&text).map_err(|_| {
        D::Error::custom(format!("not a duration: write it as \"500ms\", \"5s\" or \"1m 30s\", got={text:?}"))
    })
}

/// A duration above zero.
pub fn positive_duration<'de, D: Deserializer<'de>>(input: D) -> Result<Duration, D::Error> {
    let span = duration(input)?;
    if span.is_zero() {
        return Err(D::Error::custom("the duration must be longer than zero"));
    }
    Ok(span)
}

/// A number of bytes such as `"64MiB"`, at least one.
pub fn bytes<'de, D: Deserializer<'de>>(input: D) -> Result<usize, D::Error> {
    let text = String::deserialize(input)?;
    size(&text).filter(|&size| size > 0).ok_or_else(|| no_size(&text))
}

/// A number of bytes such as `"1MiB"`, or none at all.
pub fn bytes_or_zero<'de, D: Deserializer<'de>>(input: D) -> Result<Option<usize>, D::Error> {
    let text = String::deserialize(input)?;
    size(&text).map(Some).ok_or_else(|| no_size(&text))
}

/// A number of bytes, where there may be none.
pub fn optional_bytes<'de, D: Deserializer<'de>>(input: D) -> Result<Option<usize>, D::Error> {
    bytes(input).map(Some)
}

/// A duration, zero too, where there may be none.
pub fn optional_duration_or_zero<'de, D: Deserializer<'de>>(input: D) -> Result<Option<Duration>, D::Error> {
    duration(input).map(Some)
}

/// A duration above zero, where there may be none.
pub fn optional_duration<'de, D: Deserializer<'de>>(input: D) -> Result<Option<Duration>, D::Error> {
    positive_duration(input).map(Some)
}

/// Any text that a type checks when it is parsed.
pub fn parsed<'de, D, T>(input: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: FromStr<Err: fmt::Display>,
{
    String::deserialize(input)?.parse().map_err(D::Error::custom)
}

/// Any text that a type checks when it is parsed, where there may be none.
pub fn optional<'de, D, T>(input: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: FromStr<Err: fmt::Display>,
{
    parsed(input).map(Some)
}

/// Texts that a type checks when they are parsed.
pub fn all_parsed<'de, D, T>(input: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: FromStr<Err: fmt::Display>,
{
    Vec::<String>::deserialize(input)?.iter().map(|text| text.parse().map_err(D::Error::custom)).collect()
}

fn size(text: &str) -> Option<usize> {
    let has_unit = text.ends_with(|last: char| last.is_ascii_alphabetic());
    let size = text.parse::<ByteSize>().ok().filter(|_| has_unit)?;
    usize::try_from(size.as_u64()).ok()
}

fn no_size<E: Error>(text: &str) -> E {
    E::custom(format!("not a size: write it as \"64MiB\" or \"500KB\", got={text:?}"))
}
