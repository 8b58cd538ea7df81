//! What went in held against what came out.

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    time::Duration,
};

use tidemill_engine::{record::ShardId, time::UnixMillis};

use super::{HOSTS, SINK, SOURCE, trail::Trail};
use crate::harness::{
    numbered::{CameOut, Numbered, Numbers},
    streams::{Streams, lines},
};

/// The figures of a run in which everything came out, in order.
#[derive(Debug)]
pub struct Verdict {
    trail: Trail,
    took: Duration,
    documents: usize,
    doubled: usize,
    /// How often the one that came out most often did.
    most_often: usize,
    longest_pause: Duration,
}

/// Everything that came out so far.
///
/// # Panics
/// If the order of a key was broken.
pub async fn came_out(streams: &Streams) -> CameOut {
    outcomes(streams).await.into_iter().map(|(document, _)| document).collect()
}

impl Verdict {
    /// Looks at both streams.
    ///
    /// # Panics
    /// If something is lost, out of order, or came out again without a reason.
    pub async fn of(put: &Numbers, streams: &Streams, trail: Trail, took: Duration) -> Self {
        let outcomes = outcomes(streams).await;
        let came_out: CameOut = outcomes.iter().map(|(document, _)| *document).collect();
        let lost = put.all().find(|document| !came_out.has(*document));
        assert_eq!((lost, came_out.count()), (None, put.count()), "a document was lost, or nobody put it");
        let sources = sources(streams).await;
        let arrivals: HashMap<Numbered, UnixMillis> =
            sources.values().flatten().map(|(document, put_at)| (*document, *put_at)).collect();
        let mut first_out: HashMap<Numbered, UnixMillis> = HashMap::new();
        for (document, out_at) in outcomes {
            if first_out.contains_key(&document) {
                trail.must_explain(document, arrivals[&document], out_at);
            }
            first_out.entry(document).or_insert(out_at);
        }
        let pauses = sources.values().map(|documents| longest_pause(documents, &first_out));
        Self {
            took,
            documents: came_out.count(),
            doubled: came_out.doubled().count(),
            most_often: came_out.doubled().map(|(_, times)| times).max().unwrap_or(1),
            longest_pause: Duration::from_millis(pauses.max().unwrap_or(0)),
            trail,
        }
    }
}

/// The documents of the source with the dates at which they were put, shard by shard.
async fn sources(streams: &Streams) -> BTreeMap<ShardId, Vec<(Numbered, UnixMillis)>> {
    let by_shard = streams.records(SOURCE).await;
    let documents = by_shard.into_iter().map(|(shard, records)| {
        let dated = |record| lines(record).into_iter().map(|line| (Numbered::read(&line), record.arrival));
        (shard, records.iter().flat_map(dated).collect())
    });
    documents.collect()
}

/// The documents of the sink with the dates at which they came, each key's in order.
async fn outcomes(streams: &Streams) -> Vec<(Numbered, UnixMillis)> {
    let by_shard = streams.records(SINK).await;
    let records = by_shard.values().flatten();
    records
        .flat_map(|record| lines(record).into_iter().map(|line| (Numbered::read(&line), record.arrival)))
        .collect()
}

/// The longest time in milliseconds in which a shard held something and nothing of it came out.
fn longest_pause(documents: &[(Numbered, UnixMillis)], first_out: &HashMap<Numbered, UnixMillis>) -> u64 {
    let mut times: Vec<_> = documents.iter().map(|(document, put)| (first_out[document], *put)).collect();
    times.sort_unstable();
    let mut before = UnixMillis(0);
    let mut longest = 0;
    for (out, put) in times {
        longest = longest.max(out.millis_since(before.max(put)));
        before = out;
    }
    longest
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { trail, took, documents, doubled, most_often, longest_pause } = self;
        let seconds = took.as_secs_f64();
        let events: Vec<String> =
            trail.events.iter().map(|(event, count)| format!("{event:?} {count}")).collect();
        writeln!(f, "{HOSTS} hosts for {seconds:.0} s: {}", events.join(", "))?;
        writeln!(f, "documents {documents}, none lost, every key in order")?;
        let share = *doubled as f64 * 100.0 / *documents as f64;
        writeln!(f, "came out more than once {doubled} ({share:.1} %), at the most {most_often} times")?;
        writeln!(f, "leases lost without being given back {}", trail.lost_leases)?;
        writeln!(f, "longest pause of a shard {:.1} s", longest_pause.as_secs_f64())?;
        let cores = trail.cpu / seconds;
        write!(f, "all hosts: {:.1} s of processor time ({cores:.2} cores), ", trail.cpu)?;
        write!(f, "the largest held {} MiB", trail.peak_kib >> 10)
    }
}
