//! Keeps the JSON documents that match, and adds where they came from.
//!
//! Settings: `where-field` names a field and `where-equals` the text that it must equal for a document to be kept;
//! without both, every document is. `into` names the field that is added, `source` unless it is set.

use std::borrow::Cow;

use serde_json::{Map, Value, json};
use tidemill_guest::{Batch, BatchError, Handler, Outcome, Record, configuration};

struct FilterEnrich {
    wanted: Option<Wanted>,
    into: String,
}

/// What a document must have to be kept.
struct Wanted {
    field: String,
    equals: String,
}

impl Handler for FilterEnrich {
    fn open() -> Result<Self, BatchError> {
        let wanted = match (configuration::get("where-field"), configuration::get("where-equals")) {
            (Some(field), Some(equals)) => Some(Wanted { field, equals }),
            (None, None) => None,
            _ => return Err(BatchError::refused("set both where-field and where-equals, or neither")),
        };
        Ok(Self { wanted, into: configuration::get("into").unwrap_or_else(|| "source".to_owned()) })
    }

    fn handle(&mut self, batch: &Batch) -> Result<Outcome, BatchError> {
        let mut outcome = Outcome::for_batch(batch);
        for record in batch.records() {
            match serde_json::from_slice::<Map<String, Value>>(record.data) {
                Ok(document) => self.keep(batch, record, document, &mut outcome)?,
                Err(error) => outcome.dead_letter(record.index, format!("not a JSON object: {error}")),
            }
        }
        Ok(outcome)
    }
}

impl FilterEnrich {
    fn keep(
        &self,
        batch: &Batch,
        record: Record<'_>,
        mut document: Map<String, Value>,
        outcome: &mut Outcome,
    ) -> Result<(), BatchError> {
        if !self.wanted.as_ref().is_none_or(|wanted| wanted.matches(&document)) {
            return Ok(());
        }
        let source = json!({
            "shard": batch.info().shard_id,
            "sequence-number": record.sequence_number(),
            "arrival-millis": record.arrival_millis,
        });
        document.insert(self.into.clone(), source);
        let emit = outcome.emit_with(|out| serde_json::to_writer(out, &document));
        let emit = emit.map_err(|error| BatchError::refused(format!("cannot write a document: {error}")))?;
        emit.partition_key(record.partition_key);
        Ok(())
    }
}

impl Wanted {
    fn matches(&self, document: &Map<String, Value>) -> bool {
        let text = match document.get(&self.field) {
            Some(Value::String(text)) => Cow::Borrowed(text.as_str()),
            Some(other) => Cow::Owned(other.to_string()),
            None => return false,
        };
        text == self.equals
    }
}

tidemill_guest::export!(FilterEnrich);
