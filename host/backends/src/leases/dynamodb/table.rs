//! The table: made on request, and looked at before it is used.

use aws_sdk_dynamodb::{
    Client,
    types::{
        AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType, TableDescription,
        TableStatus,
    },
};
use thiserror::Error;
use tidemill_engine::limits;
use tokio::time::{sleep, timeout};

use super::{
    error::{code, said},
    stored::{APPLICATION, LEASE},
};

/// The table cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum TableError {
    /// There is none, and none was asked for.
    #[error("there is no table for leases: create it, or set create-table = true, table={0}")]
    Missing(String),
    /// It was made for something else.
    #[error(
        "the table has other keys than leases need: name another one; expected hash key `application` and range key \
         `lease`, both strings, table={0}"
    )]
    OtherKeys(String),
    /// It was not ready in time.
    #[error("the table is not ready: try again when it is ACTIVE, table={0}")]
    NotActive(String),
    /// DynamoDB refused or did not answer.
    #[error(
        "DynamoDB cannot be used: see that region, endpoint and permissions are right, table={table}: {reason}"
    )]
    Failed {
        /// The table's name.
        table: String,
        /// What the service or the SDK says.
        reason: String,
    },
}

/// Makes sure of the table: that it is there, or is made on request, and has the right keys.
pub(super) async fn ensure(client: &Client, table: &str, create: bool) -> Result<(), TableError> {
    let found = describe(client, table).await?;
    if found.is_none() {
        if !create {
            return Err(TableError::Missing(table.to_owned()));
        }
        make(client, table).await?;
    }
    let waiting = timeout(limits::TABLE_ACTIVE_WITHIN, until_active(client, table)).await;
    waiting.unwrap_or_else(|_| Err(TableError::NotActive(table.to_owned())))
}

async fn until_active(client: &Client, table: &str) -> Result<(), TableError> {
    loop {
        // A table that was just made may not be known everywhere yet.
        if let Some(found) = describe(client, table).await? {
            if !has_our_keys(&found) {
                return Err(TableError::OtherKeys(table.to_owned()));
            }
            if matches!(found.table_status(), Some(TableStatus::Active | TableStatus::Updating)) {
                return Ok(());
            }
        }
        sleep(limits::TABLE_ACTIVE_INTERVAL).await;
    }
}

async fn describe(client: &Client, table: &str) -> Result<Option<TableDescription>, TableError> {
    match client.describe_table().table_name(table).send().await {
        Ok(output) => Ok(output.table),
        Err(error) if code(&error) == Some("ResourceNotFoundException") => Ok(None),
        Err(error) => Err(TableError::Failed { table: table.to_owned(), reason: said(&error) }),
    }
}

/// Creates it. That another worker did so first is as good.
async fn make(client: &Client, table: &str) -> Result<(), TableError> {
    let failed = |reason: String| TableError::Failed { table: table.to_owned(), reason };
    let mut call = client.create_table().table_name(table).billing_mode(BillingMode::PayPerRequest);
    for (name, kind) in [(APPLICATION, KeyType::Hash), (LEASE, KeyType::Range)] {
        let key = KeySchemaElement::builder().attribute_name(name).key_type(kind).build();
        let text = AttributeDefinition::builder().attribute_name(name).attribute_type(ScalarAttributeType::S);
        call = call
            .key_schema(key.map_err(|error| failed(error.to_string()))?)
            .attribute_definitions(text.build().map_err(|error| failed(error.to_string()))?);
    }
    match call.send().await {
        Ok(_) => Ok(()),
        Err(error) if code(&error) == Some("ResourceInUseException") => Ok(()),
        Err(error) => Err(failed(said(&error))),
    }
}

fn has_our_keys(table: &TableDescription) -> bool {
    let is_key = |name: &str, kind: &KeyType| {
        let key = table.key_schema().iter().any(|key| key.attribute_name() == name && key.key_type() == kind);
        key && table.attribute_definitions().iter().any(|attribute| {
            attribute.attribute_name() == name && *attribute.attribute_type() == ScalarAttributeType::S
        })
    };
    is_key(APPLICATION, &KeyType::Hash) && is_key(LEASE, &KeyType::Range)
}
