//! `tidemill local` with a folder: what it acknowledged is there after a kill.

use std::collections::BTreeSet;

use crate::harness::{host::Host, place::Place};

/// Documents in each of two files.
const DOCUMENTS: usize = 2_000;

#[tokio::test]
async fn what_the_embedded_kinesis_acknowledged_survives_a_kill_and_more_is_put_behind_it() {
    let place = Place::new();
    let local = place.local().await;
    let created = on(&local, &place, &["streams", "create", "kept", "--shards", "2"]).await;
    assert!(created.contains("kept"), "{created}");
    put(&local, &place, 0).await;
    local.kill().await;

    let local = place.local().await;
    put(&local, &place, 1).await;
    let limit = (2 * DOCUMENTS).to_string();
    let tail = ["tail", "kept", "--from", "trim-horizon", "--processor", "string", "--limit", &limit];
    let out = on(&local, &place, &tail).await;
    let found: BTreeSet<&str> = out.lines().collect();
    assert_eq!((found.len(), out.lines().count()), (2 * DOCUMENTS, 2 * DOCUMENTS));
    assert!((0..2).all(|round| found.contains(document(round, DOCUMENTS - 1).as_str())));
    let ended = local.terminate().await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
}

async fn put(local: &Host, place: &Place, round: usize) {
    let documents: String = (0..DOCUMENTS).map(|number| document(round, number) + "\n").collect();
    let file = place.write(&format!("{round}.txt"), documents);
    let file = file.to_str().expect("the folder's name is text");
    on(local, place, &["put", "kept", file, "--processor", "string"]).await;
}

fn document(round: usize, number: usize) -> String {
    format!("{round}-{number}")
}

/// Runs a command of `tidemill` against the embedded Kinesis, and answers its stdout.
async fn on(local: &Host, place: &Place, arguments: &[&str]) -> String {
    let url = local.url();
    let ended = place.tidemill(&[arguments, &["--endpoint-url", &url]].concat()).await;
    assert_eq!(ended.code, Some(0), "{arguments:?}: {}", ended.stderr);
    ended.stdout
}
