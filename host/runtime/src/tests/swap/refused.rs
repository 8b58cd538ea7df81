//! Components that are not let in, each for its reason, and the running one that does not notice.

use std::time::Duration;

use super::*;
use crate::{Sandbox, tests::support::ENGINE};

/// A running `blue` that has handled records which trouble others.
async fn running() -> ComponentHandler {
    let sandbox = Sandbox { deadline: Duration::from_secs(2), ..Sandbox::default() };
    let handler = load_with("blue", HandlerSettings::within("blue", sandbox)).await;
    said(&handler, &batch(&["good", "trap green", "spin"])).await;
    handler
}

/// Refuses it, says so, and goes on as before.
async fn refuses(handler: &ComponentHandler, component: Arc<Artifact>, expected: &str) {
    let refused = handler.apply(&only(component)).await.unwrap_err();
    assert!(refused.0.contains(expected), "{refused} does not say {expected:?}");
    let status = handler.status();
    assert_eq!((status.component.generation, status.candidate), (1, None), "{expected}");
    assert_eq!(said(handler, &batch(&["after"])).await, ["blue 1 after"]);
    assert!(handler.drained().await, "nothing is left of it: {expected}");
}

fn of_text(text: &str) -> Arc<Artifact> {
    of_bytes(wat::parse_str(text).unwrap())
}

fn of_bytes(bytes: Vec<u8>) -> Arc<Artifact> {
    Arc::new(Artifact { from: "given".to_owned(), digest: artifact::digest_of(&bytes), bytes: bytes.into() })
}

#[tokio::test]
async fn what_is_no_handler_is_refused() {
    let handler = running().await;
    let mut broken = built("green").bytes.to_vec();
    broken.truncate(broken.len() / 2);
    let cases = [
        (of_bytes(b"#!/bin/sh".to_vec()), "not WebAssembly"),
        (of_text("(module)"), "a core module and not a component"),
        (of_bytes(broken), "cannot compile the component"),
        (of_text("(component)"), "not a record handler"),
        (built("processor_json"), "not a record handler: it is a processor"),
        (built("fault_start_trap"), "unreachable"),
        (built("fault_start_spin"), "no answer in time, deadline=2s"),
        (built("fault_memory_claim"), "memory_bytes="),
    ];
    for (component, expected) in cases {
        refuses(&handler, component, expected).await;
    }
}

#[tokio::test]
async fn a_component_that_fails_on_what_the_running_one_handled_is_refused() {
    let handler = running().await;
    refuses(&handler, built("green"), "record index=1 asks for a trap").await;
    refuses(&handler, built("fault_stillborn"), "there is no way to begin").await;
    refuses(&handler, built("fault_return_spin"), "was tried out and ran past its deadline").await;
}

#[tokio::test]
async fn samples_of_the_settings_go_before_what_was_handled() {
    let rollout = RolloutSettings { samples: vec!["fail green".into()], ..RolloutSettings::default() };
    let handler = blue(rollout).await;
    refuses(&handler, built("green"), "was tried out and failed the batch: a record asks for it").await;
}

#[tokio::test]
async fn bytes_of_another_digest_are_refused() {
    let handler = running().await;
    let other = Artifact { digest: built("green").digest.clone(), ..(*built("pass_through")).clone() };
    refuses(&handler, Arc::new(other), "damaged on its way").await;
}

#[tokio::test]
async fn a_component_that_asks_for_more_is_refused_until_that_is_allowed() {
    let handler = load_with("pass_through_list", HandlerSettings::new("list")).await;
    let errand = built("errand");
    let refused = handler.apply(&only(Arc::clone(&errand))).await.unwrap_err().0;
    assert!(refused.contains("--allow network,files, from="), "{refused}");
    assert_eq!(handler.status().component.generation, 1);
    let allowing = |names: &[&str]| Wanted {
        allow: names.iter().map(|&name| name.to_owned()).collect(),
        ..only(Arc::clone(&errand))
    };
    let refused = handler.apply(&allowing(&["network", "http"])).await.unwrap_err().0;
    assert!(refused.contains("--allow files, from="), "{refused}");
    assert!(handler.apply(&allowing(&["network", "files"])).await.unwrap().has_changed);
    let other = load_with("pass_through_list", HandlerSettings::new("list")).await;
    assert!(other.apply(&allowing(&["all"])).await.unwrap().has_changed);
}

#[tokio::test]
async fn trials_that_cannot_be_are_refused() {
    let handler = running().await;
    let refused = async |handler: &ComponentHandler, trial| {
        handler.apply(&tried("blue", "pass_through", trial)).await.unwrap_err().0
    };
    assert!(refused(&handler, Trial::Keys { percent: 0 }).await.contains("percent=0"));
    assert!(refused(&handler, Trial::Keys { percent: 101 }).await.contains("percent=101"));
    assert!(refused(&handler, Trial::Shards(BTreeSet::new())).await.contains("name one"));
    let same = handler.apply(&tried("blue", "blue", Trial::Shadow)).await.unwrap_err();
    assert!(same.0.contains("the candidate is what runs already"), "{same}");
    let manual = HandlerSettings { makes_checkpoints: true, ..HandlerSettings::new("blue") };
    let manual = ComponentHandler::load(&ENGINE, &built("blue"), manual).await.unwrap();
    assert!(
        refused(&manual, Trial::Keys { percent: 10 }).await.contains("try the candidate with whole shards")
    );
}
