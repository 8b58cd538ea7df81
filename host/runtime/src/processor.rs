//! Components as processors: whole ones that are given batches packed, and halves, each beside another half.

use std::sync::Arc;

use async_trait::async_trait;
use tidemill_engine::{
    deploy::{self, Artifact},
    limits,
    processor::{Decoded, Document, Encoded, HashCheck, Processor, ProcessorError, Sharing},
    record::Record,
};
use tidemill_processors::{Aggregator, Serializer};

use crate::{
    component::Inspection,
    contract::{Interface, Role},
    engine::Engine,
    error::ComponentError,
    settings::ProcessorSettings,
    slot::{First, Slot, not_started},
};

mod answer;
mod contract;
mod decoded;
mod encoded;
mod halves;
mod sample;
mod swap;
mod turn;

pub use contract::ProcessorContract;

use halves::{AggregatorHalf, Halves, SerializerHalf};
use swap::Settled;
use turn::Turn;

/// Where a component of a processor is.
type ProcessorSlot = Arc<Slot<ProcessorContract>>;

/// A processor that is a component, or has one as a half.
#[derive(Debug)]
pub struct ComponentProcessor {
    form: Form,
    sharing: Sharing,
}

/// One half of a processor.
#[derive(Clone, Copy, Debug)]
pub enum Half<'a, N> {
    /// One of the host's own.
    Native(N),
    /// A component.
    Component(&'a Arc<Artifact>, &'a ProcessorSettings),
}

#[derive(Debug)]
enum Form {
    Packed(ProcessorSlot),
    Halves(Halves),
}

impl ComponentProcessor {
    /// Compiles and checks a component that is a whole processor, and asks a first instance of it which documents may
    /// share an entry.
    ///
    /// It compiles on threads of its own, about a second for each megabyte. It may be dropped at any await; a compilation
    /// under way then ends unheard.
    pub async fn load(
        engine: &Engine,
        artifact: &Arc<Artifact>,
        settings: &ProcessorSettings,
    ) -> Result<Self, ComponentError> {
        let slot = loaded(engine, artifact, Role::Processor, settings).await?;
        let sharing = slot.settings().sharing;
        let form = if slot.inspection().interfaces == [Interface::PackedProcessor] {
            Form::Packed(slot)
        } else {
            let serializer = SerializerHalf::Component(Arc::clone(&slot));
            Form::Halves(Halves { serializer, aggregator: AggregatorHalf::Component(slot) })
        };
        Ok(Self { form, sharing })
    }

    /// Puts a processor together from two halves, loading those that are components as [`ComponentProcessor::load`]
    /// does.
    pub async fn of_halves(
        engine: &Engine,
        aggregator: Half<'_, Aggregator>,
        serializer: Half<'_, Serializer>,
    ) -> Result<Self, ComponentError> {
        let aggregator = match aggregator {
            Half::Native(aggregator) => AggregatorHalf::Native(aggregator),
            Half::Component(artifact, settings) => {
                AggregatorHalf::Component(loaded(engine, artifact, Role::Aggregator, settings).await?)
            }
        };
        let serializer = match serializer {
            Half::Native(serializer) => SerializerHalf::Native(serializer),
            Half::Component(artifact, settings) => {
                SerializerHalf::Component(loaded(engine, artifact, Role::Serializer, settings).await?)
            }
        };
        let halves = Halves { serializer, aggregator };
        let sharing = halves.aggregator.sharing();
        Ok(Self { form: Form::Halves(halves), sharing })
    }

    /// The names of its components with the start of their digests, as errors and logs call it.
    pub fn label(&self) -> String {
        match &self.form {
            Form::Packed(slot) => slot.label().to_string(),
            Form::Halves(halves) => halves.label(),
        }
    }

    /// What its components are.
    pub fn inspections(&self) -> Vec<Inspection> {
        self.placed().into_iter().map(|(_, slot)| slot.inspection()).collect()
    }

    /// Where its components are, by what each is for: [`Role::Processor`] alone, or one or both of [`Role::Aggregator`]
    /// and [`Role::Serializer`]. Another can take the place of each while it runs.
    pub fn slots(&self) -> Vec<(Role, Arc<dyn deploy::Slot>)> {
        let seam = |(role, slot): (Role, &ProcessorSlot)| (role, Arc::clone(slot) as Arc<dyn deploy::Slot>);
        self.placed().into_iter().map(seam).collect()
    }

    fn placed(&self) -> Vec<(Role, &ProcessorSlot)> {
        let Halves { aggregator, serializer } = match &self.form {
            Form::Packed(slot) => return vec![(Role::Processor, slot)],
            Form::Halves(halves) => halves,
        };
        match (aggregator.slot(), serializer.slot()) {
            (Some(slot), Some(other)) if Arc::ptr_eq(slot, other) => vec![(Role::Processor, slot)],
            (aggregator, serializer) => {
                let aggregator = aggregator.map(|slot| (Role::Aggregator, slot));
                aggregator.into_iter().chain(serializer.map(|slot| (Role::Serializer, slot))).collect()
            }
        }
    }
}

/// Loads a component, and asks its first instance which documents may share an entry.
async fn loaded(
    engine: &Engine,
    artifact: &Arc<Artifact>,
    role: Role,
    settings: &ProcessorSettings,
) -> Result<ProcessorSlot, ComponentError> {
    let (first, mut instance) = First::load(engine, artifact, role, settings.grants()).await?;
    let sharing = swap::shared(&first.generation, &mut instance).await;
    let sharing = sharing.map_err(|fault| not_started(&artifact.from, fault))?;
    drop(first.generation.instances.put(&(), instance));
    Ok(first.into_slot(Settled { sharing }, settings.rollout.clone()))
}

#[async_trait]
impl Processor for ComponentProcessor {
    fn sharing(&self) -> Sharing {
        self.sharing
    }

    async fn decode(&self, records: &[Record], check: HashCheck) -> Result<Decoded, ProcessorError> {
        match &self.form {
            Form::Packed(slot) => {
                let decoded = decoded::decode(&Turn::now(slot), records, check).await?;
                if decoded.rejections.is_empty() {
                    slot.remember(|last| last.records.renew(|| sample::records(records)));
                }
                Ok(decoded)
            }
            Form::Halves(halves) => halves.decode(records, check).await,
        }
    }

    async fn encode(&self, documents: &[Document], max_bytes: usize) -> Result<Vec<Encoded>, ProcessorError> {
        match &self.form {
            Form::Packed(slot) => {
                slot.remember(|last| last.documents.renew(|| sample::documents(documents)));
                encoded::encode(&Turn::now(slot), documents, max_bytes).await
            }
            Form::Halves(halves) => halves.encode(documents, max_bytes).await,
        }
    }
}

/// Bytes that the partition key of an entry counts for: one without a key is given one.
fn key_bytes(key: Option<&str>) -> usize {
    key.map_or(limits::SPREAD_KEY_BYTES, str::len)
}
