//! Counts the words of every batch and emits one JSON document a word, with the word as partition key.
//!
//! Setting: `field`, a JSON pointer such as `/text` to the text of a JSON document; without it the record is the
//! text. The handler keeps nothing from batch to batch, so a batch that is given again is counted again from
//! nothing: documents say which records they count, and whoever adds them up can leave repeats away.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tidemill_guest::{Batch, BatchError, Handler, Outcome, configuration};

struct WordCount {
    field: Option<String>,
}

impl Handler for WordCount {
    fn open() -> Result<Self, BatchError> {
        let field = configuration::get("field");
        if field.as_ref().is_some_and(|field| !field.starts_with('/')) {
            return Err(BatchError::refused("field must be a JSON pointer, such as /text"));
        }
        Ok(Self { field })
    }

    fn handle(&mut self, batch: &Batch) -> Result<Outcome, BatchError> {
        let mut outcome = Outcome::new();
        let mut counts = BTreeMap::<String, u64>::new();
        for record in batch.records() {
            match self.text(record.data) {
                Ok(text) => count(&text, &mut counts),
                Err(reason) => outcome.dead_letter(record.index, reason),
            }
        }
        let info = batch.info();
        for (word, count) in &counts {
            let document = json!({
                "word": word,
                "count": count,
                "shard": info.shard_id,
                "first": info.first_sequence_number,
                "last": info.last_sequence_number,
            });
            // A partition key has at most 256 characters, and words may be longer than that.
            let key: String = word.chars().take(256).collect();
            outcome.emit(document.to_string().as_bytes()).partition_key(&key);
        }
        Ok(outcome)
    }
}

impl WordCount {
    fn text(&self, data: &[u8]) -> Result<String, String> {
        let Some(field) = &self.field else {
            return String::from_utf8(data.to_vec()).map_err(|error| format!("not UTF-8 text: {error}"));
        };
        let document: Value = serde_json::from_slice(data).map_err(|error| format!("not JSON: {error}"))?;
        let text = document.pointer(field).and_then(Value::as_str);
        text.map(str::to_owned).ok_or_else(|| format!("no text at field={field}"))
    }
}

fn count(text: &str, counts: &mut BTreeMap<String, u64>) {
    for word in text.split(|character: char| !character.is_alphanumeric()).filter(|word| !word.is_empty()) {
        *counts.entry(word.to_lowercase()).or_default() += 1;
    }
}

tidemill_guest::export!(WordCount);
