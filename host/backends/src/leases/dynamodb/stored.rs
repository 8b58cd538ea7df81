//! How a lease stands in DynamoDB: an item that people can read.

use std::{collections::HashMap, fmt};

use aws_sdk_dynamodb::types::AttributeValue;
use tidemill_engine::lease::{Lease, LeaseKey, NewLease, Update};

/// An item, by the names of its attributes.
pub(crate) type Item = HashMap<String, AttributeValue>;

/// The hash key: application and pipeline.
pub(crate) const APPLICATION: &str = "application";
/// The range key: stream and shard.
pub(crate) const LEASE: &str = "lease";
/// What every write names.
pub(super) const COUNTER: &str = "counter";

/// The key of a lease.
pub(super) fn key(application: &str, key: &LeaseKey) -> Item {
    HashMap::from([
        (APPLICATION.to_owned(), AttributeValue::S(application.to_owned())),
        (LEASE.to_owned(), AttributeValue::S(key.to_string())),
    ])
}

/// What a new lease has beside its key.
pub(super) fn fresh(lease: &NewLease) -> Vec<(&'static str, AttributeValue)> {
    let parents = lease.parents.iter().map(|shard| AttributeValue::S(shard.as_str().to_owned()));
    vec![
        (COUNTER, number(0)),
        ("checkpoint", AttributeValue::S(lease.checkpoint.to_string())),
        ("load", number(0)),
        ("parents", AttributeValue::L(parents.collect())),
    ]
}

/// What an update sets, by name; without a value, it takes the name away.
pub(super) fn changes(update: Update) -> Vec<(&'static str, Option<AttributeValue>)> {
    let text = |text: &dyn fmt::Display| Some(AttributeValue::S(text.to_string()));
    match update {
        Update::Take(worker) => vec![("owner", text(&worker)), ("wanted_by", None)],
        Update::Renew { load } => vec![("load", Some(number(load)))],
        Update::Checkpoint { checkpoint, load } => {
            vec![("checkpoint", text(&checkpoint)), ("load", Some(number(load)))]
        }
        Update::Release => vec![("owner", None)],
        Update::Ask(worker) => vec![("wanted_by", text(&worker))],
    }
}

/// A number as DynamoDB writes it.
pub(crate) fn number(number: u64) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

/// The lease in an item, or what is wrong with it.
pub(super) fn decode(item: &Item) -> Result<Lease, String> {
    let name = text(item, LEASE)?;
    let unreadable = |reason: &dyn fmt::Display| format!("the lease {name} is unreadable: {reason}");
    let (stream, shard) = name.rsplit_once('/').ok_or_else(|| unreadable(&"its name is not STREAM/SHARD"))?;
    let optional = |attribute| item.contains_key(attribute).then(|| text(item, attribute)).transpose();
    Ok(Lease {
        key: LeaseKey { stream: stream.into(), shard: shard.into() },
        owner: optional("owner")?.map(Into::into),
        wanted_by: optional("wanted_by")?.map(Into::into),
        counter: digits(item, COUNTER)?,
        checkpoint: text(item, "checkpoint")?.parse().map_err(|error| unreadable(&error))?,
        load: digits(item, "load")?,
        parents: texts(item, "parents")?.into_iter().map(Into::into).collect(),
    })
}

fn text<'a>(item: &'a Item, name: &str) -> Result<&'a str, String> {
    item.get(name).and_then(|value| value.as_s().ok()).map(String::as_str).ok_or_else(|| lacks(item, name))
}

fn digits(item: &Item, name: &str) -> Result<u64, String> {
    let number = item.get(name).and_then(|value| value.as_n().ok());
    number.and_then(|digits| digits.parse().ok()).ok_or_else(|| lacks(item, name))
}

fn texts<'a>(item: &'a Item, name: &str) -> Result<Vec<&'a str>, String> {
    let list = item.get(name).and_then(|value| value.as_l().ok()).ok_or_else(|| lacks(item, name))?;
    let texts: Option<Vec<_>> = list.iter().map(|value| value.as_s().ok().map(String::as_str)).collect();
    texts.ok_or_else(|| lacks(item, name))
}

fn lacks(item: &Item, name: &str) -> String {
    let lease = item.get(LEASE).and_then(|value| value.as_s().ok());
    format!("the item is no lease: no usable attribute {name}, lease={lease:?}")
}
