//! Tables of other libraries in DynamoDB: reading all of one, and what is in its items.

use std::{collections::HashMap, error::Error};

use aws_sdk_dynamodb::{
    Client,
    config::http::HttpResponse,
    error::{ProvideErrorMetadata, SdkError},
    types::AttributeValue,
};

use super::DialectError;
use crate::aws::words;

/// An item, by the names of its attributes.
pub(super) type Item = HashMap<String, AttributeValue>;

/// Every item of a table, read consistently.
pub(super) async fn items(client: &Client, table: &str) -> Result<Vec<Item>, DialectError> {
    let mut items = Vec::new();
    let mut next = None;
    loop {
        let call = client.scan().table_name(table).consistent_read(true).set_exclusive_start_key(next);
        let page = call.send().await.map_err(|error| failed(table, &error))?;
        items.extend(page.items.unwrap_or_default());
        next = page.last_evaluated_key;
        if next.is_none() {
            return Ok(items);
        }
    }
}

/// What a failed call means for whoever gave the command.
pub(super) fn failed<E>(table: &str, error: &SdkError<E, HttpResponse>) -> DialectError
where
    E: ProvideErrorMetadata + Error + 'static,
{
    let service = error.as_service_error();
    match service.and_then(|service| service.code()) {
        Some("ResourceNotFoundException") => DialectError::NoTable(table.to_owned()),
        Some("ConditionalCheckFailedException") => DialectError::Changed(table.to_owned()),
        code => {
            let said = service.and_then(|service| Some(format!("{}: {}", code?, service.message()?)));
            let reason = said.unwrap_or_else(|| words(error));
            DialectError::Unavailable { at: table.to_owned(), reason }
        }
    }
}

/// A text; none where the attribute is missing or NULL.
pub(super) fn text<'a>(item: &'a Item, name: &str) -> Result<Option<&'a str>, String> {
    match item.get(name) {
        None | Some(AttributeValue::Null(_)) => Ok(None),
        Some(AttributeValue::S(text)) => Ok(Some(text)),
        Some(_) => Err(format!("the attribute {name} is no string")),
    }
}

/// A whole number; none where the attribute is missing or NULL.
pub(super) fn number(item: &Item, name: &str) -> Result<Option<u64>, String> {
    match item.get(name) {
        None | Some(AttributeValue::Null(_)) => Ok(None),
        Some(AttributeValue::N(digits)) => {
            digits.parse().map(Some).map_err(|_| format!("the attribute {name} is no whole number"))
        }
        Some(_) => Err(format!("the attribute {name} is no number")),
    }
}

/// A text that has to be there.
pub(super) fn required<'a>(item: &'a Item, name: &str) -> Result<&'a str, String> {
    text(item, name)?.ok_or_else(|| format!("it has no attribute {name}"))
}
