//! One host, told through its admin API what to run.

use serde_json::Value;

use super::{QUICK, bytes, digest, file, handler, load::Load, message, runs, settings};
use crate::harness::{http::Client, place::Place, streams::Streams, until};

#[tokio::test]
async fn a_component_is_deployed_and_rolled_back_under_load_and_remembered_by_the_next_host() {
    let (place, streams) = (Place::new(), Streams::start().await);
    let mut load = Load::new(&streams, 4).await;
    let settings = settings(&place, streams.url(), "pass_through", QUICK);
    let host = place.run(&settings).await;
    load.comes_out(3).await;

    let admin = host.admin();
    let next = file("pass_through_list");
    let deploy = ["deploy", "--admin", &admin, "--why", "it is faster", &next];
    let (ended, ()) = futures::join!(place.tidemill(&deploy), load.comes_out(20));
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let first = format!("numbers/handler version 1: {}", &digest("pass_through_list")[..8]);
    assert!(ended.stdout.starts_with(&first) && ended.stdout.contains(": runs"), "{}", ended.stdout);
    runs(&place, &host, "pass_through_list").await;

    let ended = place.tidemill(&["history", "--admin", &admin]).await;
    for word in ["deployed", "it is faster", &digest("pass_through_list")[..8]] {
        assert!(ended.stdout.contains(word), "{word} is not in the history: {}", ended.stdout);
    }
    load.comes_out(2).await;
    assert_eq!(host.terminate().await.code, Some(0));

    // What is deployed is kept beside the leases, and goes before the file that the settings name.
    let host = place.run(&settings).await;
    host.logged(&["what is deployed runs in place of the file"]).await;
    runs(&place, &host, "pass_through_list").await;
    let admin = host.admin();
    let rollback = ["rollback", "--admin", &admin];
    let (ended, ()) = futures::join!(place.tidemill(&rollback), load.comes_out(20));
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let status = runs(&place, &host, "pass_through").await;
    assert_eq!((&status["applied"], &status["wanted"]["event"]), (&2.into(), &"rolled-back".into()));

    let ended = place.tidemill(&["status", "--admin", &admin]).await;
    assert!(
        ended.stdout.contains("numbers/handler") && ended.stdout.contains("shardId-0000"),
        "{}",
        ended.stdout
    );
    let ended = place.tidemill(&["rollback", "--admin", &admin]).await;
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(
        message(&ended).contains("nothing was deployed that could be rolled back"),
        "{}",
        message(&ended)
    );
    load.all_came_out_once().await;
    assert_eq!(host.terminate().await.code, Some(0));
}

#[tokio::test]
async fn a_component_that_cannot_be_used_is_refused_with_why_and_the_running_one_goes_on() {
    let (place, streams) = (Place::new(), Streams::start().await);
    let mut load = Load::new(&streams, 1).await;
    let host = place.run(&settings(&place, streams.url(), "pass_through", QUICK)).await;
    load.comes_out(1).await;

    // A command looks at the component before it sends it.
    let ended = place.tidemill(&["deploy", "--admin", &host.admin(), &file("processor_json")]).await;
    assert_eq!(ended.code, Some(4), "{ended:?}");
    assert_eq!(handler(&place, &host).await["wanted"], Value::Null);

    // What it newly asks for has to be allowed by whoever deploys it.
    let ended = place.tidemill(&["deploy", "--admin", &host.admin(), &file("fetch")]).await;
    assert_eq!(ended.code, Some(4), "{ended:?}");
    assert!(ended.stdout.contains("--allow http"), "{}", ended.stdout);

    // Who sends it by other means is told by the host, and all hosts go back.
    let mut client = Client::of_admin(&host).await;
    let answer = client.post("/deploy?why=by+hand", &[], bytes("processor_json")).await;
    assert_eq!((answer.status.as_u16(), &answer.body["became"]["outcome"]), (200, &"refused".into()));
    let why = answer.body["became"]["why"].as_str().expect("it says why");
    assert!(why.contains("it is a processor"), "{why}");
    load.comes_out(3).await;
    let refused = answer.body["deployment"]["version"].as_u64().expect("it has a version");
    until("all hosts are told", async || {
        let status = runs(&place, &host, "pass_through").await;
        let (refusal, wanted) = (&status["refused"]["version"], &status["wanted"]);
        (*refusal == refused && wanted["version"] == refused + 1 && wanted["event"] == "rolled-back")
            .then_some(())
    })
    .await;

    let cases = [
        ("/deploy", "", 400, "the body is empty"),
        ("/deploy?canary=200", "x", 400, "not a share of the partition keys"),
        ("/deploy?pipelin=a", "x", 400, "unknown parameter"),
        ("/deploy?part=sink.default", "x", 404, "there is no such part"),
        ("/promote", "", 409, "nothing is on trial"),
        ("/resume?pipeline=other", "", 404, "there is no such pipeline"),
        ("/other", "", 404, "no such path"),
    ];
    for (path, body, status, expected) in cases {
        let answer = client.post(path, &[], body).await;
        assert_eq!(answer.status.as_u16(), status, "{path}: {}", answer.body);
        let message = answer.body["message"].as_str().expect("there is a message");
        assert!(message.starts_with(expected), "{path}: {message}");
    }
    assert_eq!(client.get("/deploy").await.status.as_u16(), 405);
    load.all_came_out_once().await;
    assert_eq!(host.terminate().await.code, Some(0));
}

#[tokio::test]
async fn a_host_with_a_token_answers_only_who_knows_it_and_shows_what_it_counts() {
    let (place, streams) = (Place::new(), Streams::start().await);
    let mut load = Load::new(&streams, 1).await;
    let more = format!("{QUICK}token-env = \"ADMIN_TOKEN\"\n");
    let settings = settings(&place, streams.url(), "pass_through", &more);
    let mut command = place.command();
    command.arg("run").arg(&settings).env("ADMIN_TOKEN", "s3cret");
    let host = crate::harness::host::Host::start(&mut command, place.path(), "pipeline ").await;
    load.comes_out(1).await;

    let mut client = Client::of_admin(&host).await;
    assert_eq!(client.get("/health").await.status.as_u16(), 200);
    for path in ["/status", "/history", "/metrics"] {
        assert_eq!(client.get(path).await.status.as_u16(), 401, "{path}");
    }
    for path in ["/deploy", "/rollback", "/promote", "/resume"] {
        let answer = client.post(path, &[("authorization", "Bearer guess")], "x").await;
        assert_eq!(answer.status.as_u16(), 401, "{path}");
    }
    let metrics = client.get_with("/metrics", &[("authorization", "Bearer s3cret")]).await;
    let text = metrics.body.as_str().expect("it is text");
    let page = include_str!("../../../docs/operations.md");
    let documented = page.lines().filter_map(|line| line.strip_prefix("| `tidemill_")?.split('`').next());
    let mut count = 0;
    for name in documented {
        assert!(text.contains(&format!("\ntidemill_{name}{{")), "tidemill_{name} is not shown:\n{text}");
        count += 1;
    }
    assert!(count > 15, "few figures are documented, count={count}");
    assert!(text.contains("tidemill_done_total{pipeline=\"numbers\",stream=\"numbers\"} 40"), "{text}");

    let ended = place.tidemill(&["resume", "--admin", &host.admin()]).await;
    assert_eq!(ended.code, Some(5), "{ended:?}");
    assert!(message(&ended).contains("--token-env"), "{}", message(&ended));
    let mut command = place.command();
    let known = command.args(["resume", "--admin", &host.admin(), "--token-env", "T"]).env("T", "s3cret");
    let ended = place.end(known).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stdout.ends_with("resumed=0\n"), "{}", ended.stdout);
    assert_eq!(host.terminate().await.code, Some(0));
}
