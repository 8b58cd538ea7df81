//! Components as bytes, before anything is known of them.

use std::{path::Path, sync::Arc};

use sha2::{Digest as _, Sha256};
use tidemill_engine::deploy::{Artifact, Digest};

use crate::error::ComponentError;

/// Reads a component's file. What is in it is looked at when it is loaded.
///
/// It reads on a thread for blocking work, and may be dropped at any await.
pub async fn artifact(path: &Path) -> Result<Arc<Artifact>, ComponentError> {
    let path = path.to_owned();
    let reading = tokio::task::spawn_blocking(move || read(&path)).await;
    reading.map_err(ComponentError::engine)?.map(Arc::new)
}

/// The same for callers that may block.
pub fn read(path: &Path) -> Result<Artifact, ComponentError> {
    let failed = |source| ComponentError::Read { path: path.to_owned(), source };
    let bytes = std::fs::read(path).map_err(failed)?;
    let digest = digest_of(&bytes);
    Ok(Artifact { from: path.display().to_string(), digest, bytes: bytes.into() })
}

/// The digest of a component's bytes.
pub fn digest_of(bytes: &[u8]) -> Digest {
    Digest::of_bytes(&Sha256::digest(bytes).into())
}
