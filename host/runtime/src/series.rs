//! A component's own metrics, among those of the host.
//!
//! A guest names its series at every call. Each is checked and registered once, and found again without another copy
//! of its name. All instances and generations of a component share one [`Series`], so that what a label with an id in
//! it costs is bounded once and for all.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{LazyLock, Mutex, PoisonError, RwLock},
};

use metrics::{Counter, Gauge, Histogram, Key, Label, Level, Metadata};
use tidemill_engine::{deploy::Part, limits};

/// What every name begins with, so that no guest can pass for the host.
const PREFIX: &str = "guest_";
/// Labels that the host gives each series.
const OURS: [&str; 3] = ["component", "pipeline", "part"];

static METADATA: Metadata<'static> = Metadata::new("guest", Level::INFO, None);

/// A name is of one kind in the whole process: a page of metrics with two of them could not be read.
static KINDS: LazyLock<Mutex<BTreeMap<String, Kind>>> = LazyLock::new(Mutex::default);

/// The series of one component.
#[derive(Debug)]
pub struct Series {
    ours: Vec<Label>,
    most: usize,
    known: RwLock<Known>,
}

#[derive(Debug, Default)]
struct Known {
    handles: HashMap<Id, Handle>,
    /// Whether it was told that there are too many.
    is_told: bool,
}

/// What a guest measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Measured {
    /// So much more of a counter.
    Counter(u64),
    /// A gauge stands here.
    Gauge(f64),
    /// One measurement of a histogram.
    Histogram(f64),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Kind {
    Counter,
    Gauge,
    Histogram,
}

/// A series as its guest names it, labels sorted.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Id {
    kind: Kind,
    name: String,
    labels: Vec<(String, String)>,
}

#[derive(Debug)]
enum Handle {
    Counter(Counter),
    Gauge(Gauge),
    Histogram(Histogram),
}

impl Series {
    /// No series yet, and at most so many, which carry the names of the component and of its part.
    pub fn new(component: &str, part: Option<&Part>, most: usize) -> Self {
        let mut ours = vec![Label::new("component", component.to_owned())];
        if let Some(Part { pipeline, role }) = part {
            ours.extend([Label::new("pipeline", pipeline.clone()), Label::new("part", role.clone())]);
        }
        Self { ours, most, known: RwLock::default() }
    }

    /// Takes a measurement. An error says why it was left away, where that is worth telling.
    pub fn measure(
        &self,
        measured: Measured,
        name: String,
        mut labels: Vec<(String, String)>,
    ) -> Result<(), String> {
        labels.sort_unstable();
        let id = Id { kind: measured.kind(), name, labels };
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(handle) = known.handles.get(&id) {
            handle.take(measured);
            return Ok(());
        }
        drop(known);
        self.begin(id, measured)
    }

    /// The first measurement of a series.
    fn begin(&self, id: Id, measured: Measured) -> Result<(), String> {
        let left_away = |wrong| format!("a metric is left away: {wrong}, name={}", id.shown());
        id.check().map_err(left_away)?;
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if known.handles.len() >= self.most && !known.handles.contains_key(&id) {
            let is_told = std::mem::replace(&mut known.is_told, true);
            let notice = || {
                let most = self.most;
                format!(
                    "the component has more series than it may: further ones are left away, series={most}"
                )
            };
            return if is_told { Ok(()) } else { Err(notice()) };
        }
        // Behind the bound, so that one component claims no more names than it has series.
        id.claim().map_err(left_away)?;
        let handle = known.handles.entry(id).or_insert_with_key(|id| self.register(id));
        handle.take(measured);
        Ok(())
    }

    fn register(&self, id: &Id) -> Handle {
        let theirs = id.labels.iter().map(|(key, value)| Label::new(key.clone(), value.clone()));
        let labels: Vec<Label> = self.ours.iter().cloned().chain(theirs).collect();
        let key = Key::from_parts(format!("{PREFIX}{}", id.name), labels);
        metrics::with_recorder(|recorder| match id.kind {
            Kind::Counter => Handle::Counter(recorder.register_counter(&key, &METADATA)),
            Kind::Gauge => Handle::Gauge(recorder.register_gauge(&key, &METADATA)),
            Kind::Histogram => Handle::Histogram(recorder.register_histogram(&key, &METADATA)),
        })
    }
}

impl Id {
    /// What is wrong with how it is written.
    fn check(&self) -> Result<(), &'static str> {
        if !is_name(&self.name) {
            return Err("names have letters, digits and _, and begin with no digit");
        }
        if self.labels.len() > limits::GUEST_SERIES_LABELS {
            return Err("it has too many labels");
        }
        for (at, (key, value)) in self.labels.iter().enumerate() {
            if !is_name(key) {
                return Err("keys of labels have letters, digits and _, and begin with no digit");
            }
            if OURS.contains(&key.as_str()) {
                return Err("component, pipeline and part are labels of the host's own");
            }
            if value.len() > limits::GUEST_SERIES_TEXT_BYTES {
                return Err("a label is too long");
            }
            if self.labels[..at].iter().any(|(earlier, _)| earlier == key) {
                return Err("a label is given twice");
            }
        }
        Ok(())
    }

    /// Makes the name one of its kind.
    fn claim(&self) -> Result<(), &'static str> {
        let mut kinds = KINDS.lock().unwrap_or_else(PoisonError::into_inner);
        if *kinds.entry(self.name.clone()).or_insert(self.kind) != self.kind {
            return Err("the name is that of a metric of another kind");
        }
        Ok(())
    }

    /// Its name, cut to a length that can be logged.
    fn shown(&self) -> &str {
        &self.name[..self.name.floor_char_boundary(limits::GUEST_SERIES_TEXT_BYTES)]
    }
}

/// Whether it is a name that every collector of metrics takes.
fn is_name(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    (1..=limits::GUEST_SERIES_TEXT_BYTES).contains(&text.len())
        && text.bytes().all(allowed)
        && !text.starts_with(|first: char| first.is_ascii_digit())
}

impl Measured {
    fn kind(self) -> Kind {
        match self {
            Self::Counter(_) => Kind::Counter,
            Self::Gauge(_) => Kind::Gauge,
            Self::Histogram(_) => Kind::Histogram,
        }
    }
}

impl Handle {
    /// A histogram takes numbers alone: one infinity would be its sum for ever.
    fn take(&self, measured: Measured) {
        match (self, measured) {
            (Self::Counter(counter), Measured::Counter(more)) => counter.increment(more),
            (Self::Gauge(gauge), Measured::Gauge(value)) => gauge.set(value),
            (Self::Histogram(histogram), Measured::Histogram(value)) if value.is_finite() => {
                histogram.record(value);
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect()
    }

    #[test]
    fn what_is_no_metric_is_left_away_with_a_reason() {
        let series = Series::new("c", None, 10);
        let refused = |name: &str, pairs: &[(&str, &str)]| {
            series.measure(Measured::Counter(1), name.to_owned(), labels(pairs)).unwrap_err()
        };
        assert!(refused("9lives", &[]).contains("begin with no digit, name=9lives"));
        assert!(refused("", &[]).contains("names have letters"));
        assert!(refused("a\nb 1", &[]).contains("names have letters"));
        assert!(refused("a", &[("ü", "1")]).contains("keys of labels"));
        assert!(refused("a", &[("part", "sink")]).contains("of the host's own"));
        assert!(refused("a", &[("k", "1"), ("l", ""), ("k", "2")]).contains("given twice"));
        assert!(refused("a", &[("k", &"x".repeat(129))]).contains("too long"));
        assert!(refused("a", &vec![("k", ""); 9]).contains("too many labels"));
        series.measure(Measured::Gauge(1.0), "of_one_kind".to_owned(), Vec::new()).unwrap();
        assert!(refused("of_one_kind", &[]).contains("of another kind"));
    }

    #[test]
    fn labels_in_another_order_are_the_same_series_and_too_many_are_told_once() {
        let series = Series::new("c", None, 1);
        let count = |pairs: &[(&str, &str)]| {
            series.measure(Measured::Counter(1), "bounded".to_owned(), labels(pairs))
        };
        assert_eq!(count(&[("a", "1"), ("b", "2")]), Ok(()));
        assert_eq!(count(&[("b", "2"), ("a", "1")]), Ok(()));
        assert!(count(&[("a", "3")]).unwrap_err().contains("further ones are left away, series=1"));
        assert_eq!(count(&[("a", "4")]), Ok(()));
        assert_eq!(series.known.read().unwrap().handles.len(), 1);
    }
}
