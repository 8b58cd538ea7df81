//! What a request asks for beside its body: in the query of its URL and in its headers.

use std::{fmt, str::FromStr, time::Duration};

use axum::http::{HeaderMap, header, request::Parts};
use bytestring::ByteString;
use tidemill_engine::{hash::HashKey, kinesis::is_valid_partition_key, limits};

use crate::{http::answer::Refusal, pointer::Pointer};

const PARAMETERS: &str = "wait, timeout, partition-key, explicit-hash-key, partition-key-pointer";

/// What a request asks for.
#[derive(Clone, Debug, Default)]
pub struct Wish {
    /// How the body is read.
    pub format: Format,
    /// How long the answer waits until the documents have settled, if it does.
    pub wait: Option<Duration>,
    /// The key of documents that have none of their own.
    pub partition_key: Option<ByteString>,
    /// Decides the shard of documents that have no explicit hash key of their own.
    pub explicit_hash_key: Option<HashKey>,
    /// Where in a document its key is.
    pub pointer: Option<Pointer>,
}

/// How a body is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// Each line is a document.
    Lines,
    /// A batch, or one document.
    Json,
    /// One document.
    #[default]
    Bytes,
}

impl Wish {
    /// Reads head and query.
    pub fn of(head: &Parts) -> Result<Self, Refusal> {
        let headers = &head.headers;
        if let Some(encoding) = text(headers, "content-encoding")?.filter(|encoding| *encoding != "identity")
        {
            return Err(Refusal::bad_request(format!(
                "bodies are taken as they are, without content-encoding: got={encoding:?}"
            )));
        }
        let mut wish = Self {
            format: Format::of(text(headers, header::CONTENT_TYPE.as_str())?.unwrap_or_default()),
            partition_key: text(headers, "x-partition-key")?.map(partition_key).transpose()?,
            explicit_hash_key: text(headers, "x-explicit-hash-key")?.map(checked).transpose()?,
            ..Self::default()
        };
        let mut timeout = limits::INGEST_TIMEOUT;
        let mut wait = false;
        for (name, value) in form_urlencoded::parse(head.uri.query().unwrap_or_default().as_bytes()) {
            match &*name {
                "wait" => wait = value.is_empty() || checked(&value)?,
                "timeout" => timeout = timeout_of(&value)?,
                "partition-key" => wish.partition_key = Some(partition_key(&value)?),
                "explicit-hash-key" => wish.explicit_hash_key = Some(checked(&value)?),
                "partition-key-pointer" => wish.pointer = Some(checked(&value)?),
                other => {
                    let message = format!("unknown query parameter `{other}`, known are {PARAMETERS}");
                    return Err(Refusal::bad_request(message));
                }
            }
        }
        wish.wait = wait.then_some(timeout);
        Ok(wish)
    }
}

impl Format {
    fn of(content_type: &str) -> Self {
        let essence = content_type.split(';').next().unwrap_or_default().trim();
        let is = |name: &str| essence.eq_ignore_ascii_case(name);
        if is("application/x-ndjson") || is("application/jsonl") {
            Self::Lines
        } else if is("application/json") {
            Self::Json
        } else {
            Self::Bytes
        }
    }
}

/// A partition key that the service takes.
pub fn partition_key(text: &str) -> Result<ByteString, Refusal> {
    let key = ByteString::from(text);
    if is_valid_partition_key(&key) {
        return Ok(key);
    }
    let longest = limits::PARTITION_KEY_CHARS;
    Err(Refusal::bad_request(format!("a partition key has 1 to {longest} characters")))
}

/// Any value that its type checks.
pub fn checked<T: FromStr<Err: fmt::Display>>(text: &str) -> Result<T, Refusal> {
    text.parse().map_err(|error: T::Err| Refusal::bad_request(error.to_string()))
}

fn timeout_of(text: &str) -> Result<Duration, Refusal> {
    let longest = limits::INGEST_TIMEOUT_LONGEST;
    let timeout = humantime::parse_duration(text).ok();
    timeout.filter(|span| !span.is_zero() && *span <= longest).ok_or_else(|| {
        let longest = humantime::format_duration(longest);
        Refusal::bad_request(format!(
            "timeout is a duration such as 500ms or 30s, at most {longest}, got={text:?}"
        ))
    })
}

fn text<'a>(headers: &'a HeaderMap, name: &'static str) -> Result<Option<&'a str>, Refusal> {
    let value = headers.get(name).map(|value| std::str::from_utf8(value.as_bytes()));
    value.transpose().map_err(|_| Refusal::bad_request(format!("the header is no UTF-8: {name}")))
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;

    fn wish(query: &str, headers: &[(&str, &str)]) -> Result<Wish, Refusal> {
        let mut request = Request::builder().uri(format!("/streams/orders/records{query}"));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        Wish::of(&request.body(()).unwrap().into_parts().0)
    }

    fn refusal(query: &str, headers: &[(&str, &str)]) -> String {
        format!("{:?}", wish(query, headers).unwrap_err())
    }

    #[test]
    fn the_content_type_decides_how_a_body_is_read() {
        let format = |kind: &str| wish("", &[("content-type", kind)]).unwrap().format;
        assert_eq!(format("application/x-ndjson; charset=utf-8"), Format::Lines);
        assert_eq!(format("Application/JSONL"), Format::Lines);
        assert_eq!(format("application/json;charset=utf-8"), Format::Json);
        assert_eq!(format("text/json"), Format::Bytes);
        assert_eq!(wish("", &[]).unwrap().format, Format::Bytes);
    }

    #[test]
    fn keys_come_from_headers_and_the_query_goes_before_them() {
        let headers = [("x-partition-key", "käse"), ("x-explicit-hash-key", "12")];
        let from_headers = wish("", &headers).unwrap();
        assert_eq!(from_headers.partition_key.as_deref(), Some("käse"));
        assert_eq!(from_headers.explicit_hash_key, Some(HashKey(12)));
        let from_query = wish("?partition-key=a%20b+c&explicit-hash-key=0", &headers).unwrap();
        assert_eq!(from_query.partition_key.as_deref(), Some("a b c"));
        assert_eq!(from_query.explicit_hash_key, Some(HashKey(0)));
    }

    #[test]
    fn a_wait_is_bounded() {
        let wait = |query: &str| wish(query, &[]).unwrap().wait;
        assert_eq!((wait(""), wait("?wait=false&timeout=1s")), (None, None));
        assert_eq!((wait("?wait"), wait("?wait=true")), (Some(limits::INGEST_TIMEOUT), wait("?wait")));
        assert_eq!(wait("?timeout=1500ms&wait=true"), Some(Duration::from_millis(1_500)));
        for timeout in ["0s", "1h", "soon", "5"] {
            assert!(refusal(&format!("?timeout={timeout}"), &[]).contains("at most 15m, got="), "{timeout}");
        }
    }

    #[test]
    fn what_is_wrong_is_told_with_what_would_be_right() {
        assert!(
            refusal("?wiat=true", &[]).contains("unknown query parameter `wiat`, known are wait, timeout,")
        );
        assert!(refusal("?partition-key=", &[]).contains("a partition key has 1 to 256 characters"));
        assert!(refusal("?explicit-hash-key=007", &[]).contains("not a hash key"));
        assert!(
            refusal("?partition-key-pointer=id", &[]).contains("a JSON pointer begins with /, as in /id")
        );
        assert!(refusal("", &[("content-encoding", "gzip")]).contains("without content-encoding"));
    }
}
