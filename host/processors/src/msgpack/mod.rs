//! JSON text to msgpack and back, in one walk each and with no tree of values in between.
//!
//! What msgpack has and JSON has not is written as an object of one key: `{"$binary":"<base64>"}` for bytes, and
//! `{"$extension":{"type":<number>,"data":"<base64>"}}` for extensions. Exactly these become bytes and extensions again.

mod read;
mod write;

pub(crate) use read::{element_end, list_length, to_json};
pub(crate) use write::{from_json, write_list_header};

/// How deep arrays and maps may be nested, both ways. Ours: `serde_json` stops there too, and it bounds the stack.
pub const MSGPACK_DEPTH: usize = 128;

/// The key of an object that stands for bytes.
const BINARY: &str = "$binary";
/// The key of an object that stands for an extension.
const EXTENSION: &str = "$extension";

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;
    use crate::Malformed;

    fn packed(json: &str) -> Result<Vec<u8>, Malformed> {
        let mut out = Vec::new();
        from_json(json.as_bytes(), &mut out).map(|()| out)
    }

    fn unpacked(data: &[u8]) -> Result<String, Malformed> {
        let mut out = Vec::new();
        to_json(data, &mut out).map(|()| String::from_utf8(out).unwrap())
    }

    fn hex(data: &[u8]) -> String {
        data.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn documents_become_the_bytes_of_the_python_package_and_come_back_compact() {
        for (json, bytes, back) in [
            ("{\"a\": 1}", "81a16101", "{\"a\":1}"),
            ("{\"b\": \"\\u00e9\"}", "81a162a2c3a9", "{\"b\":\"é\"}"),
            ("[1, 2]", "920102", "[1,2]"),
            (" null\n", "c0", "null"),
            ("[true, false]", "92c3c2", "[true,false]"),
            ("1.5", "cb3ff8000000000000", "1.5"),
            ("1.0", "cb3ff0000000000000", "1.0"),
            ("1e2", "cb4059000000000000", "100.0"),
            ("-0", "00", "0"),
            ("-0.0", "cb8000000000000000", "-0.0"),
            ("\"\"", "a0", "\"\""),
            ("{}", "80", "{}"),
            ("[]", "90", "[]"),
        ] {
            let written = packed(json).unwrap();
            assert_eq!(hex(&written), bytes, "{json}");
            assert_eq!(unpacked(&written).unwrap(), back);
        }
    }

    #[test]
    fn integers_take_as_few_bytes_as_they_can_and_keep_their_value_to_the_last() {
        for (number, bytes) in [
            ("127", "7f"),
            ("128", "cc80"),
            ("256", "cd0100"),
            ("65536", "ce00010000"),
            ("4294967296", "cf0000000100000000"),
            ("18446744073709551615", "cfffffffffffffffff"),
            ("-1", "ff"),
            ("-32", "e0"),
            ("-33", "d0df"),
            ("-129", "d1ff7f"),
            ("-32769", "d2ffff7fff"),
            ("-2147483649", "d3ffffffff7fffffff"),
            ("-9223372036854775808", "d38000000000000000"),
        ] {
            let written = packed(number).unwrap();
            assert_eq!(hex(&written), bytes, "{number}");
            assert_eq!(unpacked(&written).unwrap(), number);
        }
        for outside in ["18446744073709551616", "-9223372036854775809", "1e400", "-1e400"] {
            assert!(matches!(packed(outside), Err(Malformed::Unpackable { .. })), "{outside}");
        }
    }

    #[test]
    fn long_strings_arrays_and_maps_have_their_longer_headers() {
        for length in [15, 16, 31, 32, 255, 256, 65_535, 65_536] {
            let text = "é".repeat(length / 2) + &"x".repeat(length % 2);
            let array = vec![7; length];
            let map: serde_json::Map<_, _> = (0..length).map(|n| (n.to_string(), Value::from(n))).collect();
            for value in [Value::from(text), Value::from(array), Value::from(map)] {
                let json = value.to_string();
                assert_eq!(unpacked(&packed(&json).unwrap()).unwrap(), json);
            }
        }
        assert_eq!(hex(&packed(&serde_json::to_string(&[7; 16]).unwrap()).unwrap()[..4]), "dc001007");
        assert_eq!(hex(&packed(&format!("\"\\u00e9{}\"", "x".repeat(30))).unwrap()[..4]), "d920c3a9");
    }

    #[test]
    fn bytes_and_extensions_go_both_ways_and_what_is_nearly_one_stays_an_object() {
        for (json, bytes) in [
            ("{\"$binary\":\"AAECAw==\"}", "c40400010203"),
            ("{\"$binary\":\"\"}", "c400"),
            ("{\"$extension\":{\"type\":5,\"data\":\"AQ==\"}}", "d40501"),
            ("{\"$extension\":{\"type\":-1,\"data\":\"AQID\"}}", "c703ff010203"),
            ("[{\"$binary\":\"AQ==\"},2]", "92c4010102"),
        ] {
            let written = packed(json).unwrap();
            assert_eq!(hex(&written), bytes, "{json}");
            assert_eq!(unpacked(&written).unwrap(), json);
        }
        for plain in [
            "{\"$binary\":\"AQ=\"}",
            "{\"$binary\":1}",
            "{\"$binary\":\"AQ==\",\"more\":1}",
            "{\"$extension\":{\"type\":128,\"data\":\"AQ==\"}}",
            "{\"$extension\":{\"data\":\"AQ==\",\"type\":5}}",
            "{\"$extension\":{\"type\":5,\"data\":\"AQ==\",\"more\":1}}",
            "{\"$extension\":{\"type\":5.0,\"data\":\"AQ==\"}}",
        ] {
            assert_eq!(unpacked(&packed(plain).unwrap()).unwrap(), plain);
        }
    }

    #[test]
    fn nesting_ends_at_its_limit_both_ways() {
        let arrays = |depth: usize| ["[".repeat(depth), "]".repeat(depth)].concat();
        let deepest = packed(&arrays(MSGPACK_DEPTH)).unwrap();
        assert_eq!(unpacked(&deepest).unwrap(), arrays(MSGPACK_DEPTH));
        assert!(matches!(packed(&arrays(MSGPACK_DEPTH + 1)), Err(Malformed::Unpackable { .. })));
        let too_deep = [&[0x91], &deepest[..]].concat();
        assert!(matches!(unpacked(&too_deep), Err(Malformed::Msgpack { .. })));
        assert!(unpacked(&[0x91; 1_000_000]).is_err() && packed(&"[".repeat(1_000_000)).is_err());
    }

    #[test]
    fn what_json_has_no_words_for_is_rejected_with_its_place() {
        for (data, why) in [
            (&b"\x81\x01\x02"[..], "no msgpack that JSON can hold: a key of a map is no string, byte=1"),
            (
                b"\x91\xcb\x7f\xf0\x00\x00\x00\x00\x00\x00",
                "no msgpack that JSON can hold: a number is not finite, byte=1",
            ),
            (b"\xa2\xff\xff", "no msgpack that JSON can hold: a string is not UTF-8, byte=0"),
            (b"\xc1", "no msgpack that JSON can hold: the byte begins nothing, byte=0"),
            (b"\xa5abc", "no msgpack that JSON can hold: it ends too early, byte=0"),
            (b"\xdd\xff\xff\xff\xff", "no msgpack that JSON can hold: it ends too early, byte=5"),
            (b"", "no msgpack that JSON can hold: it ends too early, byte=0"),
            (b"\x01\x02", "no msgpack that JSON can hold: something follows the document, byte=1"),
        ] {
            assert_eq!(unpacked(data).unwrap_err().to_string(), why);
        }
        assert!(matches!(packed("\"\\ud800\""), Err(Malformed::Unpackable { at: 0, .. })));
        assert!(matches!(packed("[NaN]"), Err(Malformed::Json(_))));
        assert!(matches!(packed("{\"a\":1}2"), Err(Malformed::Json(_))));
    }

    #[test]
    fn repeated_keys_are_all_kept() {
        assert_eq!(hex(&packed("{\"a\":1,\"a\":2}").unwrap()), "82a16101a16102");
    }

    proptest! {
        #[test]
        fn any_json_comes_back_with_its_value(json in crate::tests::any_json()) {
            let written = packed(&json).unwrap();
            prop_assert_eq!(element_end(&written, 0).unwrap(), written.len());
            let back: Value = serde_json::from_str(&unpacked(&written).unwrap()).unwrap();
            prop_assert_eq!(back, serde_json::from_str::<Value>(&json).unwrap());
        }

        #[test]
        fn any_bytes_are_json_or_an_error_and_a_value_ends_where_its_walk_does(data: Vec<u8>) {
            if let Ok(json) = unpacked(&data) {
                crate::json::check(json.as_bytes()).unwrap();
                prop_assert_eq!(element_end(&data, 0).unwrap(), data.len());
            }
        }
    }
}
