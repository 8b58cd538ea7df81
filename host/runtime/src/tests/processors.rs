//! Components of the presets answer what the host's own processors answer, byte for byte.

use bytes::Bytes;
use tidemill_engine::{
    hash::HashKey,
    native::NativeProcessor,
    processor::{Decoded, Document, Encoded, HashCheck, HashRangePolicy, Processor},
    record::Record,
    time::UnixMillis,
};
use tidemill_processors::{Aggregator, Preset, Serializer};

use super::support::{ENGINE, built};
use crate::{ComponentProcessor, Half, ProcessorSettings};

/// Documents of all kinds, good and bad, with keys of all kinds. The same at every run.
fn documents(count: usize) -> Vec<Document> {
    let mut random = fastrand::Rng::with_seed(7);
    let document = |number: usize| {
        let text: String = (0..random.usize(..40)).map(|_| random.char('\u{20}'..'\u{2ff}')).collect();
        let data: Bytes = match number % 11 {
            0 => Bytes::new(),
            1 => b"{\"broken\": ".as_slice().into(),
            2 => b"\xff\xfe not text".as_slice().into(),
            3 => format!("[{number}, [{text:?}], null, -0.5e7]").into(),
            4 => format!("\"line\\nfeed {number}\"").into(),
            5 => format!("{{\n  \"n\": {number}\n}}").into(),
            6 => format!("{{\"blob\": \"{}\"}}", "x".repeat(random.usize(..3_000))).into(),
            _ => format!("{{\"n\": {number}, \"b\": [true, {}]}}", random.u64(..)).into(),
        };
        let keyed = random.usize(..3) > 0;
        Document {
            data,
            partition_key: keyed.then(|| format!("key-{}", random.usize(..4)).into()),
            explicit_hash_key: (keyed && random.usize(..5) == 0).then(|| HashKey(random.u128(..))),
        }
    };
    (0..count).map(document).collect()
}

fn records(encoded: &[Encoded]) -> Vec<Record> {
    let entries = encoded.iter().filter_map(|encoded| match encoded {
        Encoded::Entry { data, .. } => Some(data.clone()),
        Encoded::Refused { .. } => None,
    });
    let bad = ["", "\u{0}", "12:ab,", "[1, 2", "[{}, \"a\\ud800\", 3]", "3:abc,x", "{}\n{\n"];
    let torn: Vec<Bytes> = entries.clone().map(|data| data.slice(..data.len() * 2 / 3)).take(20).collect();
    let data = entries.chain(bad.map(|data| Bytes::from_static(data.as_bytes()))).chain(torn);
    let record = |(at, data): (usize, Bytes)| Record {
        sequence: (100 + at).to_string().try_into().unwrap(),
        partition_key: format!("record-{at}").into(),
        data,
        arrival: UnixMillis(at as u64),
    };
    data.enumerate().map(record).collect()
}

/// Everything of what was decoded, for comparison.
fn all_of(decoded: &Decoded) -> Vec<String> {
    let documents = &decoded.documents;
    let document = |at: usize| {
        let index = documents.index()[at];
        let (data, key) = (documents.data_bytes(at), documents.partition_key(at));
        let attributes = documents.attributes(index.raw_index, index.sub_index);
        let (raw, sub, arrival) = (index.raw_index, index.sub_index, documents.arrival(at));
        format!("{raw}.{sub} {arrival:?} {key:?} {attributes:?} {data:?}")
    };
    let rejections = decoded.rejections.iter().map(|rejection| format!("{rejection:?}"));
    let counts = format!("{} {}", decoded.misplaced, decoded.passed_over);
    (0..documents.len()).map(document).chain(rejections).chain([counts]).collect()
}

async fn load(file: &str) -> ComponentProcessor {
    ComponentProcessor::load(&ENGINE, &built(file), &ProcessorSettings::new(file)).await.unwrap()
}

/// Holds two processors to the same answers, both ways, and says how many documents came back and were rejected.
async fn compared(native: &dyn Processor, component: &dyn Processor, name: &str) -> [usize; 2] {
    assert_eq!(component.sharing(), native.sharing(), "{name}");
    let documents = documents(2_000);
    let mut counts = [0, 0];
    for max_bytes in [2_000, 60_000, 1 << 20] {
        let expected = native.encode(&documents, max_bytes).await.unwrap();
        let encoded = component.encode(&documents, max_bytes).await.unwrap();
        assert_eq!(encoded, expected, "{name} encodes otherwise at {max_bytes} bytes");
        let records = records(&expected);
        for policy in [HashRangePolicy::Lenient, HashRangePolicy::StrictKcl] {
            let half = tidemill_engine::hash::HashRange { start: HashKey(0), end: HashKey(u128::MAX / 2) };
            let check = HashCheck { range: Some(half), policy };
            let expected = native.decode(&records, check).await.unwrap();
            let decoded = component.decode(&records, check).await.unwrap();
            assert_eq!(all_of(&decoded), all_of(&expected), "{name} decodes otherwise");
            counts = [counts[0] + decoded.documents.len(), counts[1] + decoded.rejections.len()];
        }
    }
    counts
}

#[tokio::test]
async fn components_of_all_presets_answer_as_the_hosts_own_both_ways() {
    let names = ["string", "json", "json-line", "json-list", "msgpack", "kpl-json", "kpl-string"];
    assert_eq!(Preset::ALL.iter().map(|preset| preset.name).collect::<Vec<_>>(), names);
    for name in names {
        let native = NativeProcessor::named(name).unwrap();
        let component = load(&format!("processor_{}", name.replace('-', "_"))).await;
        let [documents, rejections] = compared(&native, &component, name).await;
        assert!(
            documents > 4_000 && rejections > 0,
            "{name}: {documents} documents, {rejections} rejections"
        );
    }
}

#[tokio::test]
async fn a_preset_says_its_name_and_digest() {
    let component = load("processor_kpl_json").await;
    assert!(component.label().starts_with("processor_kpl_json@"), "{}", component.label());
    let [inspection] = &component.inspections()[..] else { panic!("it is one component") };
    assert_eq!(inspection.interfaces, [crate::Interface::PackedProcessor]);
}

#[tokio::test]
async fn two_native_halves_answer_as_the_codec_of_both() {
    let halves = |aggregator, serializer| {
        ComponentProcessor::of_halves(&ENGINE, Half::Native(aggregator), Half::Native(serializer))
    };
    for (aggregator, serializer, name) in [
        (Aggregator::Simple, Serializer::Json, "json"),
        (Aggregator::Netstring, Serializer::Msgpack, "msgpack"),
        (Aggregator::Kpl, Serializer::Json, "kpl-json"),
    ] {
        let composed = halves(aggregator, serializer).await.unwrap();
        let native = NativeProcessor::named(name).unwrap();
        compared(&native, &composed, name).await;
    }
}

/// Documents that both halves in the plain form, or one of them beside a half of the host's own, pack and give back.
#[tokio::test]
async fn plain_halves_work_together_and_beside_halves_of_the_hosts_own() {
    let settings = ProcessorSettings::new("hex_words");
    let file = built("processor_hex_words");
    let serializer = Half::Component(&file, &settings);
    let whole = ComponentProcessor::load(&ENGINE, &file, &settings).await.unwrap();
    let lines = ComponentProcessor::of_halves(&ENGINE, Half::Native(Aggregator::Newline), serializer);
    let document = |data: &'static [u8]| Document { partition_key: Some("k".into()), ..Document::from(data) };
    let documents = [document(b"a\n"), document(b"\xff")];
    for (processor, expected) in [(whole, "610a ff "), (lines.await.unwrap(), "610a\nff\n")] {
        let encoded = processor.encode(&documents, 1_000).await.unwrap();
        let records = records(&encoded[..1]);
        assert_eq!(records[0].data, expected);
        let decoded = processor.decode(&records[..1], HashCheck::default()).await.unwrap().documents;
        assert_eq!((decoded.len(), decoded.data(0), decoded.data(1)), (2, &b"a\n"[..], &b"\xff"[..]));
        let torn = [Record { data: records[0].data.slice(1..), ..records[0].clone() }];
        let decoded = processor.decode(&torn, HashCheck::default()).await.unwrap();
        assert_eq!((decoded.documents.len(), decoded.rejections.len()), (1, 1));
        assert_eq!(decoded.rejections[0].reason, "half a byte is left");
    }
}
