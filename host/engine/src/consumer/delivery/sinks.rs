//! Documents that a handler emits, on their way to the sinks.

use std::collections::BTreeMap;

use crate::{
    handler::Emit,
    processor::Document,
    producer::{BatchTicket, Producer},
};

/// Name of the sink for documents that name none.
pub const DEFAULT_SINK: &str = "default";

/// Hands documents to their sinks, in order, waiting where one is full. An error says for people what is wrong.
pub(super) async fn send(
    sinks: &BTreeMap<String, Producer>,
    emits: Vec<Emit>,
    tickets: &mut Vec<BatchTicket>,
) -> Result<(), String> {
    let mut by_sink: BTreeMap<String, Vec<Document>> = BTreeMap::new();
    for Emit { data, partition_key, explicit_hash_key, sink } in emits {
        let sink = sink.as_deref().unwrap_or(DEFAULT_SINK);
        let document = Document { data, partition_key, explicit_hash_key };
        match by_sink.get_mut(sink) {
            Some(documents) => documents.push(document),
            None => drop(by_sink.insert(sink.to_owned(), vec![document])),
        }
    }
    // All names are looked at before anything is sent: a wrong one must not leave half of the emits on their way.
    if let Some(name) = by_sink.keys().find(|name| !sinks.contains_key(*name)) {
        let known: Vec<&str> = sinks.keys().map(String::as_str).collect();
        return Err(format!(
            "the handler emitted to a sink that the pipeline lacks, sink={name} known={known:?}"
        ));
    }
    for (name, documents) in by_sink {
        let ticket = sinks[&name].put_all(documents).await;
        tickets.push(ticket.map_err(|closed| format!("sink={name}: {closed}"))?);
    }
    Ok(())
}
