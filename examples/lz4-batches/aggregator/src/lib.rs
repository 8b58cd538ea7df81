//! Batches of documents, each behind its length in four bytes, compressed with LZ4.

use tidemill_guest::{Aggregator, Entry, Item, Part, Sharing};

/// What one record may unfold to, in bytes. A record that says more is refused before any memory is taken for it.
const LARGEST: usize = 64 << 20;

struct Lz4Batches;

impl Aggregator for Lz4Batches {
    const SHARING: Sharing = Sharing::PerKey;

    fn pack(items: &[Item], max_bytes: usize) -> Vec<Result<Entry, String>> {
        let mut entries = Vec::new();
        for run in items.chunk_by(Item::has_keys_of) {
            pack_run(run, max_bytes, &mut entries);
        }
        entries
    }

    fn unpack(record: &[u8]) -> Result<Vec<Part>, String> {
        let (length, block) =
            lz4_flex::block::uncompressed_size(record).map_err(|error| error.to_string())?;
        if length > LARGEST {
            return Err(format!("the batch is larger than any that is packed, bytes={length}"));
        }
        let batch = lz4_flex::block::decompress(block, length).map_err(|error| error.to_string())?;
        let (mut rest, mut parts) = (&batch[..], Vec::new());
        while let Some((length, after)) = rest.split_first_chunk() {
            let length = u32::from_le_bytes(*length) as usize;
            let (document, after) = after.split_at_checked(length).ok_or("a document is cut off")?;
            parts.push(Part::of(document));
            rest = after;
        }
        if rest.is_empty() { Ok(parts) } else { Err("a length is cut off".to_owned()) }
    }
}

/// Packs all of a run into one entry, or each half of it where that is too large.
fn pack_run(run: &[Item], max_bytes: usize, entries: &mut Vec<Result<Entry, String>>) {
    let mut batch = Vec::new();
    for item in run {
        batch.extend_from_slice(&(item.data.len() as u32).to_le_bytes());
        batch.extend_from_slice(&item.data);
    }
    let data = lz4_flex::block::compress_prepend_size(&batch);
    if data.len() <= max_bytes && batch.len() <= LARGEST {
        entries.push(Ok(Entry::of(run, data)));
    } else if let [_] = run {
        entries.push(Err(format!("too large even when compressed, bytes={} limit={max_bytes}", data.len())));
    } else {
        let (first, second) = run.split_at(run.len() / 2);
        pack_run(first, max_bytes, entries);
        pack_run(second, max_bytes, entries);
    }
}

tidemill_guest::export_aggregator!(Lz4Batches);
