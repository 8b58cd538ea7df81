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
    let has_unit = text.ends_with(|last: char| last.is_ascii_alphabetic());
    let size = text.parse::<ByteSize>().ok().filter(|_| has_unit);
    size.and_then(|size| usize::try_from(size.as_u64()).ok()).filter(|&size| size > 0).ok_or_else(|| {
        D::Error::custom(format!("not a size: write it as \"64MiB\" or \"500KB\", got={text:?}"))
    })
}

/// Any text that a type checks when it is parsed.
pub fn parsed<'de, D, T>(input: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: FromStr<Err: fmt::Display>,
{
    String::deserialize(input)?.parse().map_err(D::Error::custom)
}
