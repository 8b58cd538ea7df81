//! async-kinesis in DynamoDB: an item a shard, with `shard_id`, `ref`, `ts` and `sequence`, NULL where there is none.
//!
//! async-kinesis lets DynamoDB delete an item that was not written for a day, by its attribute `ttl`, and so forgets
//! an application that stood still for longer. What is written here has no `ttl`, and stays until async-kinesis
//! itself writes it.

use std::collections::{BTreeMap, HashMap};

use async_trait::async_trait;
use aws_sdk_dynamodb::{Client, types::AttributeValue};
use tidemill_engine::{record::ShardId, sequence::SequenceNumber};

use super::{Seen, State, Writable};
use crate::dialects::{
    Dialect, DialectError, Found,
    table::{Item, failed, items, number, required, text},
};

/// The checkpoints of one `DynamoDBCheckPointer`.
#[derive(Clone, Debug)]
pub struct InDynamoDb {
    /// Where the table is.
    pub client: Client,
    /// Its name: `kinesis-checkpoints-NAME` unless the checkpointer was told another.
    pub table: String,
}

impl InDynamoDb {
    /// The table that the checkpointer makes for a name.
    pub fn table_of(name: &str) -> String {
        format!("kinesis-checkpoints-{name}")
    }
}

#[async_trait]
impl Dialect for InDynamoDb {
    async fn read(&self) -> Result<Found, DialectError> {
        let mut found = Found::default();
        for (shard, seen) in self.states().await? {
            let row = seen.state.row(&shard);
            found.rows.push(row.map_err(|reason| DialectError::unreadable(shard.as_str(), reason))?);
        }
        Ok(found)
    }
}

#[async_trait]
impl Writable for InDynamoDb {
    async fn states(&self) -> Result<BTreeMap<ShardId, Seen>, DialectError> {
        let mut states = BTreeMap::new();
        for item in items(&self.client, &self.table).await? {
            let shard = required(&item, SHARD).map_err(|reason| DialectError::unreadable(SHARD, reason))?;
            let state = decode(&item).map_err(|reason| DialectError::unreadable(shard, reason))?;
            states.insert(shard.into(), Seen { state, text: String::new() });
        }
        Ok(states)
    }

    async fn write(
        &self,
        shard: &ShardId,
        seen: Option<&Seen>,
        sequence: Option<&SequenceNumber>,
    ) -> Result<(), DialectError> {
        let mut call = self.client.put_item().table_name(&self.table);
        call = call.set_item(Some(encode(shard, sequence))).expression_attribute_names("#shard", SHARD);
        call = match seen {
            None => call.condition_expression("attribute_not_exists(#shard)"),
            Some(Seen { state, .. }) => call
                .condition_expression(
                    "attribute_exists(#shard) AND #ref = :ref AND #ts = :ts AND #sequence = :sequence",
                )
                .expression_attribute_names("#ref", REF)
                .expression_attribute_names("#ts", TS)
                .expression_attribute_names("#sequence", SEQUENCE)
                .expression_attribute_values(":ref", or_null(state.owner.clone().map(AttributeValue::S)))
                .expression_attribute_values(
                    ":ts",
                    or_null(state.seconds.map(|seconds| AttributeValue::N(seconds.to_string()))),
                )
                .expression_attribute_values(
                    ":sequence",
                    or_null(state.sequence.clone().map(AttributeValue::S)),
                ),
        };
        match call.send().await.map_err(|error| failed(&self.table, &error)) {
            Err(DialectError::Changed(table)) => Err(DialectError::Changed(format!("{table}/{shard}"))),
            written => written.map(drop),
        }
    }
}

const SHARD: &str = "shard_id";
const REF: &str = "ref";
const TS: &str = "ts";
const SEQUENCE: &str = "sequence";

fn decode(item: &Item) -> Result<State, String> {
    Ok(State {
        owner: text(item, REF)?.map(str::to_owned),
        seconds: number(item, TS)?,
        sequence: text(item, SEQUENCE)?.map(str::to_owned),
    })
}

fn encode(shard: &ShardId, sequence: Option<&SequenceNumber>) -> Item {
    let sequence = or_null(sequence.map(|sequence| AttributeValue::S(sequence.to_string())));
    HashMap::from([
        (SHARD.to_owned(), AttributeValue::S(shard.to_string())),
        (REF.to_owned(), or_null(None)),
        (TS.to_owned(), or_null(None)),
        (SEQUENCE.to_owned(), sequence),
    ])
}

fn or_null(value: Option<AttributeValue>) -> AttributeValue {
    value.unwrap_or(AttributeValue::Null(true))
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::types::AttributeValue::{N, Null, S};

    use super::*;

    fn item(owner: AttributeValue, ts: AttributeValue, sequence: AttributeValue) -> Item {
        let shard = ("shard_id".to_owned(), S("shardId-000000000000".into()));
        let rest = [("ref", owner), ("ts", ts), ("sequence", sequence), ("ttl", N("1795329866".into()))];
        rest.map(|(name, value)| (name.to_owned(), value)).into_iter().chain([shard]).collect()
    }

    #[test]
    fn items_are_read_as_async_kinesis_writes_them() {
        let held = item(S("app/1".into()), N("1795243466".into()), S("100".into()));
        let state =
            State { owner: Some("app/1".into()), seconds: Some(1_795_243_466), sequence: Some("100".into()) };
        assert_eq!(decode(&held), Ok(state.clone()));
        let fresh = item(S("app/1".into()), N("1795243466".into()), Null(true));
        assert_eq!(decode(&fresh), Ok(State { sequence: None, ..state.clone() }));
        let released = item(Null(true), Null(true), S("100".into()));
        assert_eq!(decode(&released), Ok(State { owner: None, seconds: None, ..state }));
        assert!(decode(&item(Null(true), Null(true), N("100".into()))).is_err());
    }

    #[test]
    fn what_is_written_has_null_where_nothing_is_and_never_expires() {
        let sequence = "100".to_owned().try_into().unwrap();
        let mut expected = item(Null(true), Null(true), S("100".into()));
        expected.remove("ttl");
        let shard = ShardId::from("shardId-000000000000");
        assert_eq!(encode(&shard, Some(&sequence)), expected);
        expected.insert("sequence".into(), Null(true));
        assert_eq!(encode(&shard, None), expected);
    }

    #[test]
    fn the_table_is_named_as_async_kinesis_names_it() {
        assert_eq!(InDynamoDb::table_of("orders"), "kinesis-checkpoints-orders");
    }
}
