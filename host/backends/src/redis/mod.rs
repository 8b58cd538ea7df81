//! Connections to Redis, one node or a cluster, that come back by themselves.
//!
//! Every call has a time by which it ends. A call that found the connection lost fails and has it made anew, so that
//! a later call finds it; the cluster's client does so within the call, and follows what moved to another node.

use std::{fmt, io, sync::Arc};

use redis::{
    Client, Cmd, ConnectionInfo, FromRedisValue, RedisError, RedisResult, TlsCertificates, Value,
    aio::{ConnectionManager, ConnectionManagerConfig},
    cluster::ClusterClientBuilder,
    cluster_async::ClusterConnection,
    io::tcp::TcpSettings,
};
use tidemill_engine::limits;
use tokio::time::timeout;

mod settings;

pub use settings::{ConnectError, RedisSettings};

/// A connection, shared by its clones.
#[derive(Clone)]
pub struct Redis {
    link: Link,
    at: Arc<str>,
}

#[derive(Clone)]
enum Link {
    Single(ConnectionManager),
    Cluster(ClusterConnection),
}

impl Redis {
    /// Connects, and makes sure of an answer.
    ///
    /// # Errors
    /// [`ConnectError`] says what to do.
    ///
    /// # Cancel safety
    /// Safe: nothing is changed.
    pub async fn connect(settings: &RedisSettings) -> Result<Self, ConnectError> {
        let nodes = settings.nodes()?;
        let certificates = settings.certificates()?;
        let at = settings.to_string();
        let linking = async {
            let link = if settings.is_cluster() {
                Link::Cluster(cluster(nodes, certificates).await?)
            } else {
                Link::Single(single(nodes, certificates).await?)
            };
            let redis = Self { link, at: at.as_str().into() };
            redis.query::<Value>(&redis::cmd("PING")).await?;
            Ok(redis)
        };
        let linked = timeout(limits::REDIS_SETUP_TIMEOUT, linking).await.unwrap_or_else(|_| Err(no_answer()));
        linked.map_err(|reason| ConnectError::unreachable(at, &reason))
    }

    /// Where it is, without any password.
    pub fn at(&self) -> &str {
        &self.at
    }

    /// Whether it is connected to a cluster as such.
    pub fn is_cluster(&self) -> bool {
        matches!(self.link, Link::Cluster(_))
    }

    /// Sends a command and reads its answer. In a cluster it goes to the node that has its key.
    ///
    /// # Errors
    /// What the server or the client says; also when there was no answer within [`limits::REDIS_CALL_TIMEOUT`]. Unless
    /// the server itself refused, the command may have been carried out.
    ///
    /// # Cancel safety
    /// The command may have been carried out.
    pub async fn query<T: FromRedisValue>(&self, command: &Cmd) -> RedisResult<T> {
        let asking = async {
            match self.link.clone() {
                Link::Single(mut connection) => command.query_async(&mut connection).await,
                Link::Cluster(mut connection) => command.query_async(&mut connection).await,
            }
        };
        timeout(limits::REDIS_CALL_TIMEOUT, asking).await.unwrap_or_else(|_| Err(no_answer()))
    }
}

impl fmt::Debug for Redis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Redis").field(&self.at).finish()
    }
}

async fn single(
    nodes: Vec<ConnectionInfo>,
    certificates: Option<TlsCertificates>,
) -> RedisResult<ConnectionManager> {
    let node = nodes.into_iter().next().expect("the settings were asked whether they name a node");
    let node = node.set_tcp_settings(tcp());
    let client = match certificates {
        Some(certificates) => Client::build_with_tls(node, certificates)?,
        None => Client::open(node)?,
    };
    let (first, longest) = limits::REDIS_BACKOFF;
    let config = ConnectionManagerConfig::new()
        .set_connection_timeout(Some(limits::REDIS_CONNECT_TIMEOUT))
        .set_response_timeout(Some(limits::REDIS_CALL_TIMEOUT))
        .set_min_delay(first)
        .set_max_delay(longest)
        .set_number_of_retries(limits::REDIS_RECONNECTS);
    client.get_connection_manager_with_config(config).await
}

async fn cluster(
    nodes: Vec<ConnectionInfo>,
    certificates: Option<TlsCertificates>,
) -> RedisResult<ClusterConnection> {
    let (first, longest) = limits::REDIS_BACKOFF;
    let mut builder = ClusterClientBuilder::new(nodes)
        .connection_timeout(limits::REDIS_CONNECT_TIMEOUT)
        .response_timeout(limits::REDIS_CALL_TIMEOUT)
        .overall_response_timeout(Some(limits::REDIS_CALL_TIMEOUT))
        .min_retry_wait(millis(first))
        .max_retry_wait(millis(longest))
        .retries(limits::REDIS_CLUSTER_RETRIES)
        .tcp_settings(tcp());
    if let Some(certificates) = certificates {
        builder = builder.certs(certificates);
    }
    builder.build()?.get_async_connection().await
}

/// Small writes go at once; and where the system can, a peer that fell silent is given up like a call of it.
fn tcp() -> TcpSettings {
    let settings = TcpSettings::default().set_nodelay(true);
    #[cfg(target_os = "linux")]
    let settings = settings.set_user_timeout(limits::REDIS_CALL_TIMEOUT);
    settings
}

fn millis(span: std::time::Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

fn no_answer() -> RedisError {
    io::Error::new(io::ErrorKind::TimedOut, "no answer in time").into()
}
