//! Streams in a file: a redb database with a table of streams, one of records, and one of what each shard gives next.

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
};

use bytes::Bytes;
use bytestring::ByteString;
use redb::{Database, DatabaseError, ReadableDatabase, ReadableTable, TableDefinition, WriteTransaction};
use tidemill_engine::{
    kinesis::memory::{Change, Held, KeptStream, StreamImage},
    time::UnixMillis,
};

use crate::StartError;

/// A stream's id → the stream without records, in CBOR.
const STREAMS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("streams");
/// Stream, shard, index → arrival, length of the partition key, partition key, data.
const RECORDS: TableDefinition<'_, (u64, u32, u64), &[u8]> = TableDefinition::new("records");
/// Stream, shard → index of the next record. It outlives the records, so that no number is given twice.
const TIPS: TableDefinition<'_, (u64, u32), u64> = TableDefinition::new("tips");

const FILE: &str = "kinesis.redb";

/// The open file.
#[derive(Debug)]
pub(crate) struct Disk(Database);

type Failure = Box<dyn std::error::Error + Send + Sync>;

impl Disk {
    /// Opens the file in a folder, making both where they are not there, and reads the streams in it.
    pub(crate) fn open(folder: &Path) -> Result<(Self, Vec<KeptStream>), StartError> {
        let refused = |path: PathBuf, advice, source| StartError::Disk { path, advice, source };
        std::fs::create_dir_all(folder).map_err(|error: io::Error| {
            refused(folder.to_owned(), "choose a folder that can be written to", error.into())
        })?;
        let path = folder.join(FILE);
        let database = Database::create(&path).map_err(|error| {
            let advice = match error {
                DatabaseError::DatabaseAlreadyOpen => {
                    "stop the other process that uses it, or choose another folder"
                }
                _ => "mend or remove the file, or choose another folder",
            };
            refused(path.clone(), advice, error.into())
        })?;
        let disk = Self(database);
        let streams = disk.read().map_err(|error| refused(path, "mend or remove the file", error))?;
        Ok((disk, streams))
    }

    /// Puts changes on disk, all or none, and returns when they are there.
    pub(crate) fn write(&self, changes: &[Change]) -> Result<(), Failure> {
        let transaction = self.0.begin_write()?;
        for change in changes {
            apply(&transaction, change)?;
        }
        transaction.commit()?;
        Ok(())
    }

    fn read(&self) -> Result<Vec<KeptStream>, Failure> {
        // A write makes the tables of a new file.
        let transaction = self.0.begin_write()?;
        transaction.open_table(STREAMS)?;
        transaction.open_table(RECORDS)?;
        transaction.open_table(TIPS)?;
        transaction.commit()?;
        let transaction = self.0.begin_read()?;
        let (streams, records, tips) = (
            transaction.open_table(STREAMS)?,
            transaction.open_table(RECORDS)?,
            transaction.open_table(TIPS)?,
        );
        let mut kept = Vec::new();
        for row in streams.iter()? {
            let (id, image) = row?;
            let id = id.value();
            let image: StreamImage = ciborium::from_reader(image.value())?;
            let mut shards = BTreeMap::new();
            for row in tips.range((id, 0)..=(id, u32::MAX))? {
                let (key, tip) = row?;
                let shard = key.value().1;
                let rows = records.range((id, shard, 0)..=(id, shard, u64::MAX))?;
                let held: Result<Vec<Held>, Failure> = rows.map(|row| decode(row?.1.value())).collect();
                shards.insert(shard, (tip.value(), held?));
            }
            kept.push(KeptStream { image, records: shards });
        }
        Ok(kept)
    }
}

fn apply(transaction: &WriteTransaction, change: &Change) -> Result<(), Failure> {
    match change {
        Change::Stream(image) => {
            let mut bytes = Vec::new();
            ciborium::into_writer(image, &mut bytes)?;
            transaction.open_table(STREAMS)?.insert(image.id, bytes.as_slice())?;
        }
        Change::Records { stream, shard, first, records } => {
            let mut table = transaction.open_table(RECORDS)?;
            let mut bytes = Vec::new();
            for (index, held) in (*first..).zip(records) {
                encode(held, &mut bytes);
                table.insert((*stream, *shard, index), bytes.as_slice())?;
            }
            transaction.open_table(TIPS)?.insert((*stream, *shard), first + records.len() as u64)?;
        }
        Change::Trimmed { stream, shard, before } => {
            let trimmed = (*stream, *shard, 0)..(*stream, *shard, *before);
            transaction.open_table(RECORDS)?.retain_in(trimmed, |_, _| false)?;
        }
        Change::Deleted { stream } => {
            transaction.open_table(STREAMS)?.remove(stream)?;
            let all = (*stream, 0, 0)..=(*stream, u32::MAX, u64::MAX);
            transaction.open_table(RECORDS)?.retain_in(all, |_, _| false)?;
            let tips = (*stream, 0)..=(*stream, u32::MAX);
            transaction.open_table(TIPS)?.retain_in(tips, |_, _| false)?;
        }
    }
    Ok(())
}

fn encode(held: &Held, bytes: &mut Vec<u8>) {
    let key = held.partition_key.as_bytes();
    bytes.clear();
    bytes.extend_from_slice(&held.arrival.0.to_le_bytes());
    bytes.extend_from_slice(&(key.len() as u64).to_le_bytes());
    bytes.extend_from_slice(key);
    bytes.extend_from_slice(&held.data);
}

fn decode(row: &[u8]) -> Result<Held, Failure> {
    let split = || {
        let (arrival, rest) = row.split_first_chunk::<8>()?;
        let (length, rest) = rest.split_first_chunk::<8>()?;
        let length = usize::try_from(u64::from_le_bytes(*length)).ok()?;
        let (key, data) = rest.split_at_checked(length)?;
        let partition_key = ByteString::try_from(key).ok()?;
        let arrival = UnixMillis(u64::from_le_bytes(*arrival));
        Some(Held { arrival, partition_key, data: Bytes::copy_from_slice(data) })
    };
    split().ok_or_else(|| "a record in the file is damaged".into())
}
