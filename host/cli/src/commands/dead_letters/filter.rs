//! Which letters are shown.

use std::str::FromStr;

use tidemill_engine::{
    dead_letter::DeadLetter,
    lease::plan,
    time::{Clock, UnixMillis},
};

use crate::config::Start;

/// Which letters are shown.
#[derive(Debug, clap::Args)]
pub struct Filter {
    /// Only those that failed like this, such as trapped
    #[arg(long, value_name = "KIND")]
    kind: Option<String>,
    /// Only those given up since then: a span such as 2h, or a date such as 2026-01-31T12:00:00Z
    #[arg(long, value_name = "WHEN")]
    since: Option<Since>,
    /// No more than so many
    #[arg(long, value_name = "COUNT")]
    limit: Option<usize>,
}

impl Filter {
    /// Whether a letter is to be shown.
    pub fn lets_through(&self, letter: &DeadLetter) -> bool {
        self.kind.as_ref().is_none_or(|kind| letter.kind.contains(kind.as_str()))
            && self.since.is_none_or(|since| letter.at >= since.0)
    }

    /// How many are to be shown at the most.
    pub fn limit(&self) -> usize {
        self.limit.unwrap_or(usize::MAX)
    }
}

/// A moment in the past.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Since(UnixMillis);

impl FromStr for Since {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(span) = humantime::parse_duration(text) {
            return Ok(Self(Clock::system().now().minus(span)));
        }
        match text.parse() {
            Ok(Start(plan::Start::AtTimestamp(moment))) => Ok(Self(moment)),
            _ => {
                Err("not a moment: write a span such as 2h, or a date such as 2026-01-31T12:00:00Z"
                    .to_owned())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_a_span_ago_or_a_date() {
        let date: Since = "2023-11-14T22:13:20Z".parse().unwrap();
        assert_eq!(date, Since(UnixMillis(1_700_000_000_000)));
        let before = Clock::system().now();
        let hour: Since = "1h".parse().unwrap();
        assert!(hour.0.millis_since(before.minus(std::time::Duration::from_secs(3_600))) < 60_000);
        for wrong in ["latest", "yesterday", ""] {
            assert!(wrong.parse::<Since>().unwrap_err().starts_with("not a moment"), "{wrong}");
        }
    }
}
