//! How far the letters on a stream are redriven: checkpoints of their own, beside those of the pipeline.
//!
//! They are where the leases are that hosts share. A lease file belongs to the host that has it open, so beside one
//! there is another: `tidemill.redriven.redb` beside `tidemill.redb`.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use tidemill_backends::leases::file::FileLeases;
use tidemill_engine::lease::{LeaseStore, NewLease, Update, memory::MemoryLeases, moves::running};

use super::place::{OfPipeline, Opened};
use crate::{
    args::ConnectionFlags,
    config::{Config, StoreKind},
    exit::Exit,
    failure::Failure,
    host::leases::Stores,
};

/// The name of the file where nothing else says it.
const FILE: &str = "tidemill.redriven.redb";
/// What the marks of letters belong to that were named without settings.
const UNNAMED: &str = "redrive";

/// Opens the marks to move them. Refuses while another process does.
pub async fn open(opened: &Opened, flags: &ConnectionFlags) -> Result<Arc<dyn LeaseStore>, Failure> {
    let Some(OfPipeline { name, file, .. }) = &opened.pipeline else {
        return open_file(Path::new(FILE), UNNAMED);
    };
    if let Some(path) = own_file(file) {
        return open_file(&path, &format!("{}/{name}/redrive", file.application));
    }
    let marks = Stores::open(file, flags).await?.of_redrive(name);
    let failed = |error| Failure::caused(Exit::Surroundings, &error);
    if running(&*marks, file.leases.failover).await.map_err(failed)?.is_some() {
        return Err(Failure::new(Exit::Surroundings, "another process redrives these letters")
            .help("wait for it, or stop it"));
    }
    for lease in marks.list().await.map_err(failed)? {
        if lease.owner.is_some() {
            // Whoever had it is gone, and to wait until it expires helps nobody.
            marks.update(&lease, Update::Release).await.map_err(failed)?;
        }
    }
    Ok(marks)
}

/// A copy of the marks, for those who look only.
pub async fn copy(opened: &Opened, flags: &ConnectionFlags) -> Result<Arc<dyn LeaseStore>, Failure> {
    let own = match &opened.pipeline {
        Some(pipeline) => own_file(&pipeline.file),
        None => Some(FILE.into()),
    };
    let copy = MemoryLeases::new();
    if own.is_some_and(|path| !path.exists()) {
        return Ok(Arc::new(copy));
    }
    let failed = |error| Failure::caused(Exit::Surroundings, &error);
    let marks = match &opened.pipeline {
        Some(OfPipeline { name, file, .. }) if own_file(file).is_none() => {
            Stores::open(file, flags).await?.of_redrive(name)
        }
        _ => open(opened, flags).await?,
    };
    for lease in marks.list().await.map_err(failed)? {
        let (key, checkpoint, parents) = (lease.key, lease.checkpoint, lease.parents);
        copy.create(NewLease { key, checkpoint, parents }).await.map_err(failed)?;
    }
    Ok(Arc::new(copy))
}

/// The file of the marks, where the leases are in a file too or nowhere.
fn own_file(file: &Config) -> Option<PathBuf> {
    match file.lease_store() {
        StoreKind::File => file.leases.path.as_ref().map(|path| path.with_extension("redriven.redb")),
        StoreKind::Memory => Some(FILE.into()),
        StoreKind::Redis | StoreKind::DynamoDb => None,
    }
}

fn open_file(path: &Path, application: &str) -> Result<Arc<dyn LeaseStore>, Failure> {
    match FileLeases::open(path, application) {
        Ok(leases) => Ok(Arc::new(leases)),
        Err(error) => Err(Failure::caused(Exit::Surroundings, &error)),
    }
}
