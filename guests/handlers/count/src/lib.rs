//! Counts the records of every batch, their bytes, and those that hold a text, and tells the log. Emits nothing.
//!
//! Setting: `find`, the text to look for.

use memchr::memmem::Finder;
use tidemill_guest::{Batch, BatchError, Handler, Level, Outcome, configuration, log};

struct Count {
    find: Finder<'static>,
}

impl Handler for Count {
    fn open() -> Result<Self, BatchError> {
        let find = configuration::get("find").ok_or_else(|| BatchError::refused("set find to a text"))?;
        Ok(Self { find: Finder::new(find.as_bytes()).into_owned() })
    }

    fn handle(&mut self, batch: &Batch) -> Result<Outcome, BatchError> {
        let (mut records, mut bytes, mut found) = (0_u64, 0, 0_u64);
        for record in batch.records() {
            records += 1;
            bytes += record.data.len();
            found += u64::from(self.find.find(record.data).is_some());
        }
        log(Level::Debug, &format!("records={records} bytes={bytes} found={found}"));
        Ok(Outcome::new())
    }
}

tidemill_guest::export!(Count);
