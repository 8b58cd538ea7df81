//! Candidates that run beside the stable component and whose outcomes are only compared.

use tidemill_engine::deploy::TrialFigures;

use super::*;

async fn with_shadow(stable: &str, candidate: &str) -> ComponentHandler {
    let handler = load_with(stable, HandlerSettings::new(stable)).await;
    handler.apply(&tried(stable, candidate, Trial::Shadow)).await.unwrap();
    handler
}

/// The figures once the shadow is done with so many batches; it has nobody who waits for it.
async fn figures_of(handler: &ComponentHandler, batches: u64) -> TrialFigures {
    loop {
        let figures = handler.status().figures.unwrap();
        if figures.batches >= batches && handler.shadows.are_done() {
            return figures;
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_shadow_that_says_the_same_differs_in_nothing() {
    let handler = with_shadow("pass_through", "pass_through_list").await;
    for number in 1..=5 {
        assert_eq!(said(&handler, &batch(&["a", "b"])).await, ["a", "b"]);
        let figures = figures_of(&handler, number).await;
        assert_eq!((figures.different, figures.failed, figures.passed_over), (0, 0, 0));
    }
}

#[tokio::test]
async fn differences_of_a_shadow_are_counted_and_reach_nobody() {
    let handler = with_shadow("pass_through", "green").await;
    for number in 1..=3 {
        assert_eq!(said(&handler, &batch(&["a", "b"])).await, ["a", "b"]);
        assert_eq!(figures_of(&handler, number).await.different, number);
    }
    assert_eq!(said(&handler, &batch(&["trap green"])).await, ["trap green"]);
    let figures = figures_of(&handler, 4).await;
    assert_eq!((figures.different, figures.failed), (4, 1));
}

#[tokio::test]
async fn a_shadow_that_is_busy_is_passed_over_and_holds_up_nothing() {
    let handler = with_shadow("pass_through", "fault_spin").await;
    for _ in 0..4 {
        assert_eq!(said(&handler, &batch(&["spin"])).await, ["spin"]);
    }
    assert_eq!(said(&handler, &batch_of("shardId-000000000001", &["good"])).await, ["good"]);
    let figures = handler.status().figures.unwrap();
    assert_eq!(figures.passed_over, 3, "one a lane is under way");
    handler.apply(&only(built("pass_through"))).await.unwrap();
    assert_eq!(handler.status().candidate, None);
}

#[tokio::test]
async fn a_batch_that_the_stable_one_fails_says_nothing_of_its_shadow() {
    let handler = with_shadow("blue", "green").await;
    assert!(handler.handle(&batch(&["fail blue", "fail green"])).await.is_err());
    assert_eq!(figures_of(&handler, 0).await.failed, 0);
    said(&handler, &batch(&["after"])).await;
    let figures = figures_of(&handler, 1).await;
    assert_eq!((figures.batches, figures.failed), (1, 0));
}
