//! Leases in DynamoDB, one item each, in one table for all applications.
//!
//! Every write names the counter that its caller saw as its condition, and raises it. Reads are strongly consistent.
//! Nothing in the table expires: a stopped application finds its checkpoints whenever it comes back.

use std::sync::Arc;

use async_trait::async_trait;
use aws_sdk_dynamodb::{
    Client,
    types::{AttributeValue, ReturnValue},
};
use tidemill_engine::lease::{Lease, LeaseError, LeaseKey, LeaseStore, NewLease, Update};

use crate::deployments::dynamodb::DynamoDbDeployments;
use error::{failed, of_write};
use stored::{APPLICATION, COUNTER, Item, number};

pub(crate) mod error;
pub(crate) mod stored;
mod table;

pub use table::TableError;

/// The table unless told otherwise.
pub const TABLE: &str = "tidemill-leases";

/// The leases of one application's pipeline in a table. Cloning is cheap.
#[derive(Clone, Debug)]
pub struct DynamoDbLeases {
    client: Client,
    table: Arc<str>,
    application: Arc<str>,
}

impl DynamoDbLeases {
    /// The leases of an application, such as `orders/paid`, in a table, which is looked at first, and made and waited
    /// for if it is missing and that is wanted.
    ///
    /// # Errors
    /// [`TableError`] says what to do.
    ///
    /// # Cancel safety
    /// The table may have been made.
    pub async fn open(
        client: Client,
        table: &str,
        application: &str,
        create_table: bool,
    ) -> Result<Self, TableError> {
        table::ensure(&client, table, create_table).await?;
        Ok(Self { client, table: table.into(), application: application.into() })
    }

    /// The leases of another application in the same table.
    #[must_use]
    pub fn of_application(&self, application: &str) -> Self {
        Self { application: application.into(), ..self.clone() }
    }

    /// What an application is to run, in the same table.
    pub fn deployments(&self, application: &str) -> DynamoDbDeployments {
        DynamoDbDeployments::new(self.client.clone(), &self.table, application)
    }

    fn decode(&self, item: &Item) -> Result<Lease, LeaseError> {
        let unreadable = |reason| {
            LeaseError::Unavailable(format!(
                "{reason}, table={} application={}",
                self.table, self.application
            ))
        };
        stored::decode(item).map_err(unreadable)
    }

    fn answered(&self, item: Option<Item>) -> Result<Lease, LeaseError> {
        self.decode(&item.unwrap_or_default())
    }
}

#[async_trait]
impl LeaseStore for DynamoDbLeases {
    async fn list(&self) -> Result<Vec<Lease>, LeaseError> {
        let mut leases = Vec::new();
        let mut next = None;
        loop {
            let call = self.client.query().table_name(&*self.table).consistent_read(true);
            let call = call
                .key_condition_expression("#application = :application")
                .expression_attribute_names("#application", APPLICATION)
                .expression_attribute_values(":application", AttributeValue::S(self.application.to_string()))
                .set_exclusive_start_key(next);
            let page = call.send().await.map_err(|error| failed(&self.table, &error))?;
            for item in page.items() {
                leases.push(self.decode(item)?);
            }
            next = page.last_evaluated_key;
            if next.is_none() {
                return Ok(leases);
            }
        }
    }

    async fn get(&self, key: &LeaseKey) -> Result<Option<Lease>, LeaseError> {
        let call = self.client.get_item().table_name(&*self.table).consistent_read(true);
        let call = call.set_key(Some(stored::key(&self.application, key)));
        let found = call.send().await.map_err(|error| failed(&self.table, &error))?;
        found.item.map(|item| self.decode(&item)).transpose()
    }

    async fn create(&self, lease: NewLease) -> Result<Lease, LeaseError> {
        let mut call = self.client.update_item().table_name(&*self.table).return_values(ReturnValue::AllNew);
        call = call.set_key(Some(stored::key(&self.application, &lease.key)));
        let mut sets = Vec::new();
        for (name, value) in stored::fresh(&lease) {
            // What is there stays, so that creating twice changes nothing and answers what is there.
            sets.push(format!("#{name} = if_not_exists(#{name}, :{name})"));
            call = call
                .expression_attribute_names(format!("#{name}"), name)
                .expression_attribute_values(format!(":{name}"), value);
        }
        let call = call.update_expression(format!("SET {}", sets.join(", ")));
        self.answered(call.send().await.map_err(|error| failed(&self.table, &error))?.attributes)
    }

    async fn update(&self, lease: &Lease, update: Update) -> Result<Lease, LeaseError> {
        let is_ask = matches!(update, Update::Ask(_));
        let mut call = self.client.update_item().table_name(&*self.table).return_values(ReturnValue::AllNew);
        call = call
            .set_key(Some(stored::key(&self.application, &lease.key)))
            .condition_expression("#counter = :seen")
            .expression_attribute_names("#counter", COUNTER)
            .expression_attribute_values(":seen", number(lease.counter));
        let (mut sets, mut removes) = (Vec::new(), Vec::new());
        if !is_ask {
            sets.push("#counter = :next".to_owned());
            call = call.expression_attribute_values(":next", number(lease.counter + 1));
        }
        for (name, value) in stored::changes(update) {
            call = call.expression_attribute_names(format!("#{name}"), name);
            match value {
                Some(value) => {
                    sets.push(format!("#{name} = :{name}"));
                    call = call.expression_attribute_values(format!(":{name}"), value);
                }
                None => removes.push(format!("#{name}")),
            }
        }
        let mut expression = format!("SET {}", sets.join(", "));
        if !removes.is_empty() {
            expression += &format!(" REMOVE {}", removes.join(", "));
        }
        let changed = call.update_expression(expression).send().await;
        self.answered(changed.map_err(|error| of_write(&lease.key, &self.table, &error))?.attributes)
    }

    async fn delete(&self, lease: &Lease) -> Result<(), LeaseError> {
        let call = self.client.delete_item().table_name(&*self.table);
        let call = call
            .set_key(Some(stored::key(&self.application, &lease.key)))
            .condition_expression("#counter = :seen")
            .expression_attribute_names("#counter", COUNTER)
            .expression_attribute_values(":seen", number(lease.counter));
        call.send().await.map(drop).map_err(|error| of_write(&lease.key, &self.table, &error))
    }
}
