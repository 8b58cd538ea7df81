//! Components as processors: whole ones that are given batches packed, and halves, each beside another half.

use std::{path::Path, sync::Arc};

use async_trait::async_trait;
use tidemill_engine::{
    limits,
    processor::{Decoded, Document, Encoded, HashCheck, Processor, ProcessorError, Sharing},
    record::Record,
};
use tidemill_processors::{Aggregator, Serializer};

use crate::{
    component::Inspection, contract::Role, engine::Engine, error::ComponentError, settings::ProcessorSettings,
};

mod answer;
mod contract;
mod decoded;
mod encoded;
mod halves;
mod pool;

pub use contract::ProcessorContract;

use halves::{AggregatorHalf, Halves, SerializerHalf};
use pool::Pool;

/// A processor that is a component, or has one as a half.
#[derive(Debug)]
pub struct ComponentProcessor {
    form: Form,
    sharing: Sharing,
    label: String,
}

/// One half of a processor.
#[derive(Clone, Copy, Debug)]
pub enum Half<'a, N> {
    /// One of the host's own.
    Native(N),
    /// A component, by its file.
    Component(&'a Path, &'a ProcessorSettings),
}

#[derive(Debug)]
enum Form {
    Packed(Arc<Pool>),
    Halves(Halves),
}

impl ComponentProcessor {
    /// Reads, compiles and checks a component that is a whole processor, and asks a first instance of it which
    /// documents may share an entry.
    ///
    /// It compiles on a thread for blocking work, about a second for each megabyte. It may be dropped at any await;
    /// a compilation under way then ends unheard.
    pub async fn load(
        engine: &Engine,
        path: &Path,
        settings: &ProcessorSettings,
    ) -> Result<Self, ComponentError> {
        let pool = Arc::new(Pool::load(engine, path, Role::Processor, settings).await?);
        let sharing = pool.sharing();
        let label = pool.label().to_string();
        let form = if pool.is_packed() {
            Form::Packed(pool)
        } else {
            let serializer = SerializerHalf::Component(Arc::clone(&pool));
            Form::Halves(Halves { serializer, aggregator: AggregatorHalf::Component(pool) })
        };
        Ok(Self { form, sharing, label })
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
            Half::Component(path, settings) => AggregatorHalf::Component(Arc::new(
                Pool::load(engine, path, Role::Aggregator, settings).await?,
            )),
        };
        let serializer = match serializer {
            Half::Native(serializer) => SerializerHalf::Native(serializer),
            Half::Component(path, settings) => SerializerHalf::Component(Arc::new(
                Pool::load(engine, path, Role::Serializer, settings).await?,
            )),
        };
        let halves = Halves { serializer, aggregator };
        let (sharing, label) = (halves.aggregator.sharing(), halves.label());
        Ok(Self { form: Form::Halves(halves), sharing, label })
    }

    /// The names of its components with the start of their digests, as errors and logs call it.
    pub fn label(&self) -> &str {
        &self.label
    }

    /// What its components are.
    pub fn inspections(&self) -> Vec<Inspection> {
        match &self.form {
            Form::Packed(pool) => vec![pool.inspection()],
            Form::Halves(halves) => halves.inspections(),
        }
    }
}

#[async_trait]
impl Processor for ComponentProcessor {
    fn sharing(&self) -> Sharing {
        self.sharing
    }

    async fn decode(&self, records: &[Record], check: HashCheck) -> Result<Decoded, ProcessorError> {
        match &self.form {
            Form::Packed(pool) => decoded::decode(pool, records, check).await,
            Form::Halves(halves) => halves.decode(records, check).await,
        }
    }

    async fn encode(&self, documents: &[Document], max_bytes: usize) -> Result<Vec<Encoded>, ProcessorError> {
        match &self.form {
            Form::Packed(pool) => encoded::encode(pool, documents, max_bytes).await,
            Form::Halves(halves) => halves.encode(documents, max_bytes).await,
        }
    }
}

/// Bytes that the partition key of an entry counts for: one without a key is given one.
fn key_bytes(key: Option<&str>) -> usize {
    key.map_or(limits::SPREAD_KEY_BYTES, str::len)
}
