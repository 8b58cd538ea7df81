//! What all instances of a component share, whatever their generation.

use std::sync::Arc;

use tidemill_engine::deploy::Part;

use crate::{allow::Allow, refusals::Refusals, series::Series, settings::Sandbox};

/// What every instance of a component is given. Clones share what is counted over all of them.
#[derive(Clone, Debug)]
pub struct Grants {
    /// The name that logs and errors call it by.
    pub name: Arc<str>,
    /// The pipeline that it runs in.
    pub pipeline: Option<Arc<str>>,
    /// What it may use and reach.
    pub sandbox: Arc<Sandbox>,
    /// Bytes that the host may set aside for what a guest passes in one call.
    pub hostcall_bytes: usize,
    /// Its metrics.
    pub series: Arc<Series>,
    /// What it asked for in vain.
    pub refusals: Arc<Refusals>,
}

impl Grants {
    /// What the instances of a component of this name share in this sandbox.
    pub fn new(name: &str, part: Option<&Part>, sandbox: &Sandbox, hostcall_bytes: usize) -> Self {
        Self {
            name: name.into(),
            pipeline: part.map(|part| part.pipeline.as_str().into()),
            sandbox: Arc::new(sandbox.clone()),
            hostcall_bytes,
            series: Arc::new(Series::new(name, part, sandbox.series)),
            refusals: Arc::default(),
        }
    }
    /// The same for an instance that is only tried out: nothing of what it does must reach anybody.
    pub fn withheld(&self) -> Self {
        let Allow { environment, .. } = &self.sandbox.allow;
        let allow = Allow { environment: environment.clone(), ..Allow::default() };
        Self { sandbox: Arc::new(Sandbox { allow, ..(*self.sandbox).clone() }), ..self.clone() }
    }
}
