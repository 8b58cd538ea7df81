//! Documents in one list.
//!
//! With msgpack it is a msgpack array. With anything else it is a JSON array, whose elements are JSON documents as
//! they stand, texts as JSON strings, or bytes as JSON strings of base64.

use std::ops::Range;

use memchr::memchr;

use crate::{
    Item, Malformed, Origin, Serializer, Unpacked,
    framing::{Framing, insert},
    json::{skip_space, unescape, value_end},
    msgpack, utf8,
};

/// Puts elements between brackets, with a comma and a space between two, as Python's `json.dumps` does.
pub(crate) struct JsonList;

impl Framing<'_> for JsonList {
    fn size_with(&self, so_far: usize, _: &Item<'_>, bytes: &[u8]) -> usize {
        let before = if so_far == 0 { "[" } else { ", " };
        so_far + before.len() + bytes.len() + "]".len()
    }

    fn add(&mut self, so_far: usize, _: &Item<'_>, bytes: &[u8], out: &mut Vec<u8>) {
        out.extend_from_slice(if so_far == 0 { b"[" } else { b", " });
        out.extend_from_slice(bytes);
    }

    fn close(&mut self, _: usize, out: &mut Vec<u8>) {
        out.push(b']');
    }

    fn finish(self, _: &mut Vec<u8>) {}
}

/// Counts elements, and puts their number before them in the end.
#[derive(Default)]
pub(crate) struct MsgpackList {
    length: u32,
}

impl Framing<'_> for MsgpackList {
    fn size_with(&self, so_far: usize, _: &Item<'_>, bytes: &[u8]) -> usize {
        let header = match self.length + 1 {
            ..=15 => 1,
            16..=0xFFFF => 3,
            _ => 5,
        };
        header + so_far + bytes.len()
    }

    fn add(&mut self, _: usize, _: &Item<'_>, bytes: &[u8], out: &mut Vec<u8>) {
        self.length += 1;
        out.extend_from_slice(bytes);
    }

    fn close(&mut self, start: usize, out: &mut Vec<u8>) {
        let mut header = Vec::new();
        msgpack::write_list_header(&mut header, std::mem::take(&mut self.length));
        insert(out, start, &header);
    }

    fn finish(self, _: &mut Vec<u8>) {}
}

/// A document in the bytes of its element.
pub(crate) fn element<'a>(
    serializer: Serializer,
    document: &'a [u8],
    scratch: &'a mut Vec<u8>,
) -> Result<&'a [u8], Malformed> {
    match serializer {
        Serializer::Json | Serializer::Msgpack => serializer.serialize(document, scratch),
        Serializer::String => {
            let text = utf8::text(document)?;
            scratch.clear();
            serde_json::to_writer(&mut *scratch, text).map_err(Malformed::Json)?;
            Ok(scratch)
        }
        Serializer::Bytes => {
            scratch.clear();
            scratch.push(b'"');
            base64_simd::STANDARD.encode_append(document, scratch);
            scratch.push(b'"');
            Ok(scratch)
        }
    }
}

/// Hands out the documents of a record that is a list. What does not read as one takes the rest of the record with it.
pub(crate) fn unpack(serializer: Serializer, data: &[u8], out: &mut impl Unpacked) {
    let end = match serializer {
        Serializer::Msgpack => {
            msgpack_elements(data, |place| serializer.deserialize(data, place, &NONE, out))
        }
        Serializer::Json => {
            // One look at all of it costs less than one at each element.
            let is_text = utf8::text(data).is_ok();
            json_elements(data, |place| json_document(data, place, is_text, out))
        }
        _ => json_elements(data, |place| unquoted_document(serializer, data, place, out)),
    };
    if let Err(malformed) = end {
        out.rejected(&malformed);
    }
}

/// The origin of documents that keep nothing of their own.
const NONE: Origin<'static> = Origin { key: None, hash_key: None, tags: &[] };

/// Hands out an element of a JSON array, which is known to be JSON but for its text.
fn json_document(data: &[u8], place: Range<usize>, is_text: bool, out: &mut impl Unpacked) {
    let checked = if is_text { Ok("") } else { utf8::text(&data[place.clone()]) };
    match checked {
        Ok(_) => out.part(place, &NONE),
        Err(malformed) => out.rejected(&malformed),
    }
}

/// Hands out what is in an element of a JSON array that should be a string.
fn unquoted_document(serializer: Serializer, data: &[u8], place: Range<usize>, out: &mut impl Unpacked) {
    let inside = place.start + 1..place.end - 1;
    if data[place.start] != b'"' {
        return out.rejected(&Malformed::Element("JSON string"));
    }
    let text = &data[inside.clone()];
    if serializer == Serializer::Bytes {
        let decode = |bytes: &mut Vec<u8>| base64_simd::STANDARD.decode_append(text, bytes);
        return out.made(&NONE, |bytes| decode(bytes).map_err(|_| Malformed::Element("base64")));
    }
    if memchr(b'\\', text).is_none() {
        return serializer.deserialize(data, inside, &NONE, out);
    }
    out.made(&NONE, |unescaped| {
        utf8::text(text)?;
        unescape(text, unescaped).ok_or(Malformed::Element("text: it has half a surrogate pair"))
    });
}

/// Finds the elements of a JSON array.
fn json_elements(data: &[u8], mut found: impl FnMut(Range<usize>)) -> Result<(), Malformed> {
    let malformed = |at| Malformed::List { of: "JSON", at };
    let next = |at: usize| data.get(at).copied();
    let mut at = skip_space(data, 0);
    if next(at) != Some(b'[') {
        return Err(malformed(at));
    }
    at = skip_space(data, at + 1);
    if next(at) == Some(b']') {
        at += 1;
    } else {
        loop {
            let end = value_end(data, at).ok_or(malformed(at))?;
            found(at..end);
            at = skip_space(data, end);
            match next(at) {
                Some(b',') => at = skip_space(data, at + 1),
                Some(b']') => break at += 1,
                _ => return Err(malformed(at)),
            }
        }
    }
    at = skip_space(data, at);
    if at == data.len() { Ok(()) } else { Err(malformed(at)) }
}

/// Finds the elements of a msgpack array.
fn msgpack_elements(data: &[u8], mut found: impl FnMut(Range<usize>)) -> Result<(), Malformed> {
    let malformed = |at| Malformed::List { of: "msgpack", at };
    let (length, mut at) = msgpack::list_length(data).ok_or(malformed(0))?;
    for _ in 0..length {
        let end = msgpack::element_end(data, at)?;
        found(at..end);
        at = end;
    }
    if at == data.len() { Ok(()) } else { Err(malformed(at)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Aggregator, Codec, tests::Reading};

    fn read(serializer: Serializer, data: &[u8]) -> (Vec<Option<String>>, Vec<String>) {
        let reading = Reading::of(Codec { aggregator: Aggregator::List, serializer }, data);
        let text = |document: Vec<u8>| String::from_utf8(document).unwrap();
        (reading.found.into_iter().map(|found| found.document.map(text)).collect(), reading.rejections)
    }

    fn documents(serializer: Serializer, data: &[u8]) -> Vec<String> {
        let (documents, rejections) = read(serializer, data);
        assert!(rejections.is_empty(), "{rejections:?}");
        documents.into_iter().flatten().collect()
    }

    #[test]
    fn each_element_is_a_document_as_it_stands() {
        let data = b" [ {\"a\": [1, 2]} ,\n2,\"]\" , [ ] ]\n";
        assert_eq!(documents(Serializer::Json, data), ["{\"a\": [1, 2]}", "2", "\"]\"", "[ ]"]);
        assert!(
            documents(Serializer::Json, b"[]").is_empty() && documents(Serializer::Json, b" [ ] ").is_empty()
        );
        assert_eq!(documents(Serializer::String, b"[\"a\",\"\\u00e9\\n\"]"), ["a", "é\n"]);
        assert_eq!(documents(Serializer::Bytes, b"[\"YWI=\",\"\"]"), ["ab", ""]);
        assert_eq!(documents(Serializer::Msgpack, b"\x93\x01\xa1x\x90"), ["1", "\"x\"", "[]"]);
    }

    #[test]
    fn what_is_malformed_takes_the_rest_with_it_and_what_came_before_stays() {
        for (data, at) in [("[1, 2", 5), ("[1, ]", 4), ("[1, nul]", 4), ("[1} ", 2), ("[1]]", 3), ("[1", 2)] {
            let (documents, rejections) = read(Serializer::Json, data.as_bytes());
            assert_eq!(documents[0].as_deref(), Some("1"), "{data}");
            assert_eq!(rejections, [format!("no JSON list from here on, byte={at}")], "{data}");
        }
        for data in ["", "1", "{\"a\": 1}"] {
            let expected = (vec![None], vec!["no JSON list from here on, byte=0".to_owned()]);
            assert_eq!(read(Serializer::Json, data.as_bytes()), expected);
        }
        let (documents, rejections) = read(Serializer::Msgpack, b"\x93\x01\xa5x");
        assert_eq!(documents, [Some("1".to_owned()), None]);
        assert_eq!(rejections, ["no msgpack that JSON can hold: it ends too early, byte=2"]);
        assert_eq!(read(Serializer::Msgpack, b"\x91\x01\x02").1, ["no msgpack list from here on, byte=2"]);
        assert_eq!(read(Serializer::Msgpack, b"\x81\x01\x02").1, ["no msgpack list from here on, byte=0"]);
    }

    #[test]
    fn an_element_of_the_wrong_kind_is_rejected_and_its_neighbours_are_documents() {
        let (documents, rejections) = read(Serializer::String, b"[1, \"\\ud800\", \"b\"]");
        assert_eq!(documents, [None, None, Some("b".to_owned())]);
        assert_eq!(
            rejections,
            [
                "the element of the list is no JSON string",
                "the element of the list is no text: it has half a surrogate pair"
            ]
        );
        let (documents, rejections) = read(Serializer::Bytes, b"[\"YWI\", \"YWI=\"]");
        assert_eq!(documents, [None, Some("ab".to_owned())]);
        assert_eq!(rejections, ["the element of the list is no base64"]);
        let (documents, _) = read(Serializer::Json, b"[\"\xff\", 1]");
        assert_eq!(documents, [None, Some("1".to_owned())]);
    }
}
