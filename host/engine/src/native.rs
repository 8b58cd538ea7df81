//! Processors compiled into the host.

use async_trait::async_trait;
use bytes::Bytes;
use tidemill_processors::{Bounds, Codec, Item, Packed, pack};

use crate::{
    batch::DocumentsBuilder,
    hash::HashKey,
    limits,
    processor::{Decoded, Document, Encoded, HashCheck, Processor, ProcessorError, Sharing},
    record::Record,
};

/// A codec of `tidemill-processors` behind the seam. It never fails as a whole.
#[derive(Clone, Copy, Debug)]
pub struct NativeProcessor(Codec);

impl NativeProcessor {
    /// The processor of this name, if there is one: a preset, or an aggregator and a serializer as in
    /// `netstring+json`.
    pub fn named(name: &str) -> Option<Self> {
        Codec::named(name).map(Self)
    }
}

impl From<Codec> for NativeProcessor {
    fn from(codec: Codec) -> Self {
        Self(codec)
    }
}

#[async_trait]
impl Processor for NativeProcessor {
    fn sharing(&self) -> Sharing {
        self.0.aggregator.sharing()
    }

    async fn decode(&self, records: &[Record], check: HashCheck) -> Result<Decoded, ProcessorError> {
        let mut documents = DocumentsBuilder::for_records(records, check);
        let reader = self.0.reader(records.iter().map(|record| &record.data[..]).collect());
        for (at, record) in records.iter().enumerate() {
            reader.unpack(at, &mut documents.raw(record, &record.data));
        }
        Ok(documents.build())
    }

    async fn encode(&self, documents: &[Document], max_bytes: usize) -> Result<Vec<Encoded>, ProcessorError> {
        let items: Vec<_> = documents.iter().map(item).collect();
        let bounds = Bounds { record_bytes: max_bytes, spread_key_bytes: limits::SPREAD_KEY_BYTES };
        let mut out = Vec::new();
        let packed = pack(self.0, &items, bounds, &mut out);
        let out = Bytes::from(out);
        Ok(packed.into_iter().map(|part| encoded(self.0, part, documents, &out)).collect())
    }
}

fn item(document: &Document) -> Item<'_> {
    Item {
        document: &document.data,
        key: document.partition_key.as_deref(),
        hash_key: document.explicit_hash_key.map(|key| key.0),
    }
}

/// Entries share the bytes that were written for all of them.
fn encoded(codec: Codec, part: Packed, documents: &[Document], out: &Bytes) -> Encoded {
    let (run, data) = match part {
        Packed::Alone(at) => (at..at + 1, documents[at].data.clone()),
        Packed::Shared(run, data) => (run, out.slice(data)),
        Packed::Refused(document, refusal) => {
            return Encoded::Refused { document, reason: refusal.to_string() };
        }
    };
    let document = &documents[run.start];
    let first = item(document);
    let partition_key = codec.entry_key(&first).map(|key| match &document.partition_key {
        Some(own) if **own == *key => own.clone(),
        _ => key.into(),
    });
    let explicit_hash_key = codec.entry_hash_key(&first).map(HashKey);
    Encoded::Entry { data, partition_key, explicit_hash_key, documents: run }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::UnixMillis;

    fn record(sequence: u32, data: &'static str) -> Record {
        Record {
            sequence: sequence.to_string().try_into().unwrap(),
            partition_key: "k".into(),
            data: data.into(),
            arrival: UnixMillis(1),
        }
    }

    fn document(data: &'static str, key: Option<&'static str>, hash: Option<u128>) -> Document {
        Document {
            data: Bytes::from_static(data.as_bytes()),
            partition_key: key.map(Into::into),
            explicit_hash_key: hash.map(HashKey),
        }
    }

    fn named(name: &str) -> NativeProcessor {
        NativeProcessor::named(name).unwrap()
    }

    #[tokio::test]
    async fn documents_are_decoded_with_their_places_and_bad_lines_are_rejected_with_theirs() {
        let records = [record(5, "{\"a\":1}\n\nbad\n2\n"), record(6, ""), record(7, "3")];
        let decoded = named("json-line").decode(&records, HashCheck::default()).await.unwrap();
        let places: Vec<_> = (0..decoded.documents.len())
            .map(|at| {
                let sub_index = decoded.documents.index()[at].sub_index;
                (decoded.documents.data(at), decoded.documents.sequence(at).as_str(), sub_index)
            })
            .collect();
        assert_eq!(places, [(&b"{\"a\":1}"[..], "5", 0), (b"2", "5", 2), (b"3", "7", 0)]);
        let rejected: Vec<_> = decoded.rejections.iter().map(|r| (r.raw_index, r.sub_index)).collect();
        assert_eq!(rejected, [(0, 1)]);
        assert_eq!(decoded.rejections[0].reason, "not JSON: expected value at line 1 column 1");
    }

    #[tokio::test]
    async fn documents_without_a_key_share_an_entry_and_another_key_opens_one() {
        let documents = [
            document("1", None, None),
            document("2", None, None),
            document("3", Some("k"), None),
            document("4", Some("k"), Some(9)),
            document("nothing", Some("k"), Some(9)),
        ];
        let encoded = named("json-line").encode(&documents, 100).await.unwrap();
        let entry =
            |data: &'static str, key: Option<&'static str>, hash: Option<u128>, documents| Encoded::Entry {
                data: Bytes::from_static(data.as_bytes()),
                partition_key: key.map(Into::into),
                explicit_hash_key: hash.map(HashKey),
                documents,
            };
        let reason = "not JSON: expected ident at line 1 column 2".to_owned();
        assert_eq!(
            encoded,
            [
                entry("1\n2\n", None, None, 0..2),
                entry("3\n", Some("k"), None, 2..3),
                entry("4\n", Some("k"), Some(9), 3..4),
                Encoded::Refused { document: 4, reason },
            ]
        );
    }

    #[tokio::test]
    async fn documents_of_several_keys_share_an_aggregated_record_that_goes_where_the_first_belongs() {
        let documents =
            [document("1", Some("k1"), None), document("2", Some("k2"), Some(9)), document("3", None, None)];
        let encoded = named("kpl-json").encode(&documents, 100).await.unwrap();
        let entries: Vec<_> = encoded
            .iter()
            .map(|entry| match entry {
                Encoded::Entry { partition_key, explicit_hash_key, documents, .. } => {
                    (documents.clone(), partition_key.as_deref(), *explicit_hash_key)
                }
                Encoded::Refused { reason, .. } => panic!("{reason}"),
            })
            .collect();
        assert_eq!(entries, [(0..2, Some("a"), Some(HashKey::of("k1"))), (2..3, None, None)]);

        let Encoded::Entry { data, .. } = &encoded[0] else { panic!("the first is an entry") };
        let record = Record { data: data.clone(), ..record(5, "") };
        let decoded = named("kpl-json").decode(&[record], HashCheck::default()).await.unwrap();
        let keys: Vec<_> = (0..2).map(|at| decoded.documents.partition_key(at)).collect();
        assert_eq!(keys, ["k1", "k2"]);
        assert_eq!(decoded.documents.attributes(0, 1).unwrap().explicit_hash_key, Some(HashKey(9)));
    }

    #[tokio::test]
    async fn the_bytes_of_json_are_shared_and_not_copied() {
        let documents = [document("{\"a\": 1}", Some("k"), None)];
        let encoded = named("json").encode(&documents, 100).await.unwrap();
        let Encoded::Entry { data, .. } = &encoded[0] else { panic!("the document must become an entry") };
        assert_eq!(data.as_ptr(), documents[0].data.as_ptr());
    }

    #[tokio::test]
    async fn an_entry_leaves_room_for_the_key_that_the_producer_will_pick() {
        let documents = [document("1234", None, None)];
        let limit = 4 + limits::SPREAD_KEY_BYTES;
        assert!(matches!(named("json").encode(&documents, limit).await.unwrap()[0], Encoded::Entry { .. }));
        assert!(matches!(
            named("json").encode(&documents, limit - 1).await.unwrap()[0],
            Encoded::Refused { document: 0, .. }
        ));
    }
}
