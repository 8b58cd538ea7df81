//! Deployments in the lease file, so that one machine remembers what was deployed with no server.

use std::{collections::BTreeSet, sync::Arc};

use async_trait::async_trait;
use bytes::Bytes;
use redb::{Database, ReadableDatabase, ReadableTable, TableDefinition, TableError};
use tidemill_engine::deploy::{DeployError, Deployment, Deployments, Digest, History, Part};

use super::{decode, encode};
use crate::leases::file::writer::Writer;

/// Application and part → history.
const HISTORIES: TableDefinition<'static, (&str, &str), &[u8]> = TableDefinition::new("deployments");
/// Application and digest → component.
const COMPONENTS: TableDefinition<'static, (&str, &str), &[u8]> = TableDefinition::new("components");

/// The deployments of one application in its lease file. Cloning is cheap.
#[derive(Clone, Debug)]
pub struct FileDeployments {
    application: Arc<str>,
    writer: Arc<Writer>,
}

impl FileDeployments {
    pub(crate) fn new(application: &str, writer: Arc<Writer>) -> Self {
        Self { application: application.into(), writer }
    }

    /// Does something with the file on the thread that owns it.
    async fn with<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Database, &str) -> Result<T, Failed> + Send + 'static,
    ) -> Result<T, DeployError> {
        let application = Arc::clone(&self.application);
        let done = self.writer.with(move |database| work(database, &application)).await;
        let gone = || DeployError::Unavailable("the thread that writes the lease file has ended".into());
        done.ok_or_else(gone)?.map_err(|Failed(error)| error)
    }

    async fn kept(&self, part: &Part) -> Result<History, DeployError> {
        let part = part.to_string();
        self.with(move |database, application| {
            let transaction = database.begin_read()?;
            let table = match transaction.open_table(HISTORIES) {
                Err(TableError::TableDoesNotExist(_)) => return Ok(History::default()),
                table => table?,
            };
            let found = table.get((application, &*part))?;
            found.map_or_else(|| Ok(History::default()), |text| Ok(decode(&part, text.value())?))
        })
        .await
    }
}

#[async_trait]
impl Deployments for FileDeployments {
    async fn current(&self, part: &Part) -> Result<Option<Deployment>, DeployError> {
        Ok(self.kept(part).await?.current().cloned())
    }

    async fn put(&self, part: &Part, deployment: &Deployment) -> Result<(), DeployError> {
        let (part, deployment) = (part.clone(), deployment.clone());
        self.with(move |database, application| {
            let name = part.to_string();
            let transaction = database.begin_write()?;
            {
                let mut table = transaction.open_table(HISTORIES)?;
                let found = table.get((application, &*name))?.map(|text| decode(&name, text.value()));
                let mut history = found.transpose()?.unwrap_or_default();
                history.add(&part, deployment)?;
                table.insert((application, &*name), encode(&history).as_bytes())?;
            }
            Ok(transaction.commit()?)
        })
        .await
    }

    async fn history(&self, part: &Part) -> Result<Vec<Deployment>, DeployError> {
        Ok(self.kept(part).await?.into())
    }

    async fn upload(&self, digest: &Digest, component: Bytes) -> Result<(), DeployError> {
        let digest = digest.clone();
        self.with(move |database, application| {
            let transaction = database.begin_write()?;
            {
                let mut table = transaction.open_table(COMPONENTS)?;
                let key = (application, digest.as_str());
                if table.get(key)?.is_none() {
                    table.insert(key, &*component)?;
                }
            }
            Ok(transaction.commit()?)
        })
        .await
    }

    async fn download(&self, digest: &Digest) -> Result<Option<Bytes>, DeployError> {
        let digest = digest.clone();
        self.with(move |database, application| {
            let transaction = database.begin_read()?;
            let table = match transaction.open_table(COMPONENTS) {
                Err(TableError::TableDoesNotExist(_)) => return Ok(None),
                table => table?,
            };
            let found = table.get((application, digest.as_str()))?;
            Ok(found.map(|component| Bytes::copy_from_slice(component.value())))
        })
        .await
    }

    async fn forget_unused(&self) -> Result<(), DeployError> {
        self.with(|database, application| {
            let transaction = database.begin_write()?;
            {
                let named = named(&transaction.open_table(HISTORIES)?, application)?;
                let mut components = transaction.open_table(COMPONENTS)?;
                components.retain(|(owner, digest), _| owner != application || named.contains(digest))?;
            }
            Ok(transaction.commit()?)
        })
        .await
    }
}

/// The components that the histories of an application name.
fn named(
    table: &impl ReadableTable<(&'static str, &'static str), &'static [u8]>,
    application: &str,
) -> Result<BTreeSet<String>, Failed> {
    let mut named = BTreeSet::new();
    for item in table.range((application, "")..)? {
        let (key, text) = item?;
        let (owner, part) = key.value();
        if owner != application {
            break;
        }
        named.extend(decode(part, text.value())?.digests().map(|digest| digest.as_str().to_owned()));
    }
    Ok(named)
}

/// Why work on the file was not done.
struct Failed(DeployError);

impl From<DeployError> for Failed {
    fn from(error: DeployError) -> Self {
        Self(error)
    }
}

macro_rules! failed_by {
    ($($error:ty),*) => {
        $(impl From<$error> for Failed {
            fn from(error: $error) -> Self {
                Self(DeployError::Unavailable(error.to_string()))
            }
        })*
    };
}

failed_by!(redb::TransactionError, TableError, redb::StorageError, redb::CommitError);

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

    use tidemill_engine::deploy::contract;

    use crate::leases::file::FileLeases;

    #[tokio::test]
    async fn the_file_keeps_the_contract_of_deployments() {
        let folder = tempfile::tempdir().unwrap();
        let leases = FileLeases::open(&folder.path().join("tidemill.redb"), "app/pipe").unwrap();
        let count = AtomicU32::new(0);
        // All in one file, each under a name of its own: applications know nothing of each other.
        contract::check(async || leases.deployments(&format!("app-{}", count.fetch_add(1, Relaxed)))).await;
    }

    #[tokio::test]
    async fn what_was_deployed_is_there_when_the_file_is_opened_again() {
        use tidemill_engine::deploy::Deployments;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tidemill.redb");
        let open = || FileLeases::open(&path, "app/pipe").unwrap().deployments("app");
        contract::a_deployment_is_kept_as_it_was_put(&open()).await;
        let history = open().history(&"orders/handler".parse().unwrap()).await.unwrap();
        assert_eq!(history.len(), 3);
    }
}
