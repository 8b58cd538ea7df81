//! The lease store that the hosts share, and what it says of them.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use tidemill_backends::{
    leases::{
        dynamodb::{self, DynamoDbLeases},
        redis::{self, RedisLeases},
    },
    redis::Redis,
};
use tidemill_engine::lease::{Checkpoint, Lease, LeaseStore};

use super::SOURCE;
use crate::harness::{binaries, place::Place, servers, streams::Streams};

/// A lease store on its server.
pub struct Store {
    application: String,
    settings: String,
    leases: Arc<dyn LeaseStore>,
    _server: Arc<dyn Send + Sync>,
}

impl Store {
    /// On a Redis; none where the machine has none.
    pub async fn redis(application: &str) -> Option<Self> {
        let server = servers::redis().await?;
        let settings = server.settings();
        let redis = Redis::connect(&settings).await.expect("it was just started");
        let leases = RedisLeases::new(redis, redis::PREFIX, &format!("{application}/{SOURCE}"));
        let url = &settings.urls[0];
        Some(Self {
            application: application.to_owned(),
            settings: format!("store = \"redis\"\nredis = {{ url = \"{url}\" }}\n"),
            leases: Arc::new(leases),
            _server: server,
        })
    }

    /// On a DynamoDB; none where there is none.
    pub async fn dynamodb(application: &str) -> Option<Self> {
        let server = servers::dynamodb().await?;
        let (client, of) = (server.client().await, format!("{application}/{SOURCE}"));
        let leases = DynamoDbLeases::open(client, dynamodb::TABLE, &of, true).await;
        let url = server.url();
        Some(Self {
            application: application.to_owned(),
            settings: format!(
                "store = \"dynamodb\"\ndynamodb = {{ create-table = true, endpoint-url = \"{url}\" }}\n"
            ),
            leases: Arc::new(leases.expect("it was just started")),
            _server: server,
        })
    }

    /// Writes the settings that all hosts run with.
    pub fn settings(&self, place: &Place, url: &str) -> PathBuf {
        let Self { application, settings, .. } = self;
        let component = binaries::guest("pass_through");
        let component = component.display();
        let text = format!(
            "application = \"{application}\"\n\n[kinesis]\nendpoint = \"{url}\"\n\n\
             [leases]\nfailover = \"2s\"\ncheckpoint-interval = \"300ms\"\n{settings}\n\
             [pipelines.{SOURCE}]\nsource = {{ stream = \"{SOURCE}\", idle-interval = \"200ms\" }}\n\
             sink = {{ stream = \"{SOURCE}-out\", linger = \"50ms\" }}\n\n\
             [pipelines.{SOURCE}.handler]\ncomponent = \"{component}\"\nbatch-records = 50\n"
        );
        place.write("tidemill.toml", text)
    }

    /// How many leases a host holds.
    pub async fn held_by(&self, pid: u32) -> usize {
        let leases = self.list().await;
        leases.iter().filter(|lease| holder(lease) == Some(pid)).count()
    }

    /// Whether every open shard is read by one of these hosts, every closed one is at its end, and the shards are
    /// shared out evenly.
    pub async fn is_shared_out(&self, pids: &[u32], streams: &Streams) -> bool {
        let leases = self.list().await;
        let mut held: BTreeMap<u32, usize> = pids.iter().map(|pid| (*pid, 0)).collect();
        let mut open = 0;
        for shard in streams.shards(SOURCE).await {
            let Some(lease) = leases.iter().find(|lease| lease.key.shard == shard.id) else { return false };
            if shard.ending_sequence.is_some() {
                if lease.checkpoint != Checkpoint::ShardEnd {
                    return false;
                }
                continue;
            }
            let Some(count) = holder(lease).and_then(|pid| held.get_mut(&pid)) else { return false };
            *count += 1;
            open += 1;
        }
        held.values().all(|count| (open / pids.len()..=open.div_ceil(pids.len())).contains(count))
    }

    /// Whether all leases are free.
    pub async fn nobody_holds_a_lease(&self) -> bool {
        self.list().await.iter().all(|lease| lease.owner.is_none())
    }

    async fn list(&self) -> Vec<Lease> {
        self.leases.list().await.expect("the store is there")
    }
}

/// The process that holds a lease: a worker's name ends with its process id and when it started.
fn holder(lease: &Lease) -> Option<u32> {
    lease.owner.as_ref()?.as_str().rsplit('-').nth(1)?.parse().ok()
}
