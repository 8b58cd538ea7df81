//! The end of a shard: the shards that follow get their leases first, and only then is this one done for ever.

use std::sync::Arc;

use super::{looking, pipeline::Pipeline, progress::Progress, writing};
use crate::{
    bugs::{Bug, planted},
    kinesis::{ChildShard, KinesisError},
    lease::{Checkpoint, LeaseError, LeaseKey, NewLease, keeper::LeaseKeeper, lineage::parents_of},
};

/// Why the end of a shard could not be written.
#[derive(Debug, thiserror::Error)]
pub(super) enum EndError {
    #[error(transparent)]
    Children(#[from] KinesisError),
    #[error(transparent)]
    Lease(#[from] LeaseError),
}

/// Makes sure that the shards which follow have leases, then marks this one as done. `children` are those that the
/// service named, which may be none.
pub(super) async fn end(
    pipeline: &Pipeline,
    ended: &LeaseKey,
    children: Vec<ChildShard>,
    keeper: LeaseKeeper,
) -> Result<(), EndError> {
    // Not every endpoint names the children at the end of a shard.
    let children = if children.is_empty() { find_children(pipeline, ended).await? } else { children };
    if planted(Bug::EndBeforeChildren) {
        keeper.advance(Checkpoint::ShardEnd);
        return Ok(keeper.finish(true).await?);
    }
    let new = children.into_iter().map(|child| NewLease {
        key: LeaseKey { stream: Arc::clone(&ended.stream), shard: child.id },
        checkpoint: Checkpoint::TrimHorizon,
        parents: child.parents,
    });
    writing::create(&pipeline.leases, new.collect()).await?;
    keeper.advance(Checkpoint::ShardEnd);
    keeper.finish(true).await?;
    Progress::count(&pipeline.progress.ended_shards, 1);
    Ok(())
}

async fn find_children(pipeline: &Pipeline, ended: &LeaseKey) -> Result<Vec<ChildShard>, KinesisError> {
    let shards = looking::list(&*pipeline.kinesis, &pipeline.settings.stream).await?;
    let child = |shard: crate::kinesis::Shard| ChildShard {
        parents: parents_of(&shard).cloned().collect(),
        id: shard.id,
        range: shard.range,
    };
    Ok(shards.into_iter().map(child).filter(|child| child.parents.contains(&ended.shard)).collect())
}
