//! Emits every record as it came, under its own partition key, over the plain list interface and with nothing but
//! the bindings that `wit/` gives: what a handler looks like in a language that has no library of ours.

wit_bindgen::generate!({
    path: "../../../wit",
    world: "handler",
});

use exports::tidemill::streams::record_handler::{Guest, Outcome};
use tidemill::streams::records::{Emit, UserRecord};
use tidemill::streams::types::{BatchError, BatchInfo};

struct PassThrough;

impl Guest for PassThrough {
    fn handle(_info: BatchInfo, batch: Vec<UserRecord>) -> Result<Outcome, BatchError> {
        let checkpoint = u32::try_from(batch.len()).ok();
        let emits = batch.into_iter().map(onward).collect();
        Ok(Outcome { emits, failures: Vec::new(), checkpoint })
    }
}

fn onward(record: UserRecord) -> Emit {
    Emit { data: record.data, partition_key: Some(record.partition_key), explicit_hash_key: None, sink: None }
}

export!(PassThrough);
