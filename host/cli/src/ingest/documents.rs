//! From a body to documents.

use base64_simd::STANDARD;
use bytes::Bytes;
use memchr::memchr_iter;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use tidemill_engine::processor::Document;

use super::wish::{Format, Wish, checked, partition_key};
use crate::http::answer::Refusal;

/// The documents of a body, in order. Each has the key that is its own, else the one its pointer finds, else the one
/// of the request; and is, with its key, at most so many bytes.
pub fn documents(body: &Bytes, wish: &Wish, max_bytes: usize) -> Result<Vec<Document>, Refusal> {
    let mut documents = match wish.format {
        Format::Lines => lines(body),
        Format::Json => of_json(body)?,
        Format::Bytes => vec![unkeyed(body.clone())],
    };
    for (index, document) in documents.iter_mut().enumerate() {
        complete(document, wish, max_bytes).map_err(|refusal| refusal.of_record(index))?;
    }
    Ok(documents)
}

fn complete(document: &mut Document, wish: &Wish, max_bytes: usize) -> Result<(), Refusal> {
    if document.partition_key.is_none() {
        document.partition_key = match &wish.pointer {
            Some(pointer) => Some(pointer.key_of(&document.data).map_err(Refusal::bad_request)?),
            None => wish.partition_key.clone(),
        };
    }
    document.explicit_hash_key = document.explicit_hash_key.or(wish.explicit_hash_key);
    let bytes = document.data.len() + document.partition_key.as_ref().map_or(0, |key| key.len());
    if bytes > max_bytes {
        let message = format!("the stream takes no document that large, bytes={bytes} limit={max_bytes}");
        return Err(Refusal::too_large(message));
    }
    Ok(())
}

/// The lines of a body without their ends; those with nothing in them are passed over.
fn lines(body: &Bytes) -> Vec<Document> {
    let mut documents = Vec::new();
    let mut start = 0;
    for end in memchr_iter(b'\n', body).chain([body.len()]) {
        let line = &body[start..end];
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if !line.iter().all(u8::is_ascii_whitespace) {
            documents.push(unkeyed(body.slice_ref(line)));
        }
        start = end + 1;
    }
    documents
}

/// A batch where the body is an array whose first item has a document inside, or an empty one; else one document.
fn of_json(body: &Bytes) -> Result<Vec<Document>, Refusal> {
    let is_array = body.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'[');
    if !is_array {
        serde_json::from_slice::<&RawValue>(body).map_err(|error| no_json(&error))?;
        return Ok(vec![unkeyed(body.clone())]);
    }
    let items: Vec<&RawValue> = serde_json::from_slice(body).map_err(|error| no_json(&error))?;
    if items.first().is_some_and(|first| !has_document(first)) {
        return Ok(vec![unkeyed(body.clone())]);
    }
    let document =
        |(index, item): (usize, &&RawValue)| item_of(body, item).map_err(|refusal| refusal.of_record(index));
    items.iter().enumerate().map(document).collect()
}

fn no_json(error: &serde_json::Error) -> Refusal {
    Refusal::bad_request(format!("the body is no JSON: {error}"))
}

/// Whether an item of an array is an object with a document in it, and not a document itself.
fn has_document(item: &RawValue) -> bool {
    #[derive(Deserialize)]
    struct Probe<'a> {
        #[serde(borrow, default, deserialize_with = "present")]
        data: Option<&'a RawValue>,
        #[serde(borrow, default, deserialize_with = "present")]
        text: Option<&'a RawValue>,
        #[serde(borrow, default, deserialize_with = "present")]
        base64: Option<&'a RawValue>,
    }
    let probed = serde_json::from_str::<Probe<'_>>(item.get());
    probed.is_ok_and(|Probe { data, text, base64 }| data.or(text).or(base64).is_some())
}

/// One item of a batch.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Item<'a> {
    /// Any JSON, which is the document as it stands.
    #[serde(borrow, default, deserialize_with = "present")]
    data: Option<&'a RawValue>,
    /// The document as text.
    text: Option<String>,
    /// The document's bytes.
    base64: Option<String>,
    partition_key: Option<String>,
    explicit_hash_key: Option<String>,
}

/// A value that is there, `null` too.
fn present<'de, D: Deserializer<'de>>(input: D) -> Result<Option<&'de RawValue>, D::Error> {
    <&RawValue>::deserialize(input).map(Some)
}

fn item_of(body: &Bytes, item: &RawValue) -> Result<Document, Refusal> {
    let item: Item<'_> =
        serde_json::from_str(item.get()).map_err(|error| Refusal::bad_request(error.to_string()))?;
    let data = match (item.data, item.text, item.base64) {
        (Some(value), None, None) => body.slice_ref(value.get().as_bytes()),
        (None, Some(text), None) => text.into(),
        (None, None, Some(base64)) => {
            let decoded = STANDARD.decode_to_vec(base64);
            decoded.map_err(|error| Refusal::bad_request(format!("base64: {error}")))?.into()
        }
        _ => return Err(Refusal::bad_request("exactly one of `data`, `text` and `base64` is expected")),
    };
    Ok(Document {
        data,
        partition_key: item.partition_key.as_deref().map(partition_key).transpose()?,
        explicit_hash_key: item.explicit_hash_key.as_deref().map(checked).transpose()?,
    })
}

fn unkeyed(data: Bytes) -> Document {
    Document { data, partition_key: None, explicit_hash_key: None }
}

#[cfg(test)]
mod tests;
