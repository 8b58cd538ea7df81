//! The WebAssembly engine of the process.

use std::{fmt, path::PathBuf, sync::Arc};

use tidemill_engine::{deploy::Digest, limits};
use wasmtime::{
    Config, Enabled, InstanceAllocationStrategy, OptLevel, PoolingAllocationConfig,
    component::{Component, Linker},
};

use crate::{
    bindings::imports,
    cache::{self, Cache},
    error::ComponentError,
    state::State,
    ticker::Ticker,
    yielding::Gate,
};

/// Compiles components and gives their instances memory. Made once a process; cloning is cheap.
#[derive(Clone)]
pub struct Engine(Arc<Parts>);

struct Parts {
    wasmtime: wasmtime::Engine,
    linker: Linker<State>,
    cache: Option<Cache>,
    compilers: rayon::ThreadPool,
    gate: Arc<Gate>,
    _ticker: Ticker,
}

/// What an operator decides about the engine of a process.
#[derive(Clone, Debug)]
pub struct EngineSettings {
    /// Stack of each guest, in bytes. It is one figure for the process, because the stacks come from the same pool.
    pub stack_bytes: usize,
    /// Where compiled components are kept for other engines of this user and for later; none keeps none. A folder that
    /// is of no use for that is told in the log, and the engine does without.
    pub cache: Option<PathBuf>,
}

impl Default for EngineSettings {
    fn default() -> Self {
        Self { stack_bytes: limits::WASM_STACK_BYTES, cache: None }
    }
}

impl Engine {
    /// An engine whose instances come from a pool, or from the system one by one where the address space is too
    /// small for a pool (`ulimit -v`, `vm.overcommit_memory=2`).
    pub fn new() -> Result<Self, ComponentError> {
        Self::with(EngineSettings::default())
    }

    /// The same, with settings of its own.
    pub fn with(settings: EngineSettings) -> Result<Self, ComponentError> {
        let config = || config(settings.stack_bytes);
        let wasmtime = wasmtime::Engine::new(config().allocation_strategy(pool())).or_else(|error| {
            tracing::warn!(%error, "cannot reserve address space for a pool of instances; they will start slower");
            wasmtime::Engine::new(&config())
        });
        let wasmtime = wasmtime.map_err(ComponentError::engine)?;
        let linker = linker(&wasmtime).map_err(ComponentError::engine)?;
        let ticker = Ticker::start(wasmtime.weak()).map_err(ComponentError::engine)?;
        let cache = settings.cache.and_then(|folder| cache::open_or_warn(&folder, &wasmtime));
        let compilers = compilers().map_err(ComponentError::engine)?;
        Ok(Self(Arc::new(Parts {
            wasmtime,
            linker,
            cache,
            compilers,
            gate: Arc::new(Gate::new()),
            _ticker: ticker,
        })))
    }

    /// The component with these bytes, compiled now or, where there is a cache, before. The digest must be that of the
    /// bytes. Blocks for about a second for each megabyte that is compiled.
    pub(crate) fn component(&self, digest: &Digest, bytes: &[u8]) -> wasmtime::Result<Component> {
        let Parts { wasmtime, cache, compilers, .. } = &*self.0;
        compilers.install(|| match cache {
            Some(cache) => cache.component(wasmtime, digest, bytes),
            None => Component::from_binary(wasmtime, bytes),
        })
    }

    pub(crate) fn wasmtime(&self) -> &wasmtime::Engine {
        &self.0.wasmtime
    }

    pub(crate) fn gate(&self) -> Arc<Gate> {
        Arc::clone(&self.0.gate)
    }

    pub(crate) fn linker(&self) -> &Linker<State> {
        &self.0.linker
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Engine")
    }
}

/// Threads that compile: one for each core, but behind everything else, so that a deployment takes from the shards what
/// they leave and little more.
fn compilers() -> Result<rayon::ThreadPool, rayon::ThreadPoolBuildError> {
    let threads = rayon::ThreadPoolBuilder::new().thread_name(|at| format!("compile-{at}"));
    let stand_back = |_| {
        if let Err(error) = rustix::process::nice(limits::COMPILER_NICE) {
            tracing::debug!(%error, "a thread that compiles stays as urgent as others");
        }
    };
    threads.start_handler(stand_back).build()
}

fn config(stack_bytes: usize) -> Config {
    let mut config = Config::new();
    config
        .wasm_component_model(true)
        .epoch_interruption(true)
        .max_wasm_stack(stack_bytes)
        .async_stack_size(stack_bytes + limits::HOST_STACK_BYTES)
        .cranelift_opt_level(OptLevel::Speed)
        .parallel_compilation(true);
    config
}

/// The caps of a single component are generous, because what one may use is decided by its handler's settings.
fn pool() -> InstanceAllocationStrategy {
    let instances = limits::INSTANCES;
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(instances)
        .total_core_instances(instances * 8)
        .total_memories(instances + instances / 8 + 8)
        .total_tables(instances * 2 + 16)
        .table_elements(limits::INSTANCE_TABLE_ELEMENTS_MAX)
        .total_stacks(instances)
        .max_core_instances_per_component(limits::INSTANCE_MODULES as u32)
        .max_memories_per_component(limits::INSTANCE_MEMORIES as u32)
        .max_tables_per_component(limits::INSTANCE_TABLES as u32)
        .linear_memory_keep_resident(limits::INSTANCE_KEPT_BYTES)
        .table_keep_resident(64 << 10)
        .async_stack_keep_resident(64 << 10)
        .pagemap_scan(Enabled::Auto);
    InstanceAllocationStrategy::Pooling(pool)
}

/// Everything that any component may import. WASI is linked whole, since toolchains import more than they use;
/// what it grants is decided in [`State`], and that is next to nothing.
fn linker(engine: &wasmtime::Engine) -> wasmtime::Result<Linker<State>> {
    let mut linker = Linker::new(engine);
    wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
    wasmtime_wasi_http::p2::add_only_http_to_linker_async(&mut linker)?;
    imports::Imports::add_to_linker::<_, wasmtime::component::HasSelf<State>>(&mut linker, |state| state)?;
    Ok(linker)
}
