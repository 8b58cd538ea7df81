//! Bad input of every kind: one clear message, what to do, and the documented exit code.

use crate::harness::{
    binaries,
    place::{Ended, Place},
    streams::Streams,
};

/// A settings file with one component and one stream.
fn settings(component: &str, stream: &str) -> String {
    format!(
        "application = \"test\"\n[pipelines.numbers]\nsource = {{ stream = \"{stream}\" }}\n\
         handler = {{ component = \"{component}\" }}\n"
    )
}

fn good_component() -> String {
    binaries::guest("pass_through").display().to_string()
}

/// One message on stderr, nothing on stdout, no backtrace.
fn assert_refused(ended: &Ended, code: i32, texts: &[&str]) {
    assert_eq!(ended.code, Some(code), "{ended:?}");
    for text in texts {
        assert!(ended.stderr.contains(text), "the message lacks {text:?}:\n{}", ended.stderr);
    }
    assert_eq!(ended.stdout, "");
    // A message begins with a cross, or with an x where the terminal may not know crosses.
    let messages = ended.stderr.lines().filter(|line| line.starts_with("  x ") || line.starts_with("  × "));
    assert_eq!(messages.count(), 1, "not one message:\n{}", ended.stderr);
    for text in ["ERROR", "WARN", "panicked", "backtrace"] {
        assert!(!ended.stderr.contains(text), "{text} beside the message:\n{}", ended.stderr);
    }
}

async fn check(place: &Place, text: &str) -> Ended {
    place.write("tidemill.toml", text);
    place.tidemill(&["check", "tidemill.toml"]).await
}

#[tokio::test]
async fn a_good_file_is_in_order() {
    let place = Place::new();
    let ended = check(&place, &settings(&good_component(), "numbers")).await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(ended.stdout.contains("pipeline numbers: pass_through@"), "{}", ended.stdout);
}

#[tokio::test]
async fn wrong_flags_end_with_2() {
    let ended = Place::new().tidemill(&["run", "--no-such-flag"]).await;
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.stderr.contains("--no-such-flag"), "{}", ended.stderr);
}

#[tokio::test]
async fn wrong_settings_end_with_3() {
    let place = Place::new();
    let good = settings(&good_component(), "numbers");
    let cases = [
        (good.replace("handler", "handlers"), vec!["unknown key `handlers`", "did you mean `handler`?"]),
        (
            good.replace("\"numbers\"", "\"arn:aws:sqs:eu-west-1:123456789012:numbers\""),
            vec!["not the ARN", "expected"],
        ),
        (good.replace("\"test\"", "\"test"), vec!["tidemill.toml"]),
        (String::new(), vec!["`application` is missing"]),
    ];
    for (text, expected) in cases {
        assert_refused(&check(&place, &text).await, 3, &expected);
    }
    assert_refused(&place.tidemill(&["run", "missing.toml"]).await, 3, &["file=missing.toml"]);
}

#[tokio::test]
async fn a_component_that_cannot_be_used_ends_with_4() {
    let place = Place::new();
    // Headers of WebAssembly: the magic number, then the version of a core module or of a component.
    let core_module = place.write("core.wasm", b"\0asm\x01\0\0\0");
    let empty_component = place.write("empty.wasm", b"\0asm\x0d\0\x01\0");
    let text_file = place.write("text.wasm", "no WebAssembly");
    let cases = [
        (core_module, vec!["a core module and not a component", "wasm32-wasip2"]),
        (empty_component, vec!["not a record handler", "tidemill:streams@0.1.0"]),
        (text_file, vec!["not WebAssembly"]),
        (place.path().join("missing.wasm"), vec!["cannot read the component", "missing.wasm"]),
    ];
    for (component, expected) in cases {
        let ended = check(&place, &settings(&component.display().to_string(), "numbers")).await;
        assert_refused(&ended, 4, &expected);
    }
}

#[tokio::test]
async fn streams_and_credentials_that_are_missing_end_with_5() {
    let (place, streams) = (Place::new(), Streams::start().await);
    place.write("tidemill.toml", settings(&good_component(), "no-such-stream"));
    let run = ["run", "tidemill.toml", "--endpoint-url", streams.url()];
    let create = "tidemill streams create no-such-stream --shards";
    assert_refused(&place.tidemill(&run).await, 5, &["no such stream", "no-such-stream", create]);

    let tail = ["tail", "no-such-stream", "--endpoint-url", streams.url()];
    assert_refused(&place.tidemill(&tail).await, 5, &["no such stream"]);

    let no_credentials = place.tidemill(&["run", "tidemill.toml", "--region", "eu-west-1"]).await;
    assert_refused(&no_credentials, 5, &["no AWS credentials", "AWS_PROFILE"]);

    let no_region = place.tidemill(&["streams", "list"]).await;
    assert_refused(&no_region, 5, &["region"]);

    let nobody_listens = place.tidemill(&["streams", "list", "--endpoint-url", "http://127.0.0.1:1"]).await;
    assert_refused(&nobody_listens, 5, &["--endpoint-url"]);
}

#[tokio::test]
async fn lines_that_cannot_be_put_end_with_6_and_are_named() {
    let (place, streams) = (Place::new(), Streams::start().await);
    streams.create("numbers", 1).await;
    place.write("lines.jsonl", "{\"n\":1}\nno JSON\n{\"n\":3}\n");
    let put = ["put", "numbers", "lines.jsonl", "--partition-key", "/n", "--endpoint-url", streams.url()];
    let ended = place.tidemill(&put).await;
    assert_eq!(ended.code, Some(6), "{ended:?}");
    assert!(ended.stderr.contains("line 2: "), "{}", ended.stderr);
    assert_eq!(streams.documents("numbers").await, ["{\"n\":1}", "{\"n\":3}"]);
}
