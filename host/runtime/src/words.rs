//! Words of guests on their way to people: cut to length, and on one line that shows what is in it.

use std::{borrow::Cow, fmt::Write};

use tidemill_engine::limits;

/// The text as the host repeats it: no longer than a line of the log, and [`harmless`].
pub fn repeated(text: &str) -> String {
    harmless(shortened(text)).into_owned()
}

/// The beginning of the text, as long as a line of the log may be.
pub fn shortened(text: &str) -> &str {
    &text[..text.floor_char_boundary(limits::GUEST_LOG_LINE_BYTES)]
}

/// The text as one line that shows what is in it: an escape sequence could paint over other lines, a line's end begin
/// one that passes for the host's, and a mark of direction turn what is read.
pub fn harmless(text: &str) -> Cow<'_, str> {
    let is_harmful = |c: char| {
        c.is_control() && c != '\t'
            || matches!(c, '\u{2028}' | '\u{2029}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    if !text.contains(is_harmful) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if is_harmful(c) {
            write!(shown, "{}", c.escape_default()).expect("a string takes all that is written");
        } else {
            shown.push(c);
        }
    }
    Cow::Owned(shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_stays_one_line_and_shows_what_would_corrupt_the_log() {
        assert_eq!(harmless("plain\tünïcode"), "plain\tünïcode");
        assert_eq!(
            harmless("a\r\n2026 ERROR b\u{1b}[31m\u{9b}0m\u{0}"),
            "a\\r\\n2026 ERROR b\\u{1b}[31m\\u{9b}0m\\u{0}"
        );
        assert_eq!(harmless("x\u{202e}y\u{2028}"), "x\\u{202e}y\\u{2028}");
    }

    #[test]
    fn what_is_repeated_is_no_longer_than_a_line() {
        assert_eq!(repeated(&"ä".repeat(limits::GUEST_LOG_LINE_BYTES)).len(), limits::GUEST_LOG_LINE_BYTES);
    }
}
