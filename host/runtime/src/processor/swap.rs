//! How one processor's component takes the place of another.

use std::sync::Arc;

use tidemill_engine::{
    deploy::Trial,
    handler::HandlerErrorKind,
    limits,
    processor::{HashCheck, ProcessorError, Sharing},
};

use super::{
    contract::ProcessorContract,
    decoded, encoded,
    halves::{AggregatorHalf, SerializerHalf},
    sample::Sample,
    turn::Turn,
};
use crate::{
    contract::Interface,
    fault::Fault,
    instance::Instance,
    settings::RolloutSettings,
    slot::{Generation, Swap},
    words,
};

/// What a processor's component settles for good when the first one is loaded.
#[derive(Debug)]
pub struct Settled {
    /// Which documents may share an entry.
    pub sharing: Sharing,
}

impl Swap for ProcessorContract {
    type Settings = Settled;
    type Sample = Sample;

    fn may_try(_: &Settled, _: &Trial) -> Result<(), String> {
        Err("a processor has no candidate, as what one wrote another has to read: deploy it to all records"
            .to_owned())
    }

    async fn begin(generation: &Generation<Self>, (): &()) -> Result<Instance<Self>, Fault> {
        generation.within_deadline(generation.instance()).await
    }

    async fn end(_: &Generation<Self>, (): &(), instance: Instance<Self>) {
        drop(instance);
    }

    async fn try_out(
        tried: &Arc<Generation<Self>>,
        running: &Generation<Self>,
        settled: &Settled,
        sample: Sample,
        _: &RolloutSettings,
    ) -> Result<(), Fault> {
        let interfaces = tried.compiled.inspection.interfaces;
        let before = running.compiled.inspection.interfaces;
        if interfaces != before {
            let names =
                |all: &[Interface]| all.iter().map(|one| one.name()).collect::<Vec<_>>().join(" and ");
            let (interfaces, before) = (names(interfaces), names(before));
            return Err(unlike(format!(
                "it exports {interfaces} and the running one {before}: export the same"
            )));
        }
        let mut instance = tried.within_deadline(tried.instance()).await?;
        let sharing = shared(tried, &mut instance).await?;
        if sharing != settled.sharing {
            let before = settled.sharing;
            return Err(unlike(format!(
                "what shares a record is {sharing:?} and was {before:?}: restart to change it"
            )));
        }
        drop(tried.instances.put(&(), instance));
        let turn = Turn::of(Arc::clone(tried));
        for interface in interfaces {
            let tried = match interface {
                Interface::Aggregator => aggregates(&turn, &sample).await,
                Interface::Serializer => serializes(&turn, &sample).await,
                _ => processes(&turn, &sample).await,
            };
            tried?;
        }
        Ok(())
    }
}

/// Asks an instance which documents may share an entry; what a serializer says of that means nothing.
pub async fn shared(
    generation: &Generation<ProcessorContract>,
    instance: &mut Instance<ProcessorContract>,
) -> Result<Sharing, Fault> {
    let Some(shares) = instance.functions().shares else { return Ok(Sharing::Alone) };
    let (answer,) = generation.within_deadline(instance.call(shares, ())).await?;
    Ok(answer.into())
}

async fn processes(turn: &Turn, sample: &Sample) -> Result<(), Fault> {
    if let Some(records) = sample.records.get() {
        let decoded = decoded::decode(turn, records, HashCheck::default()).await.map_err(spoken)?;
        if let Some(rejection) = decoded.rejections.first() {
            return Err(unread(&rejection.reason));
        }
    }
    if let Some(documents) = sample.documents.get() {
        encoded::encode(turn, documents, limits::RECORD_BYTES).await.map_err(spoken)?;
    }
    Ok(())
}

async fn aggregates(turn: &Arc<Turn>, sample: &Sample) -> Result<(), Fault> {
    let half = AggregatorHalf::Component(Arc::clone(turn));
    if let Some(records) = sample.records.get() {
        let found = half.unpack(records).await.map_err(spoken)?;
        if let Some(reason) = found.iter().flatten().find_map(|part| part.as_ref().err()) {
            return Err(unread(reason));
        }
    }
    if let Some(documents) = sample.packed.get() {
        half.pack(0, documents, limits::RECORD_BYTES).await.map_err(spoken)?;
    }
    Ok(())
}

async fn serializes(turn: &Arc<Turn>, sample: &Sample) -> Result<(), Fault> {
    let half = SerializerHalf::Component(Arc::clone(turn));
    if let Some(data) = sample.serialized.get() {
        let found = half.deserialize(data).await.map_err(spoken)?;
        if let Some(reason) = found.iter().find_map(|document| document.as_ref().err()) {
            return Err(unread(reason));
        }
    }
    if let Some(documents) = sample.documents.get() {
        half.serialize(documents).await.map_err(spoken)?;
    }
    Ok(())
}

fn unlike(message: String) -> Fault {
    Fault { kind: HandlerErrorKind::Refused, message }
}

fn unread(reason: &str) -> Fault {
    unlike(format!("it rejects what the running one reads: {}", words::repeated(reason)))
}

fn spoken(error: ProcessorError) -> Fault {
    Fault { kind: HandlerErrorKind::Failed, message: error.message }
}
