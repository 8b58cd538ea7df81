//! How one handler's component takes the place of another.

use std::sync::Arc;

use tidemill_engine::{
    batch::{Batch, BatchInfo, Documents},
    deploy::Trial,
    limits,
    record::Record,
    time::UnixMillis,
};

use super::{HandlerContract, lane::Lane, life};
use crate::{
    bindings::life::Ending,
    fault::Fault,
    instance::Instance,
    settings::{HandlerSettings, RolloutSettings},
    slot::{Generation, Recent, Swap},
};

impl Swap for HandlerContract {
    type Settings = HandlerSettings;
    type Sample = Recent<Batch>;

    fn may_try(settings: &HandlerSettings, trial: &Trial) -> Result<(), String> {
        match trial {
            Trial::Keys { percent } if !(1..=100).contains(percent) => {
                Err(format!("a candidate is tried with 1 to 100 percent of the partition keys, percent={percent}"))
            }
            Trial::Keys { .. } if settings.makes_checkpoints => Err(
                "where the handler makes checkpoints, neither of two knows how far the other is: try the candidate with \
                 whole shards"
                    .to_owned(),
            ),
            Trial::Shards(shards) if shards.is_empty() => {
                Err("a candidate is tried with one shard at the least: name one".to_owned())
            }
            _ => Ok(()),
        }
    }

    async fn begin(generation: &Generation<Self>, lane: &Lane) -> Result<Instance<Self>, Fault> {
        let making = Instance::new(generation, &lane.shard);
        let mut instance = generation.within_deadline(making).await?;
        life::begin(generation, &mut instance, Some(lane.served())).await?;
        Ok(instance)
    }

    async fn end(generation: &Generation<Self>, lane: &Lane, instance: Instance<Self>) {
        life::end(generation, instance, Some(lane.served()), Ending::Replaced).await;
    }

    /// An error costs it the place; what it does with single records is its own business, and counts later.
    async fn try_out(
        tried: &Arc<Generation<Self>>,
        _running: &Generation<Self>,
        settings: &HandlerSettings,
        sample: Recent<Batch>,
        rollout: &RolloutSettings,
    ) -> Result<(), Fault> {
        let mut instance = tried.within_deadline(tried.instance()).await?;
        life::begin(tried, &mut instance, None).await?;
        let given = (!rollout.samples.is_empty()).then(|| given(rollout));
        if let Some(batch) = given.as_ref().or_else(|| sample.get()) {
            tried.within_deadline(instance.handle(tried.id, batch, settings)).await?;
        }
        life::end(tried, instance, None, Ending::Left).await;
        Ok(())
    }
}

/// The first records of a batch in bytes of their own.
pub fn sample_of(batch: &Batch) -> Batch {
    let documents = batch.documents();
    let most = documents.len().min(limits::SAMPLE_RECORDS);
    let first = if most == 0 { documents.clone() } else { documents.split(0, most, limits::SAMPLE_BYTES) };
    let info = BatchInfo { attempt: 1, uncovered: 0, ..batch.info.clone() };
    Batch::new(info, first.copied())
}

/// A batch of the documents that the settings give to try components out on.
fn given(rollout: &RolloutSettings) -> Batch {
    let record = |(at, data): (usize, &bytes::Bytes)| Record {
        sequence: (at + 1).to_string().try_into().expect("a number is a sequence number"),
        partition_key: format!("sample-{at}").into(),
        data: data.clone(),
        arrival: UnixMillis(0),
    };
    let records: Vec<Record> = rollout.samples.iter().enumerate().map(record).collect();
    let info = BatchInfo {
        stream: "samples".into(),
        shard: "none".into(),
        lane: 0,
        millis_behind_latest: 0,
        attempt: 1,
        uncovered: 0,
    };
    Batch::new(info, Documents::of_records(&records))
}
