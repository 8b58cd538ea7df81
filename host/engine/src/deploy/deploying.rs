//! Wanting something of a part: the component is there before anything names it.

use bytes::Bytes;
use thiserror::Error;

use super::{DeployError, Deployment, Deployments, Digest, NoChange, Part, Request};

/// What was wished does not come about.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum NotDeployed {
    /// It makes no sense as things are.
    #[error(transparent)]
    NoChange(#[from] NoChange),
    /// The store.
    #[error(transparent)]
    Store(#[from] DeployError),
}

/// Does what somebody wishes of a part: keeps the component that the wish speaks of, where it speaks of one, then
/// wants it, and forgets components that are too old to be named any more.
///
/// # Errors
/// [`NotDeployed`]. Nothing is wanted that was not before, unless the store failed: then it may be.
///
/// # Cancel safety
/// What was wished may be wanted or not; it is never wanted without its component.
pub async fn deploy(
    store: &dyn Deployments,
    part: &Part,
    request: Request,
    component: Option<(Digest, Bytes)>,
) -> Result<Deployment, NotDeployed> {
    let history = store.history(part).await?;
    deploy_after(store, part, &history, request, component).await
}

/// The same for one who decided on what the history said: where something else is wanted by now, that is a conflict.
pub(super) async fn deploy_after(
    store: &dyn Deployments,
    part: &Part,
    history: &[Deployment],
    request: Request,
    component: Option<(Digest, Bytes)>,
) -> Result<Deployment, NotDeployed> {
    let next = request.after(history)?;
    if let Some((digest, bytes)) = &component {
        store.upload(digest, bytes.clone()).await?;
    }
    store.put(part, &next).await?;
    if let Some((digest, bytes)) = component {
        // Whoever forgot components meanwhile did not know that this one would be named.
        store.upload(&digest, bytes).await?;
    }
    if let Err(error) = store.forget_unused().await {
        tracing::info!(%part, %error, "components that nobody needs stay for now");
    }
    Ok(next)
}
