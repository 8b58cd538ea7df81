//! A whole processor in the plain form: documents as hexadecimal digits, and a space behind each in a record.

use tidemill_guest::{Aggregator, Entry, Item, Part, Serializer, Sharing};

struct HexWords;

impl Serializer for HexWords {
    fn serialize(document: Vec<u8>) -> Result<Vec<u8>, String> {
        Ok(document.iter().flat_map(|byte| format!("{byte:02x}").into_bytes()).collect())
    }

    fn deserialize(bytes: Vec<u8>) -> Result<Vec<u8>, String> {
        let (pairs, rest) = bytes.as_chunks::<2>();
        if !rest.is_empty() {
            return Err("half a byte is left".to_owned());
        }
        let byte = |pair: &[u8; 2]| {
            let digits = std::str::from_utf8(pair).map_err(|error| error.to_string())?;
            u8::from_str_radix(digits, 16).map_err(|error| error.to_string())
        };
        pairs.iter().map(byte).collect()
    }
}

impl Aggregator for HexWords {
    const SHARING: Sharing = Sharing::PerKey;

    fn pack(items: &[Item], max_bytes: usize) -> Vec<Result<Entry, String>> {
        let mut entries = Vec::new();
        for run in items.chunk_by(Item::has_keys_of) {
            let data: Vec<u8> = run.iter().flat_map(|item| item.data.iter().copied().chain([b' '])).collect();
            if data.len() <= max_bytes {
                entries.push(Ok(Entry::of(run, data)));
            } else {
                entries.extend(run.iter().map(|_| Err("too large for a record".to_owned())));
            }
        }
        entries
    }

    fn unpack(record: &[u8]) -> Result<Vec<Part>, String> {
        let record = record.strip_suffix(b" ").ok_or("the record does not end with a space")?;
        Ok(record.split(|byte| *byte == b' ').map(Part::of).collect())
    }
}

tidemill_guest::export_serializer!(HexWords);
tidemill_guest::export_aggregator!(HexWords);
