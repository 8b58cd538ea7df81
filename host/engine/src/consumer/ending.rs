//! The end of a shard: the shards that follow get their leases first, and only then is this one done for ever.

use std::{collections::HashSet, sync::Arc};

use super::{looking, pipeline::Pipeline, progress::Progress, writing};
use crate::{
    bugs::{Bug, planted},
    kinesis::{ChildShard, KinesisError},
    lease::{
        Checkpoint, LeaseError, LeaseKey, NewLease,
        keeper::LeaseKeeper,
        lineage::{Lineage, by_shard, parents_of},
    },
    record::ShardId,
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
    create_other_parents(pipeline, ended, &children).await?;
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

/// Creates leases for the other parents of a merge, and for what they came from, where there are none: once the child
/// has one, they would count as passed over.
async fn create_other_parents(
    pipeline: &Pipeline,
    ended: &LeaseKey,
    children: &[ChildShard],
) -> Result<(), EndError> {
    let mut others: HashSet<&ShardId> = HashSet::new();
    for other in children.iter().flat_map(|child| &child.parents).filter(|other| **other != ended.shard) {
        let key = LeaseKey { stream: Arc::clone(&ended.stream), shard: other.clone() };
        if pipeline.leases.get(&key).await?.is_none() {
            others.insert(other);
        }
    }
    if others.is_empty() {
        return Ok(());
    }
    let mut leases = pipeline.leases.list().await?;
    leases.retain(|lease| lease.key.stream == ended.stream);
    let shards = looking::list(&*pipeline.kinesis, &pipeline.settings.stream).await?;
    let lineage = Lineage::of(&shards);
    let before = lineage.ancestors(others.iter().copied());
    let mut missing = lineage.missing(pipeline.settings.start, &by_shard(&leases), &ended.stream);
    missing.retain(|new| others.contains(&new.key.shard) || before.contains(&new.key.shard));
    Ok(writing::create(&pipeline.leases, missing).await?)
}
