//! Stores of deployments: what an application is to run, beside its leases.
//!
//! In each of them the history of a part is one value, which a write replaces where its version is the one that the
//! writer saw; and a component appears whole or not at all.

use bytes::Bytes;
use tidemill_engine::{
    deploy::{DeployError, History, Part},
    limits,
};

pub mod dynamodb;
pub mod file;
pub mod redis;

/// A history as text that people can read.
fn encode(history: &History) -> String {
    serde_json::to_string(history).expect("it has no map with keys that are no text")
}

/// The history in this text.
fn decode(part: &str, text: &[u8]) -> Result<History, DeployError> {
    serde_json::from_slice(text).map_err(|error| {
        DeployError::Unavailable(format!("the deployments of {part} are unreadable: {error}"))
    })
}

/// The history with one more deployment, and the version that it has to replace.
fn with_next(
    part: &Part,
    mut history: History,
    next: &tidemill_engine::deploy::Deployment,
) -> Result<(u64, String), DeployError> {
    let seen = history.version();
    history.add(part, next.clone())?;
    Ok((seen, encode(&history)))
}

/// A component in pieces, none of which is too large for any store.
fn pieces(component: &Bytes) -> impl Iterator<Item = Bytes> {
    let starts = (0..component.len()).step_by(limits::COMPONENT_PIECE_BYTES);
    starts.map(|start| component.slice(start..component.len().min(start + limits::COMPONENT_PIECE_BYTES)))
}
