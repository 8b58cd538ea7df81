//! Redis: one node, TLS, a cluster, and servers that come and go.

use std::time::Duration;

use redis::Value;
use serde_json::json;
use tidemill_backends::{
    deployments::redis::RedisDeployments,
    leases::redis::{RedisLeases, eviction},
    redis::{ConnectError, Redis, RedisSettings},
};
use tidemill_engine::{
    deploy,
    lease::{Lease, LeaseError, LeaseStore, Update, contract},
};
use tokio::time::timeout;

use super::{at, move_to, new_lease, unique};
use crate::harness::{
    servers::{self, RedisCluster, RedisServer, Security},
    until,
};

/// Far longer than any call may take: what is not over by then hangs.
const HANG: Duration = Duration::from_secs(60);

async fn leases(settings: &RedisSettings) -> RedisLeases {
    RedisLeases::new(Redis::connect(settings).await.expect("the server runs"), "test", &unique("app/pipe"))
}

async fn keeps_the_contract(settings: &RedisSettings) {
    let redis = Redis::connect(settings).await.expect("the server runs");
    contract::check(async || RedisLeases::new(redis.clone(), "test", &unique("app/pipe"))).await;
}

/// Has every write on disk before its answer: otherwise a kill may cost the writes of the last seconds.
async fn sync_always(settings: &RedisSettings) {
    let redis = Redis::connect(settings).await.expect("the server runs");
    let mut call = redis::cmd("CONFIG");
    redis.query::<Value>(call.arg(&["SET", "appendfsync", "always"])).await.expect("the server runs");
}

/// A lease that a worker holds, with a checkpoint.
async fn held(leases: &RedisLeases) -> Lease {
    let lease = leases.create(new_lease()).await.expect("the server runs");
    let lease = leases.update(&lease, Update::Take("a".into())).await.expect("the server runs");
    leases.update(&lease, move_to(at("17"))).await.expect("the server runs")
}

/// The call ends, with an error that says so and where the server was.
async fn is_unavailable(leases: &RedisLeases) {
    let ended = timeout(HANG, leases.list()).await.expect("a call without an answer ends");
    match ended {
        Err(LeaseError::Unavailable(reason)) => assert!(reason.contains("redis=redis://"), "{reason}"),
        other => panic!("{other:?}"),
    }
}

async fn comes_back(leases: &RedisLeases, expected: &Lease) {
    let listed = until("the connection comes back", async || leases.list().await.ok()).await;
    assert_eq!(listed, std::slice::from_ref(expected));
    let renewed = leases.update(expected, Update::Renew { load: 1 }).await;
    assert_eq!(renewed.map(|lease| lease.counter), Ok(expected.counter + 1));
}

#[tokio::test]
async fn redis_keeps_the_contract_of_lease_stores() {
    let Some(server) = servers::redis().await else { return };
    keeps_the_contract(&server.settings()).await;
}

#[tokio::test]
async fn redis_with_tls_and_a_password_keeps_the_contract_of_lease_stores() {
    let Some(server) = servers::redis_tls().await else { return };
    keeps_the_contract(&server.settings()).await;
}

#[tokio::test]
async fn a_cluster_of_redis_keeps_the_contract_of_lease_stores() {
    let Some(cluster) = servers::redis_cluster().await else { return };
    keeps_the_contract(&cluster.settings()).await;
}

#[tokio::test]
async fn a_redis_that_is_killed_and_comes_back_has_what_it_had() {
    let Some(mut server) = RedisServer::start(Security::None).await else { return };
    sync_always(&server.settings()).await;
    let leases = leases(&server.settings()).await;
    let held = held(&leases).await;
    server.process().kill();
    is_unavailable(&leases).await;
    server.process().revive().await;
    comes_back(&leases, &held).await;
}

#[tokio::test]
async fn a_redis_that_hangs_is_unavailable_and_then_comes_back() {
    let Some(mut server) = RedisServer::start(Security::None).await else { return };
    let leases = leases(&server.settings()).await;
    let held = held(&leases).await;
    server.process().freeze();
    is_unavailable(&leases).await;
    server.process().thaw();
    comes_back(&leases, &held).await;
}

#[tokio::test]
async fn a_node_of_a_cluster_that_hangs_or_dies_is_unavailable_and_then_comes_back() {
    let Some(mut cluster) = RedisCluster::start().await else { return };
    sync_always(&cluster.settings()).await;
    let leases = leases(&cluster.settings()).await;
    let held = held(&leases).await;
    let node = cluster.node_of(leases.key()).await;
    node.freeze();
    is_unavailable(&leases).await;
    node.thaw();
    let listed = until("the cluster is whole again", async || leases.list().await.ok()).await;
    assert_eq!(listed, std::slice::from_ref(&held));
    node.kill();
    is_unavailable(&leases).await;
    node.revive().await;
    comes_back(&leases, &held).await;
}

#[tokio::test]
async fn a_cluster_that_is_taken_for_one_node_is_told_with_what_to_do() {
    let Some(cluster) = servers::redis_cluster().await else { return };
    let one = RedisSettings { urls: cluster.settings().urls[..1].to_vec(), ..RedisSettings::default() };
    let redis = Redis::connect(&one).await.unwrap();
    let mut refusals = Vec::new();
    for _ in 0..30 {
        let leases = RedisLeases::new(redis.clone(), "test", &unique("app/pipe"));
        match leases.list().await {
            Ok(listed) => assert_eq!(listed, []),
            Err(error) => refusals.push(error.to_string()),
        }
    }
    assert!((1..30).contains(&refusals.len()), "a third of the keys is on that node");
    let expected = "the lease store failed: this is a node of a cluster: set cluster = true: ";
    assert!(refusals.iter().all(|refusal| refusal.starts_with(expected)), "{refusals:?}");
}

#[tokio::test]
async fn a_redis_that_forgot_the_scripts_is_told_them_again() {
    let Some(server) = servers::redis().await else { return };
    let redis = Redis::connect(&server.settings()).await.unwrap();
    let leases = RedisLeases::new(redis.clone(), "test", &unique("app/pipe"));
    let mut lease = held(&leases).await;
    for load in 0..3 {
        redis.query::<()>(redis::cmd("SCRIPT").arg("FLUSH")).await.unwrap();
        lease = leases.update(&lease, Update::Renew { load }).await.unwrap();
    }
    assert_eq!(lease.counter, 5);
}

#[tokio::test]
async fn what_stands_in_redis_is_for_people_and_does_not_expire() {
    let Some(server) = servers::redis().await else { return };
    let redis = Redis::connect(&server.settings()).await.unwrap();
    let leases = RedisLeases::new(redis.clone(), "tides", "orders/paid");
    held(&leases).await;
    assert_eq!(leases.key(), "tides:{orders/paid}:leases");
    let [field, text]: [String; 2] = redis.query(redis::cmd("HGETALL").arg(leases.key())).await.unwrap();
    assert_eq!(field, "orders/shardId-000000000000");
    let mut found: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert!(found["write"].take().is_string());
    let expected = json!({
        "owner": "a", "counter": "2", "checkpoint": "17", "load": "7", "parents": "shardId-000000000100", "write": null
    });
    assert_eq!(found, expected);
    assert_eq!(redis.query(redis::cmd("TTL").arg(leases.key())).await, Ok(Value::Int(-1)));
}

#[tokio::test]
async fn a_write_whose_answer_was_lost_is_answered_again_and_not_done_again() {
    let Some(server) = servers::redis().await else { return };
    let redis = Redis::connect(&server.settings()).await.unwrap();
    let leases = RedisLeases::new(redis.clone(), "test", &unique("app/pipe"));
    let held = held(&leases).await;
    let script = include_str!("../../../host/backends/src/leases/redis/update.lua");
    let send = async |id: &str| {
        let mut call = redis::cmd("EVAL");
        call.arg(script).arg(1).arg(leases.key());
        call.arg(held.key.to_string()).arg(&["2", "3", id, "load", "9"]);
        redis.query::<Option<String>>(&call).await.unwrap()
    };
    let first = send("mine").await.unwrap();
    assert_eq!(send("mine").await, Some(first));
    assert_eq!(send("another's").await, None);
    let listed = leases.list().await.unwrap();
    assert_eq!(listed, [Lease { counter: 3, load: 9, ..held }]);
}

/// The rights that `docs/operations.md` names.
#[tokio::test]
async fn the_documented_rights_are_enough() {
    let Some(server) = servers::redis().await else { return };
    let page = include_str!("../../../docs/operations.md");
    let line =
        |begin: &str| page.lines().find_map(|line| line.strip_prefix(begin)).expect("it is documented");
    let for_leases = line("ACL SETUSER tidemill on >PASSWORD ~tidemill:* ");
    let for_deployments = line("ACL SETUSER tidemill +");
    let (user, prefix) = (unique("user"), unique("prefix"));
    let redis = Redis::connect(&server.settings()).await.unwrap();
    let mut set = redis::cmd("ACL");
    set.arg(&["SETUSER", &user, "on", ">pass", &format!("~{prefix}:*")]);
    for right in for_leases.split(' ') {
        set.arg(right);
    }
    for right in for_deployments.split(" +") {
        set.arg(format!("+{right}"));
    }
    redis.query::<()>(&set).await.unwrap();

    let url = server.settings().urls[0].replace("redis://", &format!("redis://{user}:pass@"));
    let limited =
        Redis::connect(&RedisSettings { urls: vec![url], ..RedisSettings::default() }).await.unwrap();
    contract::check(async || RedisLeases::new(limited.clone(), &prefix, &unique("app/pipe"))).await;
    assert_eq!(eviction(&limited).await, None);
    deploy::contract::check(async || RedisDeployments::new(limited.clone(), &prefix, &unique("app"))).await;
    let elsewhere = RedisLeases::new(limited, "other", "app/pipe");
    let refused = elsewhere.list().await.unwrap_err().to_string();
    assert!(refused.contains("allow this user the commands that docs/operations.md names"), "{refused}");
}

async fn tells_when_it_evicts(settings: &RedisSettings) {
    let redis = Redis::connect(settings).await.expect("the server runs");
    let policy = async |policy| {
        let mut call = redis::cmd("CONFIG");
        redis
            .query::<Value>(call.arg("SET").arg("maxmemory-policy").arg(policy))
            .await
            .expect("the server runs");
        eviction(&redis).await
    };
    assert_eq!(policy("allkeys-lru").await.as_deref(), Some("allkeys-lru"));
    assert_eq!(policy("noeviction").await, None);
}

#[tokio::test]
async fn a_redis_that_throws_keys_away_is_noticed() {
    let Some(server) = RedisServer::start(Security::None).await else { return };
    tells_when_it_evicts(&server.settings()).await;
}

#[tokio::test]
async fn a_cluster_that_throws_keys_away_is_noticed() {
    let Some(cluster) = servers::redis_cluster().await else { return };
    tells_when_it_evicts(&cluster.settings()).await;
}

#[tokio::test]
async fn a_redis_that_lets_nobody_in_is_told_with_what_to_do_and_no_password() {
    let Some(server) = servers::redis_tls().await else { return };
    let good = server.settings();
    let secret = "not this one";
    let cases = [
        RedisSettings { password: Some(secret.to_owned()), ..good.clone() },
        RedisSettings { password: None, ..good.clone() },
        // The machine's own certificates do not vouch for this server.
        RedisSettings { ca: None, ..good.clone() },
    ];
    for settings in cases {
        let refused = Redis::connect(&settings).await.map(drop).unwrap_err();
        assert!(matches!(refused, ConnectError::Unreachable { .. }), "{refused:?}");
        let text = refused.to_string();
        assert!(text.starts_with("Redis cannot be reached: see that it runs"), "{text}");
        assert!(text.contains(&format!("at={}", good.urls[0])) && !text.contains(secret), "{text}");
    }
}
