//! `application/vnd.amazon.eventstream`: messages of headers and a payload, each with two checksums.
//!
//! ```text
//! total length: 4 | length of headers: 4 | CRC-32 of both: 4 | headers | payload | CRC-32 of all before: 4
//! header: length of name: 1 | name | type of value, 7 for text: 1 | length of value: 2 | value
//! ```

/// The content type of a response that is made of messages.
pub(crate) const CONTENT_TYPE: &str = "application/vnd.amazon.eventstream";

/// What a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// An event of this type.
    Event(&'static str),
    /// An error of this type, after which there is nothing.
    Exception(&'static str),
}

/// A message with a payload of a content type.
pub(crate) fn message(kind: Kind, content_type: &str, payload: &[u8]) -> Vec<u8> {
    const TEXT: u8 = 7;
    const AROUND: usize = 16;
    let (message_type, type_header, name) = match kind {
        Kind::Event(name) => ("event", ":event-type", name),
        Kind::Exception(name) => ("exception", ":exception-type", name),
    };
    let mut headers = Vec::new();
    for (name, value) in
        [(":message-type", message_type), (type_header, name), (":content-type", content_type)]
    {
        headers.push(u8::try_from(name.len()).expect("the names are short"));
        headers.extend_from_slice(name.as_bytes());
        headers.push(TEXT);
        headers.extend_from_slice(&u16::try_from(value.len()).expect("the values are short").to_be_bytes());
        headers.extend_from_slice(value.as_bytes());
    }
    let length = |bytes: usize| u32::try_from(bytes).expect("an event is some megabytes").to_be_bytes();
    let mut message = Vec::with_capacity(AROUND + headers.len() + payload.len());
    message.extend_from_slice(&length(AROUND + headers.len() + payload.len()));
    message.extend_from_slice(&length(headers.len()));
    message.extend_from_slice(&crc32fast::hash(&message).to_be_bytes());
    message.extend_from_slice(&headers);
    message.extend_from_slice(payload);
    message.extend_from_slice(&crc32fast::hash(&message).to_be_bytes());
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_written_byte_by_byte_as_the_format_says() {
        let written = message(Kind::Event("e"), "t", b"{}");
        let headers =
            b"\x0d:message-type\x07\x00\x05event\x0b:event-type\x07\x00\x01e\x0d:content-type\x07\x00\x01t";
        assert_eq!(written.len(), 12 + headers.len() + 2 + 4);
        assert_eq!(written[..4], u32::try_from(written.len()).unwrap().to_be_bytes());
        assert_eq!(written[4..8], u32::try_from(headers.len()).unwrap().to_be_bytes());
        assert_eq!(written[8..12], crc32fast::hash(&written[..8]).to_be_bytes());
        assert_eq!(&written[12..12 + headers.len()], headers);
        assert_eq!(&written[written.len() - 6..written.len() - 4], b"{}");
        assert_eq!(
            written[written.len() - 4..],
            crc32fast::hash(&written[..written.len() - 4]).to_be_bytes()
        );
    }
}
