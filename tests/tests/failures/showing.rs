//! `tidemill dead-letters list` and `show`.

use serde_json::{Value, json};
use tidemill_engine::{dead_letter::DeadLetter, time::UnixMillis};

use super::world::{Kept, World, letter, letters};

#[tokio::test]
async fn letters_are_listed_from_every_place_for_people_and_for_programs() {
    for kept in [Kept::OnAStream, Kept::InAFile, Kept::InRedis] {
        let Some(world) = World::new(kept).await else { continue };
        world.settings("pass_through");
        let empty = world.dead_letters(&["list"]).await;
        assert_eq!(
            (empty.code, empty.stdout.trim()),
            (Some(0), "there are no dead letters"),
            "{}",
            empty.stderr
        );
        world.keep(&letters(3)).await;
        let table = world.dead_letters(&["list"]).await.stdout;
        assert_eq!(table.lines().count(), 4, "{table}");
        let header = "id failed stream shard sequence key kind attempts component reason";
        assert_eq!(
            table.lines().next().expect("it has one").split_whitespace().collect::<Vec<_>>().join(" "),
            header
        );
        assert!(table.contains("enrich@abababab") && table.contains("2023-11-14T22:14:20Z"), "{table}");
        let lines = world.dead_letters(&["list", "--json", "--limit", "1"]).await.stdout;
        let line: Value = serde_json::from_str(&lines).expect("it is one line of JSON");
        assert_eq!(
            (&line["kind"], &line["pipeline"], &line["attempts"]),
            (&json!("trapped"), &json!("orders"), &json!(5))
        );
    }
}

#[tokio::test]
async fn a_filter_lets_kinds_and_times_through_and_letters_of_other_pipelines_are_not_shown() {
    let world = World::new(Kept::InAFile).await.expect("a file needs no server");
    world.settings("pass_through");
    let refused = DeadLetter { kind: "refused the batch".into(), ..letter(1, "{}") };
    let late = DeadLetter { at: UnixMillis(1_800_000_000_000), ..letter(2, "{}") };
    let other = DeadLetter { pipeline: "paid".into(), ..letter(3, "{}") };
    let of_one_stream = DeadLetter { pipeline: "orders/orders".into(), ..letter(4, "{}") };
    world.keep(&[letter(0, "{}"), refused, late, other, of_one_stream]).await;
    let count = async |arguments: &[&str]| {
        let ended = world.dead_letters(&[&["list", "--json"], arguments].concat()).await;
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        ended.stdout.lines().count()
    };
    assert_eq!(count(&[]).await, 4);
    assert_eq!(count(&["--kind", "refused"]).await, 1);
    assert_eq!(count(&["--since", "2026-01-01T00:00:00Z"]).await, 1);
    assert_eq!(count(&["--file", "failed.jsonl"]).await, 5, "the file as such has those of all pipelines");
}

#[tokio::test]
async fn a_letter_is_shown_with_everything_and_its_data_alone_on_request() {
    let world = World::new(Kept::InAFile).await.expect("a file needs no server");
    world.settings("pass_through");
    world.keep(&[letter(0, "{\"number\":0}"), letter(1, &b"\x00\xff"[..])]).await;
    let ids = world.listed().await;
    let text = world.dead_letters(&["show", &ids[0]]).await.stdout;
    for expected in [
        "kind        trapped",
        "attempts    5",
        &format!("component   enrich, digest {}, generation 3", "ab".repeat(32)),
        "stream      orders",
        "shard       shardId-000000000000",
        "key         key-0",
        "hash key    none",
        "payload     a document, 12 bytes",
        "  the guest trapped",
        "  {\"number\":0}",
    ] {
        assert!(text.lines().any(|line| line == expected), "{expected:?} is missing:\n{text}");
    }
    assert!(world.dead_letters(&["show", &ids[1]]).await.stdout.contains("  00000000  00 ff"));
    assert_eq!(world.dead_letters(&["show", &ids[0], "--data"]).await.stdout, "{\"number\":0}");
    let missing = world.dead_letters(&["show", "0123456789ab"]).await;
    assert_eq!(missing.code, Some(5));
    assert!(missing.stderr.contains("there is no such dead letter: id=0123456789ab"), "{}", missing.stderr);
}

#[tokio::test]
async fn settings_that_name_no_place_are_told_what_to_do() {
    let world = World::new(Kept::InAFile).await.expect("a file needs no server");
    let settings = world.settings("pass_through");
    let text = std::fs::read_to_string(&settings).expect("it is text");
    std::fs::write(&settings, text.replace("dead-letters = { file = \"failed.jsonl\" }\n", ""))
        .expect("it can be written");
    let refused = world.dead_letters(&["list"]).await;
    assert_eq!(refused.code, Some(3), "{}", refused.stderr);
    assert!(
        refused.stderr.contains("no such pipeline of the settings keeps dead letters"),
        "{}",
        refused.stderr
    );
    assert!(refused.stderr.contains("--stream, --file or --redis"), "{}", refused.stderr);
}
