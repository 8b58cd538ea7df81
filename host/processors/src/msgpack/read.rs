//! From msgpack to JSON text.

use rmp::{
    Marker,
    decode::{RmpRead, read_marker},
};
use serde::Serialize;

use super::{BINARY, EXTENSION, MSGPACK_DEPTH};
use crate::{Malformed, json::plain_end};

/// Appends a document as compact JSON text. On failure a part of it may have been appended.
pub(crate) fn to_json(data: &[u8], out: &mut Vec<u8>) -> Result<(), Malformed> {
    let mut reader = Reader { data, rest: data };
    reader.value(out, 0)?;
    if !reader.rest.is_empty() {
        return Err(malformed("something follows the document", reader.at()));
    }
    Ok(())
}

/// The number of elements of a list, and where the first begins.
pub(crate) fn list_length(data: &[u8]) -> Option<(u32, usize)> {
    let mut reader = Reader { data, rest: data };
    match reader.token() {
        Ok(Token::Array(length)) => Some((length, reader.at())),
        _ => None,
    }
}

/// Where the value ends that begins here. Its nesting and its texts are not checked.
pub(crate) fn element_end(data: &[u8], start: usize) -> Result<usize, Malformed> {
    let mut reader = Reader { data, rest: &data[start..] };
    let mut left = 1_u64;
    while left > 0 {
        left += match reader.token()? {
            Token::Array(length) => u64::from(length),
            Token::Map(length) => 2 * u64::from(length),
            _ => 0,
        };
        left -= 1;
    }
    Ok(reader.at())
}

/// The bytes that a map stands for, if it has the one key of them.
pub(super) fn binary(map: &[u8]) -> Option<Vec<u8>> {
    let mut reader = Reader { data: map, rest: map };
    reader.enter(BINARY)?;
    reader.base64()
}

/// The extension that a map stands for, if it has the one key of them: its type and bytes.
pub(super) fn extension(map: &[u8]) -> Option<(i8, Vec<u8>)> {
    let mut reader = Reader { data: map, rest: map };
    reader.enter(EXTENSION)?;
    let (Token::Map(2), Token::Text(b"type")) = (reader.token().ok()?, reader.token().ok()?) else {
        return None;
    };
    let kind = match reader.token().ok()? {
        Token::Unsigned(number) => i8::try_from(number).ok()?,
        Token::Signed(number) => i8::try_from(number).ok()?,
        _ => return None,
    };
    let Token::Text(b"data") = reader.token().ok()? else { return None };
    Some((kind, reader.base64()?))
}

struct Reader<'a> {
    data: &'a [u8],
    rest: &'a [u8],
}

/// A marker with what goes with it, save for the elements of arrays and maps.
enum Token<'a> {
    Nil,
    Bool(bool),
    Unsigned(u64),
    Signed(i64),
    Float(f64),
    Text(&'a [u8]),
    Binary(&'a [u8]),
    Extension(i8, &'a [u8]),
    Array(u32),
    Map(u32),
}

impl<'a> Reader<'a> {
    fn value(&mut self, out: &mut Vec<u8>, depth: usize) -> Result<(), Malformed> {
        let at = self.at();
        match self.token()? {
            Token::Nil => out.extend_from_slice(b"null"),
            Token::Bool(value) => write_json(&value, out),
            Token::Unsigned(number) => write_json(&number, out),
            Token::Signed(number) => write_json(&number, out),
            Token::Float(number) if number.is_finite() => write_json(&number, out),
            Token::Float(_) => return Err(malformed("a number is not finite", at)),
            Token::Text(text) => write_text(text_of(text, at)?, out),
            Token::Binary(bytes) => write_binary(bytes, out),
            Token::Extension(kind, bytes) => write_extension(kind, bytes, out),
            Token::Array(_) | Token::Map(_) if depth == MSGPACK_DEPTH => {
                return Err(malformed("it is nested too deep", at));
            }
            Token::Array(length) => {
                out.push(b'[');
                for element in 0..length {
                    if element > 0 {
                        out.push(b',');
                    }
                    self.value(out, depth + 1)?;
                }
                out.push(b']');
            }
            Token::Map(length) => {
                out.push(b'{');
                for pair in 0..length {
                    if pair > 0 {
                        out.push(b',');
                    }
                    self.key(out)?;
                    out.push(b':');
                    self.value(out, depth + 1)?;
                }
                out.push(b'}');
            }
        }
        Ok(())
    }

    fn key(&mut self, out: &mut Vec<u8>) -> Result<(), Malformed> {
        let at = self.at();
        let Token::Text(key) = self.token()? else {
            return Err(malformed("a key of a map is no string", at));
        };
        write_text(text_of(key, at)?, out);
        Ok(())
    }

    fn token(&mut self) -> Result<Token<'a>, Malformed> {
        let at = self.at();
        let marker = read_marker(&mut self.rest).map_err(|_| malformed("it ends too early", at))?;
        if marker == Marker::Reserved {
            return Err(malformed("the byte begins nothing", at));
        }
        self.behind(marker).ok_or_else(|| malformed("it ends too early", at))
    }

    /// What goes with a marker; none where the data ends before it does.
    fn behind(&mut self, marker: Marker) -> Option<Token<'a>> {
        Some(match marker {
            Marker::Null | Marker::Reserved => Token::Nil,
            Marker::True => Token::Bool(true),
            Marker::False => Token::Bool(false),
            Marker::FixPos(number) => Token::Unsigned(number.into()),
            Marker::U8 => Token::Unsigned(self.rest.read_data_u8().ok()?.into()),
            Marker::U16 => Token::Unsigned(self.rest.read_data_u16().ok()?.into()),
            Marker::U32 => Token::Unsigned(self.rest.read_data_u32().ok()?.into()),
            Marker::U64 => Token::Unsigned(self.rest.read_data_u64().ok()?),
            Marker::FixNeg(number) => Token::Signed(number.into()),
            Marker::I8 => Token::Signed(self.rest.read_data_i8().ok()?.into()),
            Marker::I16 => Token::Signed(self.rest.read_data_i16().ok()?.into()),
            Marker::I32 => Token::Signed(self.rest.read_data_i32().ok()?.into()),
            Marker::I64 => Token::Signed(self.rest.read_data_i64().ok()?),
            Marker::F32 => Token::Float(self.rest.read_data_f32().ok()?.into()),
            Marker::F64 => Token::Float(self.rest.read_data_f64().ok()?),
            Marker::FixStr(length) => Token::Text(self.take(length.into())?),
            Marker::Str8 | Marker::Str16 | Marker::Str32 => Token::Text(self.sized(marker)?),
            Marker::Bin8 | Marker::Bin16 | Marker::Bin32 => Token::Binary(self.sized(marker)?),
            Marker::FixExt1 => self.extension(1)?,
            Marker::FixExt2 => self.extension(2)?,
            Marker::FixExt4 => self.extension(4)?,
            Marker::FixExt8 => self.extension(8)?,
            Marker::FixExt16 => self.extension(16)?,
            Marker::Ext8 | Marker::Ext16 | Marker::Ext32 => {
                let length = self.length(marker)?;
                self.extension(length)?
            }
            Marker::FixArray(length) => Token::Array(length.into()),
            Marker::Array16 | Marker::Array32 => Token::Array(self.length(marker)?),
            Marker::FixMap(length) => Token::Map(length.into()),
            Marker::Map16 | Marker::Map32 => Token::Map(self.length(marker)?),
        })
    }

    /// The length that goes with a marker, in as many bytes as the marker says.
    fn length(&mut self, marker: Marker) -> Option<u32> {
        match marker {
            Marker::Str8 | Marker::Bin8 | Marker::Ext8 => self.rest.read_data_u8().ok().map(u32::from),
            Marker::Str16 | Marker::Bin16 | Marker::Ext16 | Marker::Array16 | Marker::Map16 => {
                self.rest.read_data_u16().ok().map(u32::from)
            }
            _ => self.rest.read_data_u32().ok(),
        }
    }

    fn sized(&mut self, marker: Marker) -> Option<&'a [u8]> {
        let length = self.length(marker)?;
        self.take(length)
    }

    fn extension(&mut self, length: u32) -> Option<Token<'a>> {
        let kind = self.rest.read_data_i8().ok()?;
        Some(Token::Extension(kind, self.take(length)?))
    }

    fn take(&mut self, length: u32) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(length as usize)?;
        self.rest = rest;
        Some(taken)
    }

    /// Steps into a map whose one key is this.
    fn enter(&mut self, key: &str) -> Option<()> {
        let (Token::Map(1), Token::Text(found)) = (self.token().ok()?, self.token().ok()?) else {
            return None;
        };
        (found == key.as_bytes()).then_some(())
    }

    /// What a text holds in base64, if that is all there is.
    fn base64(&mut self) -> Option<Vec<u8>> {
        let Token::Text(text) = self.token().ok()? else { return None };
        if !self.rest.is_empty() {
            return None;
        }
        base64_simd::STANDARD.decode_to_vec(text).ok()
    }

    fn at(&self) -> usize {
        self.data.len() - self.rest.len()
    }
}

fn text_of(text: &[u8], at: usize) -> Result<&str, Malformed> {
    std::str::from_utf8(text).map_err(|_| malformed("a string is not UTF-8", at))
}

/// Most texts need no escapes, and then they are copied as they are.
fn write_text(text: &str, out: &mut Vec<u8>) {
    if plain_end(text.as_bytes(), 0) == text.len() {
        out.push(b'"');
        out.extend_from_slice(text.as_bytes());
        out.push(b'"');
    } else {
        write_json(text, out);
    }
}

fn write_json(value: &(impl Serialize + ?Sized), out: &mut Vec<u8>) {
    serde_json::to_writer(out, value).expect("a vector takes all that is written, and the value is plain");
}

fn write_binary(bytes: &[u8], out: &mut Vec<u8>) {
    write_all(out, &["{\"", BINARY, "\":\""]);
    base64_simd::STANDARD.encode_append(bytes, out);
    out.extend_from_slice(b"\"}");
}

fn write_extension(kind: i8, bytes: &[u8], out: &mut Vec<u8>) {
    write_all(out, &["{\"", EXTENSION, "\":{\"type\":"]);
    write_json(&kind, out);
    out.extend_from_slice(b",\"data\":\"");
    base64_simd::STANDARD.encode_append(bytes, out);
    out.extend_from_slice(b"\"}}");
}

fn write_all(out: &mut Vec<u8>, parts: &[&str]) {
    for part in parts {
        out.extend_from_slice(part.as_bytes());
    }
}

fn malformed(why: &'static str, at: usize) -> Malformed {
    Malformed::Msgpack { why, at }
}
