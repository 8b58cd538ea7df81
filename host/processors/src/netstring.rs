//! Documents as netstrings: `3:abc,`.

use std::{io::Write, ops::Range};

use crate::{Item, Malformed, framing::Framing};

/// Digits of the longest length: no record has so many bytes.
const LENGTH_DIGITS: usize = 9;

/// Puts the length before each document and a comma behind it.
pub(crate) struct Netstrings;

impl Framing<'_> for Netstrings {
    fn size_with(&self, so_far: usize, _: &Item<'_>, bytes: &[u8]) -> usize {
        let digits = bytes.len().checked_ilog10().unwrap_or(0) as usize + 1;
        so_far + digits + 1 + bytes.len() + 1
    }

    fn add(&mut self, _: usize, _: &Item<'_>, bytes: &[u8], out: &mut Vec<u8>) {
        write!(out, "{}:", bytes.len()).expect("a vector takes all that is written");
        out.extend_from_slice(bytes);
        out.push(b',');
    }

    fn close(&mut self, _: usize, _: &mut Vec<u8>) {}

    fn finish(self, _: &mut Vec<u8>) {}
}

/// Finds what is in the netstrings of a record, in order. What does not read as one takes the rest of the record with
/// it, because nothing says where the next begins.
pub(crate) fn split(data: &[u8], mut found: impl FnMut(Range<usize>)) -> Result<(), Malformed> {
    let mut at = 0;
    while at < data.len() {
        let inside = inside(data, at).map_err(|why| Malformed::Netstring { why, at })?;
        at = inside.end + 1;
        found(inside);
    }
    Ok(())
}

/// Where the content of the netstring lies that begins here.
fn inside(data: &[u8], at: usize) -> Result<Range<usize>, &'static str> {
    let mut length = 0;
    let mut start = at;
    while let Some(digit @ b'0'..=b'9') = data.get(start) {
        length = length * 10 + usize::from(digit - b'0');
        start += 1;
        if start - at > LENGTH_DIGITS {
            return Err("the length has too many digits");
        }
    }
    match start - at {
        0 => return Err("no length"),
        1 => {}
        _ if data[at] == b'0' => return Err("the length begins with a zero"),
        _ => {}
    }
    match data.get(start) {
        Some(b':') => start += 1,
        Some(_) => return Err("no colon behind the length"),
        None => return Err("the record ends in it"),
    }
    match data.get(start + length) {
        Some(b',') => Ok(start..start + length),
        Some(_) => Err("no comma at its end"),
        None => Err("the record ends in it"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(data: &str) -> (Vec<&str>, Option<String>) {
        let mut parts = Vec::new();
        let end = split(data.as_bytes(), |place| parts.push(&data[place]));
        (parts, end.err().map(|malformed| malformed.to_string()))
    }

    #[test]
    fn netstrings_are_taken_apart() {
        let parts = parts("8:{\"a\": 1},0:,3:a,b,10:0123456789,");
        assert_eq!(parts, (vec!["{\"a\": 1}", "", "a,b", "0123456789"], None));
    }

    #[test]
    fn what_is_malformed_takes_the_rest_with_it_and_what_came_before_stays() {
        for (rest, why) in [
            ("3:abc", "the record ends in it"),
            ("3:ab,", "the record ends in it"),
            ("3", "the record ends in it"),
            ("3:abcd,", "no comma at its end"),
            ("03:abc,", "the length begins with a zero"),
            ("00:,", "the length begins with a zero"),
            (":abc,", "no length"),
            ("+3:abc,", "no length"),
            (" 3:abc,", "no length"),
            ("3 :abc,", "no colon behind the length"),
            ("99999999999999999999:a,", "the length has too many digits"),
            ("999999999:a,", "the record ends in it"),
        ] {
            let expected = format!("no netstring from here on: {why}, byte=4");
            assert_eq!(parts(&format!("1:a,{rest}")), (vec!["a"], Some(expected)), "{rest}");
        }
    }
}
