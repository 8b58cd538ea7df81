//! Values that the two protocols write differently: in JSON, data is base64 and a moment is seconds with a fraction;
//! in CBOR, data is a byte string and a moment is tag 1 on milliseconds, as the SDK for Java sends and expects it.

use std::borrow::Cow;

use base64_simd::STANDARD;
use ciborium::{Value, tag::Required};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use tidemill_engine::time::UnixMillis;

/// Data of a request, not decoded yet.
#[derive(Debug)]
pub(crate) enum Blob<'a> {
    Base64(Cow<'a, str>),
    Raw(Vec<u8>),
}

impl Blob<'_> {
    /// An upper bound of the data's length.
    pub(crate) fn capacity(&self) -> usize {
        match self {
            Self::Base64(text) => STANDARD.estimated_decoded_length(text.len()),
            Self::Raw(bytes) => bytes.len(),
        }
    }

    /// Puts the data behind what is in the buffer; `None` when it is no base64.
    pub(crate) fn append_to(&self, buffer: &mut Vec<u8>) -> Option<()> {
        match self {
            Self::Base64(text) => STANDARD.decode_append(text.as_bytes(), buffer).ok(),
            Self::Raw(bytes) => {
                buffer.extend_from_slice(bytes);
                Some(())
            }
        }
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Blob<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            return Text::deserialize(deserializer).map(|Text(text)| Self::Base64(text));
        }
        match Value::deserialize(deserializer)? {
            Value::Bytes(bytes) => Ok(Self::Raw(bytes)),
            _ => Err(D::Error::custom("invalid type: a byte string is expected")),
        }
    }
}

/// Text that is borrowed from the request where it has no escapes.
#[derive(Debug, Deserialize)]
pub(crate) struct Text<'a>(#[serde(borrow)] pub(crate) Cow<'a, str>);

/// Data of a response.
#[derive(Debug)]
pub(crate) struct Data<'a>(pub(crate) &'a [u8]);

impl Serialize for Data<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.serialize_str(&STANDARD.encode_to_string(self.0))
        } else {
            serializer.serialize_bytes(self.0)
        }
    }
}

/// A moment, in requests and responses.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment(pub(crate) UnixMillis);

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let millis = self.0.0;
        if serializer.is_human_readable() {
            #[expect(
                clippy::cast_precision_loss,
                reason = "milliseconds until the year 287396 fit 53 bits"
            )]
            return serializer.serialize_f64(millis as f64 / 1_000.0);
        }
        Required::<u64, 1>(millis).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            return f64::deserialize(deserializer).map(|seconds| Self(from_seconds(seconds)));
        }
        let value = Value::deserialize(deserializer)?;
        from_cbor(&value).map(Self).ok_or_else(|| D::Error::custom("invalid type: a timestamp is expected"))
    }
}

fn from_cbor(value: &Value) -> Option<UnixMillis> {
    // Nothing was put on a stream in the days when a date in milliseconds was below this.
    const SMALLEST_MILLIS: f64 = 1e11;
    match value {
        Value::Tag(1, inner) => from_cbor(inner),
        Value::Integer(millis) => u64::try_from(*millis).ok().map(UnixMillis),
        Value::Float(millis) if *millis >= SMALLEST_MILLIS => Some(from_seconds(millis / 1_000.0)),
        Value::Float(seconds) => Some(from_seconds(*seconds)),
        _ => None,
    }
}

/// Whole milliseconds. A microsecond is rounded first, because 0.123 is a little less than that as a float; below it
/// is cut off, because half a millisecond ahead would be the future.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "what is out of range saturates")]
fn from_seconds(seconds: f64) -> UnixMillis {
    UnixMillis((seconds * 1e6).round() as u64 / 1_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_cut_to_milliseconds_but_for_the_error_of_a_float() {
        for (seconds, millis) in [
            (0.0, 0),
            (1_500_000_000.123, 1_500_000_000_123),
            (1_795_256_320.706, 1_795_256_320_706),
            (1_795_256_320.706_9, 1_795_256_320_706),
            (-5.0, 0),
        ] {
            assert_eq!(from_seconds(seconds), UnixMillis(millis), "{seconds}");
        }
    }

    #[test]
    fn a_moment_in_json_comes_back_to_the_millisecond() {
        for millis in [0, 1_795_256_320_001, 1_795_256_320_999, 4_102_444_800_123] {
            let text = serde_json::to_string(&Moment(UnixMillis(millis))).unwrap();
            let Moment(back) = serde_json::from_str(&text).unwrap();
            assert_eq!(back, UnixMillis(millis), "{text}");
        }
    }
}
