//! What a handler is told of its instance's life, where it exports `life-cycle`.
//!
//! ```text
//! made ─► begin: init, shard-started ─► batches ─► end: shard-ended, drain ─► dropped
//! ```
//! An instance that trapped or ran past a deadline is beyond being told anything: it is dropped without [`end`].

use tidemill_engine::{handler::HandlerErrorKind, record::ShardId};
use wasmtime::{
    Store,
    component::{self, TypedFunc},
};

use super::call::HandlerContract;
use crate::{
    bindings::life::{EndedParams, Ending, InitAnswer, InitParams, StartedParams},
    contract::{ExportedFunction, Exports, Interface},
    error::ComponentError,
    fault::Fault,
    instance::Instance,
    slot::Generation,
    state::State,
};

/// Whose batches an instance is for.
#[derive(Clone, Copy, Debug)]
pub struct Served<'a> {
    /// The stream.
    pub stream: &'a str,
    /// The shard.
    pub shard: &'a ShardId,
}

/// Tells a new instance of its configuration, and of the shard that it is for; one that is only tried has none. Each
/// call has the deadline of a batch.
///
/// After an error, or when it is dropped before its end, the instance must be dropped.
pub async fn begin(
    generation: &Generation<HandlerContract>,
    instance: &mut Instance<HandlerContract>,
    served: Option<Served<'_>>,
) -> Result<(), Fault> {
    let Some(life) = instance.functions().life else { return Ok(()) };
    let config: Vec<(&str, &str)> =
        generation.grants.sandbox.config.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    let (answer,) = generation.within_deadline(instance.call(life.init, (&config[..],))).await?;
    answer.map_err(|words| Fault { kind: HandlerErrorKind::Instantiate, ..Fault::said(false, &words) })?;
    if let Some(Served { stream, shard }) = served {
        let params = (stream, shard.as_str());
        let () = generation.within_deadline(instance.call(life.shard_started, params)).await?;
    }
    Ok(())
}

/// Tells an instance that its shard sends no more batches, and that it goes. What fails is logged: nothing waits for
/// the answer. Each call has the deadline of a batch.
///
/// It may be dropped at any await: the guest then hears no more.
pub async fn end(
    generation: &Generation<HandlerContract>,
    mut instance: Instance<HandlerContract>,
    served: Option<Served<'_>>,
    why: Ending,
) {
    let Some(life) = instance.functions().life else { return };
    let told = async {
        if let Some(Served { stream, shard }) = served {
            let params = (stream, shard.as_str(), why);
            let () = generation.within_deadline(instance.call(life.shard_ended, params)).await?;
        }
        generation.within_deadline(instance.call(life.drain, ())).await
    };
    if let Err(Fault { kind, message }) = told.await {
        let shard = served.map_or("none", |served| served.shard.as_str());
        let component = &*generation.label;
        tracing::warn!(component, shard, "the component {kind} while it was let go: {message}");
    }
}

/// Where the functions are that tell a component of its life.
#[derive(Clone, Debug)]
pub struct LifeContract {
    init: ExportedFunction<InitParams<'static>, InitAnswer>,
    shard_started: ExportedFunction<StartedParams<'static>, ()>,
    shard_ended: ExportedFunction<EndedParams<'static>, ()>,
    drain: ExportedFunction<(), ()>,
}

/// The functions that tell an instance of its life.
#[derive(Clone, Copy)]
pub struct LifeFunctions {
    init: TypedFunc<InitParams<'static>, InitAnswer>,
    shard_started: TypedFunc<StartedParams<'static>, ()>,
    shard_ended: TypedFunc<EndedParams<'static>, ()>,
    drain: TypedFunc<(), ()>,
}

impl LifeContract {
    /// Finds them in a component that exports the interface.
    pub fn find(exports: &Exports<'_>) -> Result<Self, ComponentError> {
        let interface = Interface::LifeCycle;
        Ok(Self {
            init: exports.function(interface, "init")?,
            shard_started: exports.function(interface, "shard-started")?,
            shard_ended: exports.function(interface, "shard-ended")?,
            drain: exports.function(interface, "drain")?,
        })
    }

    /// Finds them in an instance.
    pub fn link(
        &self,
        store: &mut Store<State>,
        instance: &component::Instance,
    ) -> wasmtime::Result<LifeFunctions> {
        Ok(LifeFunctions {
            init: self.init.of(store, instance)?,
            shard_started: self.shard_started.of(store, instance)?,
            shard_ended: self.shard_ended.of(store, instance)?,
            drain: self.drain.of(store, instance)?,
        })
    }
}
