//! ListShards, with its pages and its filters.

use super::{
    Model, ServiceError, bucket::millis, shard::Shard, shard::shard_number, stream::Stream, token, validate,
};
use crate::{
    kinesis::{self, ShardFilter, StreamStatus},
    limits,
    time::UnixMillis,
};

/// What ListShards asks for: the first page of a stream, or the page that a token names.
#[derive(Clone, Debug)]
pub enum ShardQuery<'a> {
    /// The first page.
    Stream {
        /// Name of the stream.
        name: &'a str,
        /// Which shards.
        filter: ShardFilter,
        /// Only shards after this id, whatever the filter.
        after: Option<&'a str>,
    },
    /// A later page.
    Token(&'a str),
}

/// One page of ListShards.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shards {
    /// The shards, by id.
    pub shards: Vec<kinesis::Shard>,
    /// Token of the next page; none on the last. It may be used for 300 seconds.
    pub next: Option<String>,
}

/// A query in full: what a token remembers.
struct Page {
    name: String,
    /// The stream that the first page was of; none on the first page.
    stream: Option<u64>,
    filter: ShardFilter,
    first: u32,
}

impl Model {
    /// ListShards: up to `results` shards. Errors: ExpiredNextTokenException for a token that is too old.
    pub fn list_shards(
        &self,
        query: &ShardQuery<'_>,
        results: Option<usize>,
    ) -> Result<Shards, ServiceError> {
        let results = results.unwrap_or(limits::LIST_SHARDS_RESULTS);
        validate::between("maxResults", &results, 1..=limits::LIST_SHARDS_RESULTS_MAX)?;
        let results = results.min(limits::LIST_SHARDS_RESULTS);
        let page = match query {
            ShardQuery::Stream { name, filter, after } => Page {
                name: (*name).to_owned(),
                stream: None,
                filter: filter.clone(),
                first: after.map_or(Ok(0), first_after)?,
            },
            ShardQuery::Token(token) => self.page_of(token)?,
        };
        self.on(&page.name, |stream, now| {
            if self.settings.enforce_limits && !stream.list_shards.take(now) {
                return Err(ServiceError::limit_exceeded(format!(
                    "Rate exceeded for stream {}",
                    stream.name
                )));
            }
            let exists = matches!(stream.status(now), Some(StreamStatus::Active | StreamStatus::Updating));
            if !exists {
                stream.must_be_active(now)?;
            }
            if page.stream.is_some_and(|id| id != stream.id) {
                return Err(foreign_token());
            }
            list(stream, &page, results, now)
        })
    }

    fn page_of(&self, sealed: &str) -> Result<Page, ServiceError> {
        let ([issued, stream, first, kind, moment], name) = token::open(sealed).ok_or_else(foreign_token)?;
        let age = self.clock.now().millis_since(UnixMillis(issued));
        if age >= millis(limits::LIST_SHARDS_TOKEN_LIFE) {
            return Err(ServiceError::new(
                "ExpiredNextTokenException",
                format!(
                    "NextToken is too old: age_ms={age} life_ms={}",
                    millis(limits::LIST_SHARDS_TOKEN_LIFE)
                ),
            ));
        }
        let filter = filter_of(kind, UnixMillis(moment)).ok_or_else(foreign_token)?;
        let first = u32::try_from(first).map_err(|_| foreign_token())?;
        Ok(Page { name, stream: Some(stream), filter, first })
    }
}

fn list(stream: &Stream, page: &Page, results: usize, now: UnixMillis) -> Result<Shards, ServiceError> {
    let after_filter = match &page.filter {
        ShardFilter::AfterShard(id) => first_after(id.as_str())?,
        _ => 0,
    };
    let mut matching = stream
        .shards
        .range(page.first.max(after_filter)..)
        .map(|(_, shard)| shard)
        .filter(|shard| is_in(&page.filter, shard, stream))
        .map(Shard::listed);
    let shards: Vec<_> = matching.by_ref().take(results).collect();
    let more = matching.next().is_some();
    let next = shards.last().filter(|_| more).map(|last| {
        let first = first_after(last.id.as_str()).unwrap_or(u32::MAX);
        let (kind, moment) = code_of(&page.filter);
        token::seal(&[now.0, stream.id, u64::from(first), kind, moment], &stream.name)
    });
    Ok(Shards { shards, next })
}

/// Whether a filter lets a shard through. At one moment, the shards that pass tile the hash keys.
fn is_in(filter: &ShardFilter, shard: &Shard, stream: &Stream) -> bool {
    let until = |moment: UnixMillis| shard.closed.is_none_or(|closed| closed > moment);
    match filter {
        ShardFilter::All | ShardFilter::AfterShard(_) | ShardFilter::FromTrimHorizon => true,
        // The oldest generation that is still known. By time alone, a shard that was split in the millisecond of
        // its creation would be passed over, and its records with it.
        ShardFilter::AtTrimHorizon => !shard.parents.iter().any(|parent| stream.shards.contains_key(parent)),
        ShardFilter::AtLatest => shard.is_open(),
        ShardFilter::AtTimestamp(moment) => shard.opened <= *moment && until(*moment),
        ShardFilter::FromTimestamp(moment) => until(*moment) || shard.closed == Some(*moment),
    }
}

fn first_after(id: &str) -> Result<u32, ServiceError> {
    validate::shard_id(id)?;
    Ok(shard_number(id).map_or(u32::MAX, |number| number.saturating_add(1)))
}

fn foreign_token() -> ServiceError {
    ServiceError::invalid_argument("NextToken is not a token of ListShards")
}

/// A filter as a token remembers it. What comes after a shard is remembered by the page's first shard.
fn code_of(filter: &ShardFilter) -> (u64, u64) {
    match filter {
        ShardFilter::All | ShardFilter::AfterShard(_) => (0, 0),
        ShardFilter::AtTrimHorizon => (1, 0),
        ShardFilter::FromTrimHorizon => (2, 0),
        ShardFilter::AtLatest => (3, 0),
        ShardFilter::AtTimestamp(moment) => (4, moment.0),
        ShardFilter::FromTimestamp(moment) => (5, moment.0),
    }
}

fn filter_of(kind: u64, moment: UnixMillis) -> Option<ShardFilter> {
    Some(match kind {
        0 => ShardFilter::All,
        1 => ShardFilter::AtTrimHorizon,
        2 => ShardFilter::FromTrimHorizon,
        3 => ShardFilter::AtLatest,
        4 => ShardFilter::AtTimestamp(moment),
        5 => ShardFilter::FromTimestamp(moment),
        _ => return None,
    })
}

/// The children of a shard, by id.
pub(super) fn children(stream: &Stream, parent: u32) -> Vec<kinesis::ChildShard> {
    let born_of = |shard: &&Shard| shard.parents.contains(&parent);
    stream.shards.range(parent..).map(|(_, shard)| shard).filter(born_of).map(Shard::as_child).collect()
}
