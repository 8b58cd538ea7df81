//! Lease stores: each pipeline of the application has leases of its own.

use std::sync::Arc;

use tidemill_backends::leases::file::FileLeases;
use tidemill_engine::lease::{LeaseStore, memory::MemoryLeases};

use crate::{
    config::{Config, Name, StoreKind},
    exit::Exit,
    failure::Failure,
};

/// Opens lease stores.
pub struct Stores {
    application: Name,
    file: Option<FileLeases>,
}

impl Stores {
    /// Opens what the settings name.
    pub fn open(config: &Config) -> Result<Self, Failure> {
        let application = config.application.clone();
        let path = match config.lease_store() {
            StoreKind::Memory => None,
            // The file belongs to whoever reads.
            StoreKind::File if config.pipelines.is_empty() => None,
            StoreKind::File => config.leases.path.as_deref(),
        };
        let file = path.map(|path| FileLeases::open(path, application.as_str())).transpose();
        let file = file.map_err(|error| Failure::caused(Exit::Surroundings, &error))?;
        Ok(Self { application, file })
    }

    /// The leases of one pipeline.
    pub fn of_pipeline(&self, name: &Name) -> Arc<dyn LeaseStore> {
        match &self.file {
            Some(file) => Arc::new(file.of_application(&format!("{}/{name}", self.application))),
            None => Arc::new(MemoryLeases::new()),
        }
    }
}
