//! The file and what is done with it. Every change is one transaction, on the disk when it answers.

use std::ops::Bound;

use bytes::Bytes;
use redb::{Database, Durability, ReadableDatabase, ReadableTable, ReadableTableMetadata, TableDefinition};
use thiserror::Error;
use tidemill_engine::{hash::HashKey, producer::spool::SpoolId, record::Entry};

/// Id → partition key, explicit hash key, data. Another layout gets another name, so that no version misreads it.
pub(super) const ENTRIES: TableDefinition<'static, u64, StoredEntry> = TableDefinition::new("entries-1");
/// Numbers that outlive the entries.
pub(super) const NUMBERS: TableDefinition<'static, &str, u64> = TableDefinition::new("numbers");
/// The id of the next entry, so that ids grow over restarts though all entries are gone.
const NEXT_ID: &str = "next-id";
/// Bytes of all entries, data and keys.
const BYTES: &str = "bytes";

type StoredEntry = (&'static str, Option<u128>, &'static [u8]);

/// The open file.
#[derive(Debug)]
pub(super) struct File {
    pub(super) database: Database,
    /// Bytes of entries that it may hold.
    pub(super) limit_bytes: u64,
}

/// A call on the file failed.
#[derive(Debug, Error)]
pub(super) enum FileError {
    #[error("it is full: let it drain or allow it more, bytes={bytes} limit={limit}")]
    Full { bytes: u64, limit: u64 },
    #[error("{0}; the file is not written again until the process is started anew")]
    Redb(redb::Error),
}

impl<E: Into<redb::Error>> From<E> for FileError {
    fn from(error: E) -> Self {
        Self::Redb(error.into())
    }
}

impl File {
    pub(super) fn keep(&self, entries: &[Entry]) -> Result<(), FileError> {
        let mut transaction = self.database.begin_write()?;
        transaction.set_durability(Durability::Immediate)?;
        {
            let mut numbers = transaction.open_table(NUMBERS)?;
            let mut table = transaction.open_table(ENTRIES)?;
            let mut next = number(&numbers, NEXT_ID)?;
            let bytes = number(&numbers, BYTES)? + entries.iter().map(size).sum::<u64>();
            if bytes > self.limit_bytes {
                return Err(FileError::Full { bytes, limit: self.limit_bytes });
            }
            for entry in entries {
                let hash_key = entry.explicit_hash_key.map(|key| key.0);
                table.insert(next, (&*entry.partition_key, hash_key, &*entry.data))?;
                next += 1;
            }
            numbers.insert(NEXT_ID, next)?;
            numbers.insert(BYTES, bytes)?;
        }
        Ok(transaction.commit()?)
    }

    pub(super) fn oldest(
        &self,
        after: Option<SpoolId>,
        count: usize,
    ) -> Result<Vec<(SpoolId, Entry)>, FileError> {
        let table = self.database.begin_read()?.open_table(ENTRIES)?;
        let from = after.map_or(Bound::Unbounded, |id| Bound::Excluded(id.0));
        let mut entries = Vec::new();
        for item in table.range((from, Bound::Unbounded))?.take(count) {
            let (id, value) = item?;
            entries.push((SpoolId(id.value()), load(value.value())));
        }
        Ok(entries)
    }

    pub(super) fn remove(&self, ids: &[SpoolId]) -> Result<(), FileError> {
        let mut transaction = self.database.begin_write()?;
        transaction.set_durability(Durability::Immediate)?;
        {
            let mut numbers = transaction.open_table(NUMBERS)?;
            let mut table = transaction.open_table(ENTRIES)?;
            let mut bytes = number(&numbers, BYTES)?;
            for id in ids {
                if let Some(value) = table.remove(id.0)? {
                    bytes = bytes.saturating_sub(size(&load(value.value())));
                }
            }
            numbers.insert(BYTES, bytes)?;
        }
        Ok(transaction.commit()?)
    }

    pub(super) fn waiting(&self) -> Result<u64, FileError> {
        Ok(self.database.begin_read()?.open_table(ENTRIES)?.len()?)
    }
}

fn number(numbers: &impl ReadableTable<&'static str, u64>, name: &str) -> Result<u64, redb::StorageError> {
    Ok(numbers.get(name)?.map_or(0, |value| value.value()))
}

fn size(entry: &Entry) -> u64 {
    entry.size() as u64
}

fn load((partition_key, hash_key, data): (&str, Option<u128>, &[u8])) -> Entry {
    Entry {
        data: Bytes::copy_from_slice(data),
        partition_key: partition_key.into(),
        explicit_hash_key: hash_key.map(HashKey),
    }
}
