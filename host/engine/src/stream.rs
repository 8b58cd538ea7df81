//! Naming a stream: by its name or by its ARN.

use std::{fmt, str::FromStr, sync::Arc};

use thiserror::Error;

/// A stream as the caller named it: `orders`, or `arn:aws:kinesis:eu-west-1:123456789012:stream/orders`.
///
/// Cloning is cheap. A value is well formed once it exists.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StreamRef {
    name: Arc<str>,
    arn: Option<Arc<str>>,
}

impl StreamRef {
    /// The stream's name: 1 to 128 characters of `a-zA-Z0-9_.-`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The ARN, where the caller gave one.
    pub fn arn(&self) -> Option<&str> {
        self.arn.as_deref()
    }

    /// The region that the ARN names, where the caller gave one.
    pub fn region(&self) -> Option<&str> {
        self.arn()?.split(':').nth(3)
    }
}

impl FromStr for StreamRef {
    type Err = InvalidStream;

    fn from_str(text: &str) -> Result<Self, InvalidStream> {
        if text.starts_with("arn:") {
            let name = name_in_arn(text)?;
            return Ok(Self { name: checked_name(name, text)?.into(), arn: Some(text.into()) });
        }
        Ok(Self { name: checked_name(text, text)?.into(), arn: None })
    }
}

impl fmt::Display for StreamRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.arn().unwrap_or(&self.name))
    }
}

impl fmt::Debug for StreamRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The text names no stream.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum InvalidStream {
    /// It starts like an ARN and is none of a Kinesis stream.
    #[error(
        "not the ARN of a Kinesis stream: expected arn:aws:kinesis:<region>:<12-digit account>:stream/<name>, got={0}"
    )]
    Arn(String),
    /// The name has a character that the service does not take, or is too long.
    #[error("not a stream name: 1 to 128 characters of a-z A-Z 0-9 _ . - are allowed, got={0:?}")]
    Name(String),
}

fn name_in_arn(text: &str) -> Result<&str, InvalidStream> {
    let invalid = || InvalidStream::Arn(text.to_owned());
    let parts: Vec<&str> = text.splitn(6, ':').collect();
    let ["arn", partition, "kinesis", region, account, resource] = parts[..] else {
        return Err(invalid());
    };
    let account_is_valid = account.len() == 12 && account.bytes().all(|b| b.is_ascii_digit());
    if !partition.starts_with("aws") || region.is_empty() || !account_is_valid {
        return Err(invalid());
    }
    resource.strip_prefix("stream/").ok_or_else(invalid)
}

fn checked_name<'a>(name: &'a str, given: &str) -> Result<&'a str, InvalidStream> {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-');
    if (1..=128).contains(&name.len()) && name.bytes().all(allowed) {
        return Ok(name);
    }
    Err(InvalidStream::Name(given.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_and_an_arn_are_streams() {
        let plain: StreamRef = "orders-1".parse().unwrap();
        assert_eq!((plain.name(), plain.arn()), ("orders-1", None));
        let arn: StreamRef = "arn:aws-cn:kinesis:cn-north-1:123456789012:stream/orders".parse().unwrap();
        assert_eq!((arn.name(), arn.region()), ("orders", Some("cn-north-1")));
    }

    #[test]
    fn what_names_no_stream_is_refused() {
        for text in [
            "",
            "a b",
            "arn:aws:kinesis:eu-west-1:123456789012:orders",
            "arn:aws:sqs:eu-west-1:123456789012:stream/orders",
            "arn:aws:kinesis:eu-west-1:12345:stream/orders",
            "arn:aws:kinesis:eu-west-1:123456789012:stream/",
            &"x".repeat(129),
        ] {
            assert!(text.parse::<StreamRef>().is_err(), "{text} was taken for a stream");
        }
    }
}
