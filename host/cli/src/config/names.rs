//! Values that settings and flags share: each is known to be good once it exists.

use std::{
    fmt,
    str::FromStr,
    time::{Duration, UNIX_EPOCH},
};

use thiserror::Error;
use tidemill_engine::{lease::plan, time::UnixMillis};

/// The name of an application, a pipeline or a sink: 1 to 64 characters of `a-zA-Z0-9_-`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Deserialize)]
#[serde(try_from = "String")]
pub struct Name(String);

impl Name {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Name {
    type Error = InvalidName;

    fn try_from(text: String) -> Result<Self, InvalidName> {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-');
        if (1..=64).contains(&text.len()) && text.bytes().all(allowed) {
            return Ok(Self(text));
        }
        Err(InvalidName(text))
    }
}

impl FromStr for Name {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        text.to_owned().try_into()
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The text is no name.
#[derive(Debug, Error)]
#[error("not a name: 1 to 64 characters of a-z A-Z 0-9 _ - are allowed, got={0:?}")]
pub struct InvalidName(String);

/// Where reading starts when there is no checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Start(pub plan::Start);

impl Default for Start {
    fn default() -> Self {
        Self(plan::Start::TrimHorizon)
    }
}

impl FromStr for Start {
    type Err = InvalidStart;

    fn from_str(text: &str) -> Result<Self, InvalidStart> {
        let moment = || seconds(text).or_else(|| rfc3339(text)).map(plan::Start::AtTimestamp);
        match text {
            "trim-horizon" => Some(plan::Start::TrimHorizon),
            "latest" => Some(plan::Start::Latest),
            _ => moment(),
        }
        .map(Self)
        .ok_or_else(|| InvalidStart(text.to_owned()))
    }
}

/// The text names no place to start.
#[derive(Debug, Error)]
#[error(
    "not a place to start: expected `trim-horizon`, `latest`, a date such as 2026-01-31T12:00:00Z or seconds since 1970, got={0:?}"
)]
pub struct InvalidStart(String);

fn seconds(text: &str) -> Option<UnixMillis> {
    if !text.bytes().all(|b| b.is_ascii_digit() || b == b'.') {
        return None;
    }
    let span = Duration::try_from_secs_f64(text.parse().ok()?).ok()?;
    Some(UnixMillis(u64::try_from(span.as_millis()).ok()?))
}

fn rfc3339(text: &str) -> Option<UnixMillis> {
    let span = humantime::parse_rfc3339(text).ok()?.duration_since(UNIX_EPOCH).ok()?;
    Some(UnixMillis(u64::try_from(span.as_millis()).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_start_is_a_word_a_date_or_seconds() {
        let start = |text: &str| text.parse::<Start>().unwrap().0;
        assert_eq!(start("trim-horizon"), plan::Start::TrimHorizon);
        assert_eq!(start("latest"), plan::Start::Latest);
        let moment = plan::Start::AtTimestamp(UnixMillis(1_700_000_000_250));
        assert_eq!(start("1700000000.25"), moment);
        assert_eq!(start("2023-11-14T22:13:20.250Z"), moment);
    }

    #[test]
    fn what_is_no_start_is_refused_with_what_would_be() {
        for text in ["", "oldest", "-5", "1e9", "inf", ".", "2023-11-14", "1969-01-01T00:00:00Z"] {
            let error = text.parse::<Start>().unwrap_err().to_string();
            assert!(error.starts_with("not a place to start: expected `trim-horizon`"), "{error}");
        }
    }
}
