//! Partition keys out of JSON documents.

use std::str::FromStr;

use bytestring::ByteString;
use serde_json::Value;
use tidemill_engine::kinesis::is_valid_partition_key;

/// A JSON pointer (RFC 6901) that is not the whole document.
#[derive(Clone, Debug)]
pub struct Pointer(String);

impl FromStr for Pointer {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.starts_with('/') {
            return Ok(Self(text.to_owned()));
        }
        Err(format!("a JSON pointer begins with /, as in /{text}"))
    }
}

impl Pointer {
    /// The partition key of a document: a string as it is, a number or a boolean as JSON writes it. An error says why
    /// there is none.
    pub fn key_of(&self, document: &[u8]) -> Result<ByteString, String> {
        let Self(pointer) = self;
        let document: Value =
            serde_json::from_slice(document).map_err(|error| format!("the document is no JSON: {error}"))?;
        let key = match document.pointer(pointer) {
            Some(Value::String(text)) => ByteString::from(text.as_str()),
            Some(value @ (Value::Number(_) | Value::Bool(_))) => value.to_string().into(),
            Some(_) => {
                return Err(format!("the partition key is no string, number or boolean: pointer={pointer}"));
            }
            None => return Err(format!("there is no partition key: pointer={pointer}")),
        };
        if is_valid_partition_key(&key) {
            return Ok(key);
        }
        Err(format!("the partition key must have 1 to 256 characters: pointer={pointer}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(line: &str) -> Result<ByteString, String> {
        "/user/id".parse::<Pointer>().unwrap().key_of(line.as_bytes())
    }

    #[test]
    fn strings_numbers_and_booleans_are_keys() {
        assert_eq!(key(r#"{"user":{"id":"a\u00e9"}}"#).unwrap(), "aé");
        assert_eq!(key(r#"{"user":{"id":12}}"#).unwrap(), "12");
        assert_eq!(key(r#"{"user":{"id":true}}"#).unwrap(), "true");
    }

    #[test]
    fn a_line_without_a_key_says_why() {
        assert_eq!(key(r#"{"user":{}}"#).unwrap_err(), "there is no partition key: pointer=/user/id");
        assert!(key(r#"{"user":{"id":null}}"#).unwrap_err().starts_with("the partition key is no string"));
        assert!(key(r#"{"user":{"id":""}}"#).unwrap_err().contains("1 to 256 characters"));
        assert!(key("{").unwrap_err().starts_with("the document is no JSON: "));
    }

    #[test]
    fn a_pointer_without_its_slash_is_refused_with_the_right_one() {
        assert_eq!("id".parse::<Pointer>().unwrap_err(), "a JSON pointer begins with /, as in /id");
    }
}
