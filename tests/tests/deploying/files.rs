//! A component's file that changes while the host runs.

use std::fs;

use super::{QUICK, bytes, handler, load::Load, runs, settings};
use crate::harness::{place::Place, streams::Streams};

#[tokio::test]
async fn a_changed_file_is_swapped_and_a_bad_one_leaves_the_running_one() {
    let (place, streams) = (Place::new(), Streams::start().await);
    let mut load = Load::new(&streams, 2).await;
    let host = place.run(&settings(&place, streams.url(), "pass_through", QUICK)).await;
    load.comes_out(3).await;
    runs(&place, &host, "pass_through").await;

    // As `cp` does it: the file grows while it is looked at.
    let next = bytes("pass_through_list");
    for length in [next.len() / 3, next.len() / 2] {
        place.write("handler.wasm", &next[..length]);
        load.round().await;
    }
    fs::rename(place.write("new.wasm", &next), place.path().join("handler.wasm")).expect("it is one folder");
    let status = load.until("the changed file runs", async || {
        let status = handler(&place, &host).await;
        (status["slot"]["component"]["digest"] == super::digest("pass_through_list")).then_some(status)
    });
    let generation = status.await["slot"]["component"]["generation"].as_u64();
    assert!(generation >= Some(2), "{generation:?}");

    place.write("handler.wasm", "no component at all");
    host.logged(&["ERROR", "refused: what ran before goes on", "not WebAssembly"]).await;
    load.all_came_out_once().await;
    runs(&place, &host, "pass_through_list").await;
    assert_eq!(host.terminate().await.code, Some(0));
}

#[tokio::test]
async fn sighup_has_a_host_look_at_its_files_though_it_does_not_watch_them() {
    let (place, streams) = (Place::new(), Streams::start().await);
    let mut load = Load::new(&streams, 1).await;
    let unwatched = QUICK.replace("interval", "watch = false\ninterval");
    let host = place.run(&settings(&place, streams.url(), "pass_through", &unwatched)).await;
    load.comes_out(1).await;
    place.write("handler.wasm", bytes("pass_through_list"));
    load.comes_out(3).await;
    runs(&place, &host, "pass_through").await;
    host.hang_up();
    runs(&place, &host, "pass_through_list").await;
    load.all_came_out_once().await;
    assert_eq!(host.terminate().await.code, Some(0));
}
