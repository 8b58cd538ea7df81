use tidemill_engine::hash::HashKey;

use super::*;

const MAX: usize = 64;

fn of(format: Format, body: &'static [u8]) -> Result<Vec<Document>, Refusal> {
    documents(&body.into(), &Wish { format, ..Wish::default() }, MAX)
}

fn texts(documents: &[Document]) -> Vec<&str> {
    documents.iter().map(|document| std::str::from_utf8(&document.data).unwrap()).collect()
}

fn refusal(format: Format, body: &'static str) -> String {
    format!("{:?}", of(format, body.as_bytes()).unwrap_err())
}

#[test]
fn every_line_is_a_document_and_empty_ones_are_none() {
    let lines = of(Format::Lines, b"{\"a\":1}\r\n\n  \n[2]\nlast").unwrap();
    assert_eq!(texts(&lines), ["{\"a\":1}", "[2]", "last"]);
    assert_eq!(of(Format::Lines, b"").unwrap(), []);
}

#[test]
fn a_body_of_another_type_is_one_document() {
    assert_eq!(of(Format::Bytes, b"\xff\n\x00").unwrap(), [unkeyed(Bytes::from_static(b"\xff\n\x00"))]);
}

#[test]
fn a_batch_has_documents_of_three_kinds_with_keys_of_their_own() {
    let body = br#" [
        {"data": {"a": [1, "\u00e9"]}, "partition-key": "k\u00e9"},
        {"text": "line\n", "explicit-hash-key": "7"},
        {"base64": "/wA="},
        {"data": null}
    ]"#;
    let batch = of(Format::Json, body).unwrap();
    let expected = [
        Document { partition_key: Some("ké".into()), ..unkeyed(br#"{"a": [1, "\u00e9"]}"#[..].into()) },
        Document { explicit_hash_key: Some(HashKey(7)), ..unkeyed(b"line\n"[..].into()) },
        unkeyed(b"\xff\x00"[..].into()),
        unkeyed(b"null"[..].into()),
    ];
    assert_eq!(batch, expected);
    assert_eq!(of(Format::Json, b"[]").unwrap(), []);
}

#[test]
fn json_that_is_no_batch_is_one_document_as_it_stands() {
    for body in [r#"{"data": 1}"#, "[1, 2]", "[[]]", r#"[{"a": 1}]"#, "null", " 1.50 "] {
        assert_eq!(texts(&of(Format::Json, body.as_bytes()).unwrap()), [body]);
    }
}

#[test]
fn a_bad_record_is_named_by_its_index() {
    let cases = [
        (r#"[{"data": 1}, {"date": 1}]"#, "record 1: unknown field `date`"),
        (r#"[{"data": 1}, 5]"#, "record 1: invalid type"),
        (r#"[{"data": 1}, {"partition-key": "k"}]"#, "record 1: exactly one of `data`, `text` and `base64`"),
        (r#"[{"data": 1, "text": ""}]"#, "record 0: exactly one of"),
        (r#"[{"base64": "?"}]"#, "record 0: base64: "),
        (r#"[{"text": "", "partition-key": ""}]"#, "record 0: a partition key has 1 to 256 characters"),
        (r#"[{"text": "", "explicit-hash-key": "-1"}]"#, "record 0: not a hash key"),
    ];
    for (body, expected) in cases {
        let refusal = refusal(Format::Json, body);
        assert!(refusal.contains(expected) && refusal.contains("status: 400"), "{refusal}");
    }
    assert!(refusal(Format::Json, "{").contains("the body is no JSON"));
    assert!(refusal(Format::Json, "").contains("the body is no JSON"));
    assert!(refusal(Format::Json, "[1] 2").contains("the body is no JSON"));
}

#[test]
fn a_document_that_no_record_can_hold_is_too_large_with_its_key() {
    let body = Bytes::from(vec![b'x'; MAX]);
    assert_eq!(documents(&body, &Wish::default(), MAX).unwrap().len(), 1);
    let keyed = Wish { partition_key: Some("k".into()), ..Wish::default() };
    let refusal = format!("{:?}", documents(&body, &keyed, MAX).unwrap_err());
    assert!(refusal.contains("status: 413") && refusal.contains("bytes=65 limit=64"), "{refusal}");
}

#[test]
fn own_keys_go_before_those_that_are_pointed_at_and_those_of_the_request() {
    let body = Bytes::from_static(br#"[{"data": {"id": 5}}, {"data": {"id": 6}, "partition-key": "own"}]"#);
    let wish = Wish { format: Format::Json, partition_key: Some("all".into()), ..Wish::default() };
    let keys = |wish: &Wish| -> Vec<String> {
        let documents = documents(&body, wish, MAX).unwrap();
        documents.into_iter().map(|document| document.partition_key.unwrap().to_string()).collect()
    };
    assert_eq!(keys(&wish), ["all", "own"]);
    let pointed = Wish { pointer: Some("/id".parse().unwrap()), ..wish };
    assert_eq!(keys(&pointed), ["5", "own"]);
    let lines = Bytes::from_static(b"{\"id\":1}\n{}");
    let refusal = documents(&lines, &Wish { format: Format::Lines, ..pointed }, MAX).unwrap_err();
    assert!(format!("{refusal:?}").contains("record 1: there is no partition key: pointer=/id"));
}
