//! Components on probation: what fails on them goes to the one before, and so does everything if too much fails.

use std::time::Duration;

use tidemill_engine::deploy::Verdict;

use super::*;

fn rollout() -> RolloutSettings {
    RolloutSettings {
        probation: Duration::from_secs(60),
        max_error_percent: 10.0,
        min_batches: 20,
        ..RolloutSettings::default()
    }
}

#[tokio::test]
async fn a_component_that_fails_goes_back_by_itself_and_loses_nothing() {
    let handler = blue(rollout()).await;
    said(&handler, &batch(&["a"])).await;
    deploy(&handler, "green").await.unwrap();
    assert_eq!(said(&handler, &batch(&["b"])).await, ["green 2 b"]);
    for number in 1..=3 {
        let status = handler.status();
        assert_eq!(status.component.generation, 2, "after {} failures", number - 1);
        assert_eq!(said(&handler, &batch(&["x", "fail green"])).await, ["blue 1 x", "blue 1 fail green"]);
    }
    let status = handler.status();
    assert_eq!((status.component.generation, status.component.digest), (3, built("blue").digest.clone()));
    assert_eq!(status.figures, None);
    let Verdict::Bad(reason) = handler.verdict().await else { panic!("it did badly") };
    assert!(reason.contains("failed=3 batches=4"), "{reason}");
    assert_eq!(said(&handler, &batch(&["fail green"])).await, ["blue 3 fail green"]);
    assert!(handler.drained().await);
    let applied = deploy(&handler, "blue").await.unwrap();
    assert_eq!((applied.has_changed, applied.generation), (false, 3), "whoever records it finds it done");
}

#[tokio::test(start_paused = true)]
async fn a_component_that_does_well_stays_and_the_one_before_goes() {
    let handler = blue(rollout()).await;
    said(&handler, &batch(&["a"])).await;
    deploy(&handler, "green").await.unwrap();
    said(&handler, &batch(&["b"])).await;
    assert!(handler.status().figures.is_some());
    assert_eq!(handler.verdict().await, Verdict::Good, "the time is over though nothing happens");
    assert_eq!(handler.status().figures, None);
    assert!(handler.drained().await);
    assert!(handler.handle(&batch(&["fail green"])).await.is_err(), "nobody is left to ask");
    assert!(tokio::time::timeout(Duration::from_secs(600), handler.verdict()).await.is_err());
}

#[tokio::test]
async fn without_probation_the_one_before_goes_at_once() {
    let handler = blue(RolloutSettings { probation: Duration::ZERO, ..rollout() }).await;
    said(&handler, &batch(&["a"])).await;
    deploy(&handler, "green").await.unwrap();
    assert_eq!(handler.status().figures, None);
    assert!(handler.drained().await);
    assert!(handler.handle(&batch(&["fail green"])).await.is_err());
}

#[tokio::test]
async fn a_slow_component_goes_back() {
    let handler = blue(RolloutSettings { min_batches: 3, max_slowdown: 2.0, ..rollout() }).await;
    for _ in 0..3 {
        said(&handler, &batch(&["a"])).await;
    }
    deploy(&handler, "green").await.unwrap();
    for _ in 0..3 {
        said(&handler, &batch(&["spin green"])).await;
    }
    let Verdict::Bad(reason) = handler.verdict().await else { panic!("it is slow") };
    assert!(reason.starts_with("a record takes too long"), "{reason}");
    assert_eq!(handler.status().component.generation, 3);
}

#[tokio::test]
async fn where_checkpoints_are_the_handlers_nothing_is_handled_again_and_too_much_goes_back_all_the_same() {
    let settings =
        HandlerSettings { makes_checkpoints: true, rollout: rollout(), ..HandlerSettings::new("blue") };
    let handler = load_with("blue", settings).await;
    said(&handler, &batch(&["a"])).await;
    deploy(&handler, "green").await.unwrap();
    for _ in 0..3 {
        assert!(handler.handle(&batch(&["fail green"])).await.is_err());
    }
    assert!(matches!(handler.verdict().await, Verdict::Bad(_)));
    assert_eq!(said(&handler, &batch(&["fail green"])).await, ["blue 3 fail green"]);
}
