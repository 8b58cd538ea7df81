//! Checkpoints of kinesis-python in DynamoDB. They are read only: the library keeps no more than this.
//!
//! The key `shard` is `STREAM_SHARD`; `seq` is the number of the last record that is done; `fqdn` holds the shard until
//! the second `expires`. A shard without `seq` is begun at its newest record.

use async_trait::async_trait;
use aws_sdk_dynamodb::Client;
use tidemill_engine::{lease::Checkpoint, time::UnixMillis};

use super::{
    Dialect, DialectError, Found, Holder, Place, Row, Sign,
    table::{Item, items, number, required, text},
};

/// A table of kinesis-python, and the stream in it that is looked for.
#[derive(Clone, Debug)]
pub struct Table {
    /// Where the table is.
    pub client: Client,
    /// Its name.
    pub table: String,
    /// The stream.
    pub stream: String,
}

#[async_trait]
impl Dialect for Table {
    async fn read(&self) -> Result<Found, DialectError> {
        sort(&self.stream, &items(&self.client, &self.table).await?)
    }
}

fn sort(stream: &str, items: &[Item]) -> Result<Found, DialectError> {
    let mut found = Found::default();
    for item in items {
        let key = required(item, "shard").map_err(|reason| DialectError::unreadable("shard", reason))?;
        match key.strip_prefix(stream).and_then(|rest| rest.strip_prefix('_')) {
            Some(shard) if shard.starts_with("shardId-") => {
                let row = row(shard, item).map_err(|reason| DialectError::unreadable(key, reason))?;
                found.rows.push(row);
            }
            _ => found.passed_over.push(format!("of another stream: {key}")),
        }
    }
    Ok(found)
}

fn row(shard: &str, item: &Item) -> Result<Row, String> {
    let place = match text(item, "seq")? {
        None => Place::Start,
        Some(sequence) => {
            let sequence = sequence.to_owned().try_into().map_err(|error| format!("{error}"))?;
            Place::At(Checkpoint::At { sequence, sub_sequence: None })
        }
    };
    let until = UnixMillis(number(item, "expires")?.unwrap_or(0).saturating_mul(1_000));
    let holder = text(item, "fqdn")?.map(|name| Holder { name: name.to_owned(), sign: Sign::Until(until) });
    Ok(Row { shard: shard.into(), place, holder })
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::types::AttributeValue::{N, S};

    use super::*;

    fn item(attributes: &[(&str, aws_sdk_dynamodb::types::AttributeValue)]) -> Item {
        attributes.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
    }

    #[test]
    fn rows_are_read_as_the_library_writes_them() {
        let items = [
            item(&[
                ("shard", S("orders_shardId-000000000000".into())),
                ("fqdn", S("host.example".into())),
                ("expires", N("1795243466".into())),
                ("seq", S("4959".into())),
            ]),
            item(&[
                ("shard", S("orders_shardId-000000000001".into())),
                ("fqdn", S("host.example".into())),
                ("expires", N("1795243466".into())),
            ]),
            item(&[("shard", S("orders_paid_shardId-000000000000".into())), ("seq", S("1".into()))]),
        ];
        let found = sort("orders", &items).unwrap();
        let until = Sign::Until(UnixMillis(1_795_243_466_000));
        let holder = Some(Holder { name: "host.example".into(), sign: until });
        let sequence = "4959".to_owned().try_into().unwrap();
        let place = Place::At(Checkpoint::At { sequence, sub_sequence: None });
        assert_eq!(
            found.rows,
            [
                Row { shard: "shardId-000000000000".into(), place, holder: holder.clone() },
                Row { shard: "shardId-000000000001".into(), place: Place::Start, holder },
            ]
        );
        assert_eq!(found.passed_over, ["of another stream: orders_paid_shardId-000000000000"]);
    }

    #[test]
    fn what_the_library_never_writes_is_refused() {
        let other = item(&[("shard", S("orders_shardId-000000000000".into())), ("seq", N("5".into()))]);
        let refused = sort("orders", &[other]).unwrap_err().to_string();
        assert!(
            refused.ends_with("at=orders_shardId-000000000000: the attribute seq is no string"),
            "{refused}"
        );
        assert!(sort("orders", &[item(&[("leaseKey", S("x".into()))])]).is_err());
    }
}
