//! Figures of the handler's own among the host's metrics.
//!
//! The host puts `guest_` before each name, and adds the component, the pipeline and the part of it as labels. Names
//! have letters, digits and `_`. A name with other labels is another series, and a component may have so many series as
//! its settings say: a label with an id in it is a mistake.
//!
//! ```
//! use tidemill_guest::{Batch, metrics};
//!
//! fn measure(batch: &Batch) {
//!     metrics::counter("orders", &[("country", "CH")], 1);
//!     metrics::gauge("lag_seconds", &[], batch.info().millis_behind_latest as f64 / 1000.0);
//!     for record in batch.records() {
//!         metrics::histogram("order_bytes", &[], record.data.len() as f64);
//!     }
//! }
//! ```

use crate::bindings::tidemill::streams::metrics::{self, Label};

/// Adds to a counter.
pub fn counter(name: &str, labels: &[(&str, &str)], more: u64) {
    metrics::counter(name, &owned(labels), more);
}

/// Sets a gauge.
pub fn gauge(name: &str, labels: &[(&str, &str)], value: f64) {
    metrics::gauge(name, &owned(labels), value);
}

/// Adds a measurement to a histogram.
pub fn histogram(name: &str, labels: &[(&str, &str)], value: f64) {
    metrics::histogram(name, &owned(labels), value);
}

fn owned(labels: &[(&str, &str)]) -> Vec<Label> {
    labels.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn labels_keep_their_order() {
        assert_eq!(
            super::owned(&[("b", "1"), ("a", "")]),
            [("b".into(), "1".into()), ("a".into(), String::new())]
        );
    }
}
