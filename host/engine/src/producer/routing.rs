//! What the producer knows of the shards, and how it goes over to knowing something else.
//!
//! Entries that many keys share are made for one map of the shards. When the shards change, such entries that wait
//! are taken apart and made anew, but not before everything under way has settled: otherwise a newer document could
//! overtake an older one of its key in another shard's line.

use std::sync::Arc;

use tokio::time::Instant;

use super::{
    listing::{Listed, Listing},
    queue::Queued,
    rates::Rates,
    settings::ShardRate,
    shards::ShardMap,
};
use crate::{
    hash::HashKey,
    kinesis::{KinesisError, Shard},
    limits,
    record::Placed,
    stream::StreamRef,
};

/// What is known of a stream's shards when its producer starts.
#[derive(Debug)]
pub(super) enum Shards {
    /// These are open.
    Listed(Vec<Shard>),
    /// Nothing yet.
    Unknown,
    /// The service distributes records by itself, so no shard can be predicted.
    Unpredictable,
}

/// The map in use, and the one to come.
#[derive(Debug)]
pub(super) struct Routing {
    map: Option<ShardMap>,
    /// The map to go over to once nothing is under way; inside, none where there is none to be had.
    next: Option<Option<ShardMap>>,
    /// Whether entries are made for one map, so that going over takes care.
    is_bound: bool,
    /// None where nothing can be predicted.
    listing: Option<Listing>,
    rates: Rates,
    misplaced: Vec<Misplaced>,
}

/// An aggregated entry that landed elsewhere than predicted: whether its documents belong there, the next map tells.
#[derive(Debug)]
pub(super) struct Misplaced {
    pub queued: Queued,
    pub placed: Arc<Placed>,
}

/// What a listing of the shards asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    None,
    /// The map is in use already: entries that wait are to be routed by it.
    Made,
    /// See [`Routing::is_changing`].
    Prepared,
}

impl Routing {
    /// With `is_bound`, entries are made for one map.
    pub(super) fn new(
        shards: Shards,
        is_bound: bool,
        rate: Option<ShardRate>,
        seed: u64,
        now: Instant,
    ) -> Self {
        let listing = (!matches!(shards, Shards::Unpredictable)).then(|| Listing::new(seed));
        let map = match shards {
            Shards::Listed(shards) => ShardMap::of(shards),
            Shards::Unknown | Shards::Unpredictable => None,
        };
        let mut routing = Self {
            map: None,
            next: None,
            is_bound,
            listing,
            rates: Rates::new(rate, now),
            misplaced: Vec::new(),
        };
        if map.is_none() {
            routing.want_listing();
        }
        routing.adopt(map, now);
        routing
    }

    pub(super) fn map(&self) -> Option<&ShardMap> {
        self.map.as_ref()
    }

    /// The shard that takes a hash key, by its place in the map; 0 without a map.
    pub(super) fn predict(&self, hash: HashKey) -> usize {
        self.map.as_ref().map_or(0, |map| map.predict(hash))
    }

    pub(super) fn rates(&mut self) -> &mut Rates {
        &mut self.rates
    }

    /// Whether the shard that took an entry is another than the map has. Then the shards will be listed.
    pub(super) fn is_surprised(&mut self, queued: &Queued, placed: &Placed) -> bool {
        let Some(map) = &self.map else { return false };
        let surprised = map.ids()[map.predict(queued.hash)] != placed.shard;
        if surprised {
            self.want_listing();
        }
        surprised
    }

    /// Keeps an entry until the next map tells whether its documents belong where it landed.
    pub(super) fn keep(&mut self, misplaced: Misplaced) {
        self.misplaced.push(misplaced);
    }

    pub(super) fn has_misplaced(&self) -> bool {
        !self.misplaced.is_empty()
    }

    /// When the shards are to be listed.
    pub(super) fn due_at(&self, now: Instant) -> Option<Instant> {
        self.listing.as_ref().filter(|_| self.next.is_none()).and_then(|listing| listing.due_at(now))
    }

    /// The shards are being listed.
    pub(super) fn begin_listing(&mut self) {
        if let Some(listing) = &mut self.listing {
            listing.begin();
        }
    }

    /// Takes what a listing brought.
    pub(super) fn listed(
        &mut self,
        stream: &StreamRef,
        result: Result<Vec<Shard>, KinesisError>,
        now: Instant,
    ) -> Change {
        let result = result.map(ShardMap::of);
        let listed = match &result {
            Ok(Some(map)) if self.is_outdated(map) => Listed::Nothing,
            Ok(Some(map)) if self.map.as_ref() == Some(map) => Listed::Known,
            Ok(Some(_)) => Listed::New,
            Ok(None) | Err(_) => Listed::Nothing,
        };
        let vain = self.listing.as_mut().map_or(0, |listing| listing.end(listed, now));
        if let (Err(error), 1) = (&result, vain) {
            tracing::warn!(%stream, %error, "the shards cannot be listed, and will be asked for again");
        }
        if vain >= limits::SHARD_LIST_ATTEMPTS && self.has_misplaced() {
            tracing::warn!(%stream, listings = vain,
                "records land in shards that no listing explains: documents go one by one");
            self.want_listing();
            self.next = Some(None);
            return Change::Prepared;
        }
        match (listed, result) {
            (Listed::New, Ok(map)) => self.change_to(map, now),
            (Listed::Known, Ok(map)) if self.has_misplaced() => self.change_to(map, now),
            _ => Change::None,
        }
    }

    /// Whether another map waits until nothing is under way that was made for this one.
    pub(super) fn is_changing(&self) -> bool {
        self.next.is_some()
    }

    /// Goes over to the map that waits, and answers the entries that landed elsewhere than predicted.
    pub(super) fn change(&mut self, now: Instant) -> Vec<Misplaced> {
        if let Some(map) = self.next.take() {
            self.adopt(map, now);
        }
        std::mem::take(&mut self.misplaced)
    }

    /// Whether a map is older than what the producer has seen: it knows a shard as open that did not take a record,
    /// and does not know the one that did.
    fn is_outdated(&self, map: &ShardMap) -> bool {
        self.misplaced.iter().any(|misplaced| {
            let predicted = self.map.as_ref().map(|map| &map.ids()[misplaced.queued.shard]);
            map.place_of(&misplaced.placed.shard).is_none()
                && predicted.is_some_and(|predicted| map.place_of(predicted).is_some())
        })
    }

    fn change_to(&mut self, map: Option<ShardMap>, now: Instant) -> Change {
        if self.is_bound {
            self.next = Some(map);
            return Change::Prepared;
        }
        self.adopt(map, now);
        Change::Made
    }

    fn adopt(&mut self, map: Option<ShardMap>, now: Instant) {
        self.rates.adopt(map.as_ref(), now);
        self.map = map;
    }

    fn want_listing(&mut self) {
        if let Some(listing) = &mut self.listing {
            listing.want();
        }
    }
}
