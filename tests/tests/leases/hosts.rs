//! Whole hosts with their leases on servers, as their settings say.

use std::sync::Arc;

use tidemill_backends::{
    leases::{dynamodb::DynamoDbLeases, redis::RedisLeases},
    redis::Redis,
};
use tidemill_engine::lease::{Checkpoint, LeaseStore};

use super::unique;
use crate::harness::{
    host::Host,
    place::{Ended, Pipeline, Place},
    servers,
    streams::Streams,
    until,
};

const DOCUMENTS: usize = 200;
/// The variable that holds the password of Redis.
const VARIABLE: &str = "LEASES_PASSWORD";

/// Runs a host over two shards with a table `[leases]`, to the end of what there is, and then once more: the second
/// time it has nothing to do. Answers how the second ended.
async fn handles_everything_once(leases: &str, password: Option<&str>) -> Ended {
    let (place, streams) = (Place::new(), Streams::start().await);
    streams.create("numbers", 2).await;
    streams.put("numbers", (0..DOCUMENTS).map(|n| (n.to_string(), n))).await;
    let settings = place.settings(streams.url(), &[Pipeline::new("numbers", "pass_through")]);
    let text = std::fs::read_to_string(&settings).expect("it was just written") + leases;
    place.write("tidemill.toml", text);
    let start = async || {
        let mut command = place.command();
        command.arg("run").arg(&settings).envs(password.map(|password| (VARIABLE, password)));
        Host::start(&mut command, place.path(), "pipeline ").await
    };
    let host = start().await;
    until("every document came out", async || {
        (streams.documents("numbers-out").await.len() >= DOCUMENTS).then_some(())
    })
    .await;
    assert_eq!(host.terminate().await.code, Some(0));
    let host = start().await;
    host.logged(&["reading the shard"]).await;
    let ended = host.terminate().await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert_eq!(streams.documents("numbers-out").await.len(), DOCUMENTS, "documents were handled again");
    ended
}

/// Both shards have a checkpoint, and nobody holds them.
async fn is_at_rest(leases: Arc<dyn LeaseStore>) {
    let listed = leases.list().await.expect("the store is there");
    assert_eq!(listed.len(), 2);
    for lease in listed {
        assert_eq!(lease.owner, None, "{lease:?}");
        assert!(matches!(lease.checkpoint, Checkpoint::At { .. }), "{lease:?}");
    }
}

#[tokio::test]
async fn a_host_keeps_its_checkpoints_in_redis_and_tells_nobody_the_password() {
    let Some(server) = servers::redis_tls().await else { return };
    let (settings, prefix) = (server.settings(), unique("host"));
    let (url, ca) = (&settings.urls[0], settings.ca.clone().expect("it speaks TLS"));
    let password = settings.password.clone().expect("it asks for one");
    let leases = format!(
        "\n[leases]\nstore = \"redis\"\n[leases.redis]\nurl = \"{url}\"\nca = \"{}\"\npassword-env = \"{VARIABLE}\"\n\
         prefix = \"{prefix}\"\n",
        ca.display()
    );
    let ended = handles_everything_once(&leases, Some(&password)).await;
    assert!(ended.stdout.contains(&format!("leases in Redis at {url}")), "{}", ended.stdout);
    assert!(!(ended.stdout + &ended.stderr).contains(&password), "the password is told");
    let redis = Redis::connect(&settings).await.expect("it runs");
    is_at_rest(Arc::new(RedisLeases::new(redis, &prefix, "test/numbers"))).await;
}

#[tokio::test]
async fn a_host_keeps_its_checkpoints_in_a_table_that_it_makes() {
    let Some(server) = servers::dynamodb().await else { return };
    let table = unique("host");
    let leases = format!(
        "\n[leases]\nstore = \"dynamodb\"\n[leases.dynamodb]\ntable = \"{table}\"\ncreate-table = true\n\
         endpoint-url = \"{}\"\n",
        server.url()
    );
    let ended = handles_everything_once(&leases, None).await;
    assert!(ended.stdout.contains(&format!("leases in DynamoDB, table {table}")), "{}", ended.stdout);
    let opened = DynamoDbLeases::open(server.client().await, &table, "test/numbers", false).await;
    is_at_rest(Arc::new(opened.expect("the host made it"))).await;
}

#[tokio::test]
async fn a_store_that_is_not_there_ends_a_host_with_5() {
    let (place, streams) = (Place::new(), Streams::start().await);
    streams.create("numbers", 1).await;
    let settings = place.settings(streams.url(), &[Pipeline::new("numbers", "pass_through")]);
    let text = std::fs::read_to_string(&settings).expect("it was just written");
    let cases = [
        ("redis", "[leases.redis]\nurl = \"redis://me:secret@127.0.0.1:1\"", "Redis cannot be reached: see"),
        ("redis", "[leases.redis]\nurl = \"redis://127.0.0.1:1\"\npassword-env = \"NONE\"", "variable=NONE"),
        (
            "dynamodb",
            "[leases.dynamodb]\nendpoint-url = \"http://127.0.0.1:1\"",
            "DynamoDB cannot be used: see",
        ),
    ];
    for (store, table, expected) in cases {
        place.write("tidemill.toml", format!("{text}\n[leases]\nstore = \"{store}\"\n{table}\n"));
        let ended = place.tidemill(&["run", "tidemill.toml"]).await;
        assert_eq!(ended.code, Some(5), "{ended:?}");
        // The message is broken into lines for the terminal.
        let message = ended.stderr.split_whitespace().collect::<Vec<_>>().join(" ").replace("│ ", "");
        assert!(message.contains(expected) && !message.contains("secret"), "{message}");
    }
}
