//! A handler that answers as a function of AWS Lambda does.

use serde_json::{Value, json};

use crate::harness::{
    place::{Pipeline, Place},
    streams::Streams,
    until,
};

#[tokio::test]
async fn what_a_function_names_as_failed_is_given_again_with_everything_behind_it_and_the_rest_is_not() {
    let (place, streams) = (Place::new(), Streams::start().await);
    streams.create("in", 1).await;
    let documents: Vec<Value> = (0..40)
        .map(|number| match number {
            10 => json!({ "number": number, "fail": 1 }),
            25 => json!({ "number": number, "fail": 2 }),
            30 => json!({ "number": number, "misname": 3 }),
            _ => json!({ "number": number }),
        })
        .collect();
    streams.put("in", documents.iter().map(|document| ("key", document))).await;
    let pipeline = Pipeline { handler: "batch-records = 40", ..Pipeline::new("in", "lambda_style") };
    let host = place.run(&place.settings(streams.url(), &[pipeline])).await;
    until("everything came out", async || (streams.documents("in-out").await.len() >= 40).then_some(()))
        .await;
    let ended = host.terminate().await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let out: Vec<Value> = streams
        .documents("in-out")
        .await
        .iter()
        .map(|line| serde_json::from_str(line).expect("it is JSON"))
        .collect();
    assert_eq!(out, documents, "in order, and none twice");
}

#[tokio::test]
async fn of_what_a_function_keeps_failing_on_only_the_records_that_it_names_first_are_given_up() {
    let (place, streams) = (Place::new(), Streams::start().await);
    streams.create("in", 1).await;
    let is_bad = |number: &u32| [7, 8, 33].contains(number);
    let document = |number: u32| match is_bad(&number) {
        true => json!({ "number": number, "fail": 1_000 }),
        false => json!({ "number": number }),
    };
    streams.put("in", (0..40).map(|number| ("key", document(number)))).await;
    let pipeline = Pipeline {
        handler: "batch-records = 40\nattempts = 2",
        more: "dead-letters = { file = \"failed.jsonl\" }",
        ..Pipeline::new("in", "lambda_style")
    };
    let host = place.run(&place.settings(streams.url(), &[pipeline])).await;
    until("everything else came out", async || (streams.documents("in-out").await.len() >= 37).then_some(()))
        .await;
    let ended = host.terminate().await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let out = streams.documents("in-out").await;
    let expected: Vec<String> =
        (0..40).filter(|number| !is_bad(number)).map(|number| document(number).to_string()).collect();
    assert_eq!(out, expected, "in order, and none twice");
    let kept = std::fs::read_to_string(place.path().join("failed.jsonl")).expect("it is text");
    assert_eq!(kept.lines().count(), 3, "{kept}");
    assert!(
        kept.lines()
            .zip([7, 8, 33])
            .all(|(line, number)| line.contains(&format!("\\\"number\\\":{number}}}")))
    );
}
