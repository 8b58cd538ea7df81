//! The tokens of JSON text: where each ends, and what a string's escapes stand for.

use memchr::memchr;

/// A one in every byte of a word.
const ONES: u64 = 0x0101_0101_0101_0101;
const HIGH_BITS: u64 = ONES << 7;
const QUOTES: u64 = ONES * b'"' as u64;
const BACKSLASHES: u64 = ONES * b'\\' as u64;
const FIRST_PRINTABLE: u64 = ONES * b' ' as u64;
/// Words of eight bytes in which short strings end, such as keys.
const SHORT_WORDS: usize = 4;
/// Bytes that long strings are passed over by.
const LONG_STEP: usize = 64;

/// The first place from here on that is no white space.
#[inline]
pub(crate) fn skip_space(text: &[u8], mut at: usize) -> usize {
    if text.get(at).is_some_and(|byte| *byte > b' ') {
        return at;
    }
    while let Some(b' ' | b'\n' | b'\r' | b'\t') = text.get(at) {
        at += 1;
    }
    at
}

/// Where a string ends whose first character is here, behind its quote; none if it is not well formed.
#[inline]
pub(crate) fn string_end(text: &[u8], mut at: usize) -> Option<usize> {
    loop {
        at = plain_end(text, at);
        match *text.get(at)? {
            b'"' => return Some(at + 1),
            b'\\' => at = escape_end(text, at + 1)?,
            _ => return None,
        }
    }
}

/// Where a number ends that begins here; none if it is not well formed.
#[inline]
pub(crate) fn number_end(text: &[u8], mut at: usize) -> Option<usize> {
    at += usize::from(text.get(at) == Some(&b'-'));
    at = match *text.get(at)? {
        b'0' => at + 1,
        b'1'..=b'9' => digits_end(text, at + 1),
        _ => return None,
    };
    if text.get(at) == Some(&b'.') {
        at = some_digits_end(text, at + 1)?;
    }
    if let Some(b'e' | b'E') = text.get(at) {
        at += 1;
        at += usize::from(matches!(text.get(at), Some(b'+' | b'-')));
        at = some_digits_end(text, at)?;
    }
    Some(at)
}

/// Where `true`, `false` or `null` ends that begins here; none if it is none of them.
#[inline]
pub(crate) fn word_end(text: &[u8], at: usize) -> Option<usize> {
    let word: &[u8] = match text.get(at)? {
        b't' => b"true",
        b'f' => b"false",
        _ => b"null",
    };
    text[at..].starts_with(word).then_some(at + word.len())
}

/// The first byte from here on that a string cannot just hold: a quote, a backslash or a control character. Short
/// strings end within a few words; long ones are passed over in larger steps, which compile to vectors.
#[inline]
pub(crate) fn plain_end(text: &[u8], mut at: usize) -> usize {
    for _ in 0..SHORT_WORDS {
        match special_in_word(text, at) {
            Some(0) => at += 8,
            Some(special) => return at + special.trailing_zeros() as usize / 8,
            None => return plain_end_by_bytes(text, at),
        }
    }
    long_plain_end(text, at)
}

/// Appends what a well-formed string stands for, given what is between its quotes. None, with any part of it
/// appended, when it holds half of a surrogate pair, which UTF-8 has no bytes for.
pub(crate) fn unescape(mut inside: &[u8], out: &mut Vec<u8>) -> Option<()> {
    while let Some(at) = memchr(b'\\', inside) {
        out.extend_from_slice(&inside[..at]);
        let escape = *inside.get(at + 1)?;
        inside = &inside[at + 2..];
        match escape {
            b'b' => out.push(8),
            b'f' => out.push(12),
            b'n' => out.push(b'\n'),
            b'r' => out.push(b'\r'),
            b't' => out.push(b'\t'),
            b'u' => {
                let character = escaped_character(&mut inside)?;
                out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
            }
            itself => out.push(itself),
        }
    }
    out.extend_from_slice(inside);
    Some(())
}

/// The character of `\u`, or of two of them that are a surrogate pair; takes its digits off the text.
fn escaped_character(inside: &mut &[u8]) -> Option<char> {
    let unit = hex_unit(inside)?;
    if !(0xD800..0xDC00).contains(&unit) {
        return char::from_u32(unit);
    }
    *inside = inside.strip_prefix(b"\\u")?;
    let low = hex_unit(inside)?.checked_sub(0xDC00).filter(|low| *low < 0x400)?;
    char::from_u32(0x10000 + ((unit - 0xD800) << 10) + low)
}

fn hex_unit(inside: &mut &[u8]) -> Option<u32> {
    let (digits, rest) = inside.split_at_checked(4)?;
    *inside = rest;
    digits.iter().try_fold(0, |unit, digit| Some(unit << 4 | char::from(*digit).to_digit(16)?))
}

/// The same for what is no short string; kept apart so that short ones stay short in code, too.
#[inline(never)]
fn long_plain_end(text: &[u8], mut at: usize) -> usize {
    while let Some(bytes) = text.get(at..).and_then(<[u8]>::first_chunk::<LONG_STEP>) {
        let (words, _) = bytes.as_chunks();
        if words.iter().fold(0, |found, word| found | special_in(u64::from_le_bytes(*word))) != 0 {
            break;
        }
        at += LONG_STEP;
    }
    loop {
        match special_in_word(text, at) {
            Some(0) => at += 8,
            Some(special) => return at + special.trailing_zeros() as usize / 8,
            None => return plain_end_by_bytes(text, at),
        }
    }
}

/// The next eight bytes with the high bit set in the first one that is special, and perhaps in some behind it; none
/// where the text has no eight more.
#[inline]
fn special_in_word(text: &[u8], at: usize) -> Option<u64> {
    Some(special_in(u64::from_le_bytes(*text.get(at..)?.first_chunk()?)))
}

#[inline]
fn special_in(word: u64) -> u64 {
    let (quotes, backslashes) = (word ^ QUOTES, word ^ BACKSLASHES);
    // The subtractions set a byte's high bit where it was zero, or below a blank; a borrow reaches only bytes behind
    // the first of those, which is the one that counts.
    let special = (quotes.wrapping_sub(ONES) & !quotes)
        | (backslashes.wrapping_sub(ONES) & !backslashes)
        | (word.wrapping_sub(FIRST_PRINTABLE) & !word);
    special & HIGH_BITS
}

fn plain_end_by_bytes(text: &[u8], mut at: usize) -> usize {
    while text.get(at).is_some_and(|byte| !is_special(*byte)) {
        at += 1;
    }
    at
}

fn is_special(byte: u8) -> bool {
    matches!(byte, b'"' | b'\\' | ..b' ')
}

fn escape_end(text: &[u8], at: usize) -> Option<usize> {
    match *text.get(at)? {
        b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Some(at + 1),
        b'u' => text.get(at + 1..at + 5)?.iter().all(u8::is_ascii_hexdigit).then_some(at + 5),
        _ => None,
    }
}

fn digits_end(text: &[u8], mut at: usize) -> usize {
    while text.get(at).is_some_and(u8::is_ascii_digit) {
        at += 1;
    }
    at
}

fn some_digits_end(text: &[u8], at: usize) -> Option<usize> {
    let end = digits_end(text, at);
    (end > at).then_some(end)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn unescaped(inside: &str) -> Option<String> {
        let mut out = Vec::new();
        unescape(inside.as_bytes(), &mut out)?;
        Some(String::from_utf8(out).unwrap())
    }

    #[test]
    fn escapes_stand_for_what_json_says() {
        assert_eq!(unescaped("a\\n\\t\\r\\b\\f\\/\\\\\\\"z").unwrap(), "a\n\t\r\u{8}\u{c}/\\\"z");
        assert_eq!(unescaped("\\u00e9\\uD83C\\uDF0A!").unwrap(), "é\u{1F30A}!");
    }

    #[test]
    fn half_a_surrogate_pair_stands_for_nothing() {
        for half in ["\\ud83c", "\\udf0a", "\\ud83c\\u0041", "\\ud83cx", "\\ud83c\\ud83c"] {
            assert_eq!(unescaped(half), None, "{half}");
        }
    }

    proptest! {
        #[test]
        fn a_string_ends_where_its_quote_is(text: String, behind: Vec<u8>) {
            let quoted = serde_json::to_string(&text).unwrap();
            let mut bytes = quoted.clone().into_bytes();
            bytes.extend_from_slice(&behind);
            prop_assert_eq!(string_end(&bytes, 1), Some(quoted.len()));
            prop_assert_eq!(unescaped(&quoted[1..quoted.len() - 1]), Some(text));
        }

        #[test]
        fn every_byte_that_is_special_is_found_at_every_place(before in 0_usize..200, byte: u8, after in 0_usize..100) {
            let text = [vec![b'x'; before], vec![byte], vec![b'y'; after]].concat();
            let is_special = byte < b' ' || byte == b'"' || byte == b'\\';
            prop_assert_eq!(plain_end(&text, 0), if is_special { before } else { text.len() });
        }
    }
}
