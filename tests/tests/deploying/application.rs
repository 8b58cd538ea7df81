//! The fleet test: three hosts of one application on Redis are told at once, under load.

use serde_json::Value;

use super::{QUICK, digest, file, handler, load::Load, message, settings};
use crate::{
    harness::{host::Host, place::Place, servers, streams::Streams},
    leases::unique,
};

/// Hosts.
const HOSTS: usize = 3;
/// Shards: several for each of them.
const SHARDS: u32 = 9;

/// The hosts, and what is asked of all of them.
struct Fleet {
    place: Place,
    hosts: Vec<Host>,
}

impl Fleet {
    async fn start(url: &str, redis: &str) -> Self {
        let place = Place::new();
        let prefix = unique("deploying");
        let leases = format!(
            "{QUICK}\n[leases]\nstore = \"redis\"\nfailover = \"2s\"\nredis = {{ url = \"{redis}\", prefix = \"{prefix}\" }}\n"
        );
        let settings = settings(&place, url, "pass_through", &leases);
        let mut hosts = Vec::new();
        for number in 0..HOSTS {
            let folder = place.path().join(format!("host-{number}"));
            std::fs::create_dir(&folder).expect("the folder can be written");
            hosts.push(Host::start(place.command().arg("run").arg(&settings), &folder, "pipeline ").await);
        }
        Self { place, hosts }
    }

    /// `tidemill COMMAND --application test --admin …`, to its end.
    async fn tell(&self, command: &str, more: &[&str]) -> super::Ended {
        let admins: Vec<String> = self.hosts.iter().map(Host::admin).collect();
        let admins = admins.join(",");
        let arguments = [command, "--application", "test", "--admin", &admins];
        self.place.tidemill(&[&arguments, more].concat()).await
    }

    /// How the handler is on every host.
    async fn handlers(&self) -> Vec<Value> {
        futures::future::join_all(self.hosts.iter().map(|host| handler(&self.place, host))).await
    }

    /// All hosts run one version and component.
    async fn all_run(&self, version: u64, guest: &str) -> Option<()> {
        let digest = digest(guest);
        let runs = |handler: &Value| {
            let slot = &handler["slot"];
            handler["applied"] == version
                && slot["component"]["digest"] == digest
                && slot["candidate"].is_null()
        };
        self.handlers().await.iter().all(runs).then_some(())
    }

    /// Every host has handled records.
    async fn share_the_work(&self) -> Option<()> {
        let has_shards =
            |handler: &Value| !handler["slot"]["shards"].as_object().expect("it is a map").is_empty();
        self.handlers().await.iter().all(has_shards).then_some(())
    }
}

#[tokio::test]
async fn three_hosts_on_redis_try_promote_and_roll_back_as_one_and_lose_nothing() {
    let Some(server) = servers::redis().await else { return };
    let streams = Streams::start().await;
    let mut load = Load::new(&streams, SHARDS).await;
    let fleet = Fleet::start(streams.url(), &server.settings().urls[0]).await;
    load.until("every host has shards", async || fleet.share_the_work().await).await;

    // A good one: on a third of the keys first, then for all.
    let canary = ["--canary", "33%", "--why", "a first try", &file("pass_through_list")];
    let (ended, ()) = futures::join!(fleet.tell("deploy", &canary), load.comes_out(20));
    assert_eq!((ended.code, ended.stdout.matches(": runs").count()), (Some(0), HOSTS), "{ended:?}");
    let on_trial = fleet.handlers().await;
    assert!(on_trial.iter().all(|one| one["slot"]["candidate"]["digest"] == digest("pass_through_list")));
    let (ended, ()) = futures::join!(fleet.tell("promote", &[]), load.comes_out(20));
    assert_eq!(ended.code, Some(0), "{}", message(&ended));
    load.until("all hosts run what was promoted", async || fleet.all_run(2, "pass_through_list").await).await;

    // A bad one: it does well until records come that it traps on. Whichever host notices first tells the others.
    let canary = ["--canary", "50%", &file("fault_trap")];
    let (ended, ()) = futures::join!(fleet.tell("deploy", &canary), load.comes_out(20));
    assert_eq!(ended.code, Some(0), "{}", message(&ended));
    load.traps = true;
    load.until("all hosts went back", async || fleet.all_run(4, "pass_through_list").await).await;
    let wanted = &fleet.handlers().await[0]["wanted"];
    assert_eq!(wanted["event"], "rolled-back");
    let (by, why) = (wanted["by"].as_str().unwrap_or_default(), wanted["why"].as_str().unwrap_or_default());
    assert!(by.contains('-') && why.contains("failed"), "by={by} why={why}");

    load.all_came_out_once().await;
    for host in fleet.hosts {
        let ended = host.terminate().await;
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    }
}
