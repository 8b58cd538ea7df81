//! The data set, and what has to become of it: computed here from the file alone.

use std::{
    collections::HashMap,
    fs::{self, File},
    io::{BufReader, Read},
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, ensure};
use flate2::bufread::GzDecoder;
use serde_json::Value;

use crate::repository::Repository;

/// Where it is shipped.
const SHIPPED: &str = "examples/data/orders.jsonl.gz";
/// Customers whose keys fall on the first, second, third and fourth quarter of the hash key space. Their orders are
/// put when all others came out, so that each shard has a last record to wait for.
pub const ENDS: [&str; 4] = ["end-1", "end-4", "end-0", "end-3"];

/// The orders, unpacked.
pub struct Orders {
    /// The file of all orders.
    pub file: PathBuf,
    /// The file of the last order of each shard.
    pub ends_file: PathBuf,
    /// How many there are, without the last ones.
    pub count: usize,
    /// Bytes of all of them.
    pub bytes: usize,
    /// Those that have to come out, by their id.
    expected: HashMap<String, Expected>,
}

/// An order that has to come out.
pub struct Expected {
    /// Its place in the file.
    pub place: usize,
    /// The order itself.
    pub order: Value,
}

impl Orders {
    /// Unpacks the shipped data set into a folder, and computes what has to come out.
    pub fn unpack(repository: &Repository, folder: &Path) -> Result<Self> {
        let shipped = File::open(repository.root.join(SHIPPED)).context(SHIPPED)?;
        let mut text = String::new();
        GzDecoder::new(BufReader::new(shipped)).read_to_string(&mut text).context(SHIPPED)?;
        let file = folder.join("orders.jsonl");
        let ends_file = folder.join("ends.jsonl");
        write(&file, &text)?;
        write(&ends_file, &ends())?;
        Self::read(&text, file, ends_file)
    }

    fn read(text: &str, file: PathBuf, ends_file: PathBuf) -> Result<Self> {
        let mut expected = HashMap::new();
        let mut count = 0;
        for (place, line) in text.lines().enumerate() {
            count += 1;
            let order: Value =
                serde_json::from_str(line).with_context(|| format!("{SHIPPED}: line {}", place + 1))?;
            if order["status"] == "paid" {
                let id = order["order"].as_str().context("an order has an id")?.to_owned();
                ensure!(expected.insert(id, Expected { place, order }).is_none(), "an order is there twice");
            }
        }
        Ok(Self { file, ends_file, count, bytes: text.len(), expected })
    }

    /// How many orders have to come out.
    pub fn expected_count(&self) -> usize {
        self.expected.len()
    }

    /// The order with this id, if it has to come out.
    pub fn expected(&self, id: &str) -> Option<&Expected> {
        self.expected.get(id)
    }

    /// Orders for tests: lines of a file.
    #[cfg(test)]
    pub fn of(text: &str) -> Self {
        Self::read(text, PathBuf::new(), PathBuf::new()).unwrap()
    }
}

fn ends() -> String {
    ENDS.map(|customer| format!("{{\"customer\":\"{customer}\",\"status\":\"paid\"}}\n")).concat()
}

fn write(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}
