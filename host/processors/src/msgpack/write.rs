//! From JSON text to msgpack, byte for byte what Python's `msgpack.packb` makes of what `json.loads` gives.
//!
//! A `serde_json` visitor cannot do it: it takes integers beyond 64 bits and `-0` for floats.

use rmp::encode;

use super::{MSGPACK_DEPTH, read};
use crate::{
    Malformed,
    json::{self, number_end, plain_end, skip_space, string_end, unescape, word_end},
    utf8,
};

/// Vectors take every byte, so writing to one has no other end.
const TAKEN: &str = "a vector takes all that is written";

/// Appends a document as msgpack. On failure a part of it may have been appended.
pub(crate) fn from_json(text: &[u8], out: &mut Vec<u8>) -> Result<(), Malformed> {
    utf8::text(text)?;
    let mut writer = Writer { text, at: 0, out };
    match writer.document() {
        Ok(()) => Ok(()),
        Err(Stop::NotJson) => Err(json::error(text)),
        Err(Stop::Unpackable(why)) => Err(Malformed::Unpackable { why, at: writer.at }),
    }
}

/// Appends what a list of so many elements begins with.
pub(crate) fn write_list_header(out: &mut Vec<u8>, length: u32) {
    encode::write_array_len(out, length).expect(TAKEN);
}

struct Writer<'a> {
    text: &'a [u8],
    at: usize,
    out: &'a mut Vec<u8>,
}

/// Why there is no more to write.
enum Stop {
    NotJson,
    Unpackable(&'static str),
}

impl Writer<'_> {
    fn document(&mut self) -> Result<(), Stop> {
        self.value(0)?;
        if skip_space(self.text, self.at) < self.text.len() {
            return Err(Stop::NotJson);
        }
        Ok(())
    }

    fn value(&mut self, depth: usize) -> Result<(), Stop> {
        self.at = skip_space(self.text, self.at);
        match self.text.get(self.at) {
            Some(b'"') => self.string(),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b'{' | b'[') if depth == MSGPACK_DEPTH => Err(Stop::Unpackable("it is nested too deep")),
            Some(b'{') => self.object(depth),
            Some(b'[') => self.array(depth),
            Some(_) => self.word(),
            None => Err(Stop::NotJson),
        }
    }

    fn object(&mut self, depth: usize) -> Result<(), Stop> {
        let start = self.open();
        let mut pairs = 0;
        while self.has_next(pairs, b'}')? {
            self.at = skip_space(self.text, self.at);
            if self.text.get(self.at) != Some(&b'"') {
                return Err(Stop::NotJson);
            }
            self.string()?;
            self.at = skip_space(self.text, self.at);
            if self.text.get(self.at) != Some(&b':') {
                return Err(Stop::NotJson);
            }
            self.at += 1;
            self.value(depth + 1)?;
            pairs += 1;
        }
        self.close(start, pairs, 0x80, |out, length| {
            encode::write_map_len(out, length).expect(TAKEN);
        });
        if pairs == 1 {
            self.restore(start);
        }
        Ok(())
    }

    fn array(&mut self, depth: usize) -> Result<(), Stop> {
        let start = self.open();
        let mut elements = 0;
        while self.has_next(elements, b']')? {
            self.value(depth + 1)?;
            elements += 1;
        }
        self.close(start, elements, 0x90, write_list_header);
        Ok(())
    }

    /// Leaves room for the header of most arrays and maps, whose length is not known before their end.
    fn open(&mut self) -> usize {
        self.at += 1;
        self.out.push(0);
        self.out.len() - 1
    }

    /// Writes the header: over the room left for it, or, where it is longer, in its place.
    fn close(&mut self, start: usize, length: u32, short: u8, write: impl Fn(&mut Vec<u8>, u32)) {
        if length < 16 {
            self.out[start] = short | length as u8;
        } else {
            self.insert(start, 1, |out| write(out, length));
        }
    }

    /// Whether another pair or element follows, with the comma before it passed; if not, the bracket is.
    fn has_next(&mut self, before: u32, closing: u8) -> Result<bool, Stop> {
        self.at = skip_space(self.text, self.at);
        match self.text.get(self.at) {
            Some(b',') if before > 0 => self.at += 1,
            Some(next) if *next == closing => {
                self.at += 1;
                return Ok(false);
            }
            Some(_) if before == 0 => {}
            _ => return Err(Stop::NotJson),
        }
        Ok(true)
    }

    fn string(&mut self) -> Result<(), Stop> {
        let start = self.at + 1;
        let plain = plain_end(self.text, start);
        if self.text.get(plain) == Some(&b'"') {
            let inside = &self.text[start..plain];
            encode::write_str_len(self.out, length_of(inside)).expect(TAKEN);
            self.out.extend_from_slice(inside);
            self.at = plain + 1;
            return Ok(());
        }
        let end = string_end(self.text, start).ok_or(Stop::NotJson)?;
        let written = self.out.len();
        unescape(&self.text[start..end - 1], self.out)
            .ok_or(Stop::Unpackable("half a surrogate pair is no text"))?;
        let length = length_of(&self.out[written..]);
        self.insert(written, 0, |out| {
            encode::write_str_len(out, length).expect(TAKEN);
        });
        self.at = end;
        Ok(())
    }

    /// Integers stay integers, and every number with a fraction or an exponent is a float.
    fn number(&mut self) -> Result<(), Stop> {
        let end = number_end(self.text, self.at).ok_or(Stop::NotJson)?;
        let digits = &self.text[self.at..end];
        let is_float = digits.iter().any(|byte| matches!(byte, b'.' | b'e' | b'E'));
        let digits = std::str::from_utf8(digits).map_err(|_| Stop::NotJson)?;
        if is_float {
            let number: f64 = digits.parse().map_err(|_| Stop::NotJson)?;
            if !number.is_finite() {
                return Err(Stop::Unpackable("a number is beyond 64 bits"));
            }
            encode::write_f64(self.out, number).expect(TAKEN);
        } else if let Ok(number) = digits.parse::<u64>() {
            encode::write_uint(self.out, number).expect(TAKEN);
        } else {
            let number = digits.parse().map_err(|_| Stop::Unpackable("a number is beyond 64 bits"))?;
            encode::write_sint(self.out, number).expect(TAKEN);
        }
        self.at = end;
        Ok(())
    }

    fn word(&mut self) -> Result<(), Stop> {
        let end = word_end(self.text, self.at).ok_or(Stop::NotJson)?;
        match self.text[self.at] {
            b't' => encode::write_bool(self.out, true).expect(TAKEN),
            b'f' => encode::write_bool(self.out, false).expect(TAKEN),
            _ => encode::write_nil(self.out).expect(TAKEN),
        }
        self.at = end;
        Ok(())
    }

    /// Puts what is written in place of so many bytes at a place, and moves what is behind it.
    fn insert(&mut self, at: usize, replaced: usize, write: impl Fn(&mut Vec<u8>)) {
        let end = self.out.len();
        write(self.out);
        let length = self.out.len() - end;
        self.out[at..].rotate_right(length);
        self.out.drain(at + length..at + length + replaced);
    }

    /// Makes bytes or an extension of an object that was written and stands for them.
    fn restore(&mut self, start: usize) {
        if let Some(bytes) = read::binary(&self.out[start..]) {
            self.out.truncate(start);
            encode::write_bin(self.out, &bytes).expect(TAKEN);
        } else if let Some((kind, bytes)) = read::extension(&self.out[start..]) {
            self.out.truncate(start);
            encode::write_ext_meta(self.out, length_of(&bytes), kind).expect(TAKEN);
            self.out.extend_from_slice(&bytes);
        }
    }
}

fn length_of(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len()).expect("a document is far below 4 GiB")
}
