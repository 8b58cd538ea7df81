//! JSON text, walked over once.
//!
//! `serde_json` says what is wrong with a text, and is the judge in the tests. The walk is our own because lists need
//! to know where each element ends, and because it passes over long strings in less than half the time: every document
//! is checked on each side of a stream. On short documents the two are as fast.

mod token;

use serde::de::IgnoredAny;

use crate::{Malformed, utf8};

pub(crate) use token::{number_end, plain_end, skip_space, string_end, unescape, word_end};

/// Whether the text is one JSON value with nothing but white space around it.
pub(crate) fn check(text: &[u8]) -> Result<(), Malformed> {
    match value_end(text, 0) {
        Some(end) if skip_space(text, end) == text.len() => {}
        _ => return Err(error(text)),
    }
    utf8::text(text).map(drop)
}

/// What is wrong with a text that is not JSON.
#[cold]
pub(crate) fn error(text: &[u8]) -> Malformed {
    match std::str::from_utf8(text).map(serde_json::from_str::<IgnoredAny>) {
        Err(error) => Malformed::Text(error),
        Ok(Err(error)) => Malformed::Json(error),
        // The tests hold the two to the same verdict; should they ever differ, the stricter one stands.
        Ok(Ok(IgnoredAny)) => Malformed::Json(serde::de::Error::custom("no JSON value")),
    }
}

/// Where the JSON value ends that begins here, after white space; none if there is none. That its text is UTF-8 is
/// not checked. It may be nested to any depth: the walk keeps its place on the heap, a bit a level.
pub(crate) fn value_end(text: &[u8], start: usize) -> Option<usize> {
    let mut open = Nesting::default();
    let mut at = start;
    loop {
        at = skip_space(text, at);
        at = match *text.get(at)? {
            b'"' => string_end(text, at + 1)?,
            b'-' | b'0'..=b'9' => number_end(text, at)?,
            opening @ (b'{' | b'[') => {
                let is_object = opening == b'{';
                at = skip_space(text, at + 1);
                if *text.get(at)? == closing(is_object) {
                    at + 1
                } else {
                    open.push(is_object);
                    if is_object {
                        at = key_end(text, at)?;
                    }
                    continue;
                }
            }
            _ => word_end(text, at)?,
        };
        loop {
            let Some(is_object) = open.innermost() else { return Some(at) };
            at = skip_space(text, at);
            let next = *text.get(at)?;
            at += 1;
            if next == b',' {
                if is_object {
                    at = key_end(text, skip_space(text, at))?;
                }
                break;
            }
            if next != closing(is_object) {
                return None;
            }
            open.pop();
        }
    }
}

/// Where an object's key that begins here ends, with the colon after it.
pub(crate) fn key_end(text: &[u8], at: usize) -> Option<usize> {
    if *text.get(at)? != b'"' {
        return None;
    }
    let at = skip_space(text, string_end(text, at + 1)?);
    (*text.get(at)? == b':').then_some(at + 1)
}

fn closing(is_object: bool) -> u8 {
    if is_object { b'}' } else { b']' }
}

/// Which of the open brackets are objects, the innermost in the lowest bit.
#[derive(Default)]
struct Nesting {
    depth: usize,
    inner: u64,
    outer: Vec<u64>,
}

impl Nesting {
    fn push(&mut self, is_object: bool) {
        if self.depth > 0 && self.depth.is_multiple_of(64) {
            self.outer.push(self.inner);
        }
        self.inner = self.inner << 1 | u64::from(is_object);
        self.depth += 1;
    }

    fn pop(&mut self) {
        self.depth -= 1;
        self.inner >>= 1;
        if self.depth.is_multiple_of(64)
            && let Some(inner) = self.outer.pop()
        {
            self.inner = inner;
        }
    }

    fn innermost(&self) -> Option<bool> {
        (self.depth > 0).then_some(self.inner & 1 == 1)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn judge(text: &[u8]) -> bool {
        std::str::from_utf8(text).is_ok_and(|text| serde_json::from_str::<IgnoredAny>(text).is_ok())
    }

    #[test]
    fn json_is_any_one_json_value_with_white_space_around_it() {
        for good in [&b"{\"a\":1}"[..], b" [1, 2]\r\n", b"null", b"\"\\u00e9\"", "\"é\"".as_bytes(), b"1e400"]
        {
            check(good).unwrap();
        }
        for bad in [&b""[..], b" ", b"{'a': 1}", b"{\"a\":1}{}", b"{\"a\":1", b"NaN", b"\"\xff\"", b"\xff"] {
            assert!(check(bad).is_err(), "{bad:?} was taken for JSON");
        }
    }

    #[test]
    fn deeply_nested_json_does_not_exhaust_the_stack() {
        for depth in [63, 64, 65, 127, 128, 129, 1_000_000] {
            let mixed = ["{\"a\":[".repeat(depth), "]}".repeat(depth)].concat();
            check(mixed.as_bytes()).unwrap();
            assert!(check(&mixed.as_bytes()[1..]).is_err());
            assert!(check(mixed.replacen("]}", "}]", 1).as_bytes()).is_err());
        }
    }

    /// Texts that are nearly JSON: pieces of it in any order.
    fn nearly_json() -> impl Strategy<Value = String> {
        let pieces = prop::sample::select(vec![
            "{",
            "}",
            "[",
            "]",
            ",",
            ":",
            "\"a\"",
            "\"",
            "\\",
            "\\u00",
            "e9",
            "1",
            "0",
            "-",
            ".",
            "e",
            "+",
            "true",
            "nul",
            "null",
            "false",
            " ",
            "\n",
            "é",
            "\u{1}",
            "\"a\":1",
            "[]",
            "{}",
            "01",
            "1.5e-3",
            "abcdefghij",
        ]);
        prop::collection::vec(pieces, 0..12).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn the_verdict_is_that_of_serde_json(text in nearly_json(), bytes: Vec<u8>) {
            prop_assert_eq!(check(text.as_bytes()).is_ok(), judge(text.as_bytes()), "{}", text);
            prop_assert_eq!(check(&bytes).is_ok(), judge(&bytes));
            let quoted = serde_json::to_string(&text).unwrap();
            prop_assert!(check(quoted.as_bytes()).is_ok());
        }
    }
}
