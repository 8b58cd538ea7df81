//! What is told of component files, and what is kept of them.

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt,
    path::PathBuf,
};

use serde_json::{Value, json};

use crate::harness::{binaries, place::Place};

#[tokio::test]
async fn a_component_is_shown_with_what_it_asks_for() {
    let (place, guest) = (Place::new(), binaries::guest("fault_probe").display().to_string());
    let ended = place.tidemill(&["inspect", &guest]).await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let lines: Vec<&str> = ended.stdout.lines().map(str::trim).collect();
    let expected = [
        "kind          component",
        "worlds        packed-handler",
        "capabilities  network       only what allow.connect grants",
        "files         only what allow.folders grants",
        "environment   only what allow.environment grants",
        "stdio         always there",
        "exports       tidemill:streams@0.1.0  packed-record-handler",
    ];
    for line in expected {
        assert!(lines.contains(&line), "there is no line {line:?}:\n{}", ended.stdout);
    }
}

#[tokio::test]
async fn scripts_get_the_same_as_json() {
    let (place, guest) = (Place::new(), binaries::guest("pass_through").display().to_string());
    let ended = place.tidemill(&["inspect", "--json", &guest]).await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let shown: Value = serde_json::from_str(&ended.stdout).expect("it is JSON");
    let bytes = fs::metadata(&guest).expect("it is there").len();
    assert_eq!((&shown["kind"], &shown["bytes"]), (&json!("component"), &json!(bytes)));
    assert_eq!((&shown["worlds"], &shown["refused"]), (&json!(["packed-handler"]), &Value::Null));
    assert_eq!(shown["exports"], json!(["tidemill:streams/packed-record-handler@0.1.0"]));
    assert_eq!(shown["digest"].as_str().map(str::len), Some(64));
    let capabilities = json!([
        { "name": "environment", "granted-by": "allow.environment" },
        { "name": "stdio", "granted-by": null },
    ]);
    assert_eq!(shown["capabilities"], capabilities);
}

#[tokio::test]
async fn what_a_host_would_refuse_is_shown_too_and_ends_with_4() {
    let place = Place::new();
    place.write("core.wasm", b"\0asm\x01\0\0\0");
    let ended = place.tidemill(&["inspect", "core.wasm"]).await;
    assert_eq!(ended.code, Some(4), "{}", ended.stderr);
    for text in ["kind          core module", "worlds        none", "refused       a core module and not"] {
        assert!(ended.stdout.contains(text), "{}", ended.stdout);
    }
    let ended = place.tidemill(&["inspect", "no-such.wasm"]).await;
    assert_eq!(ended.code, Some(4), "{}", ended.stderr);
    assert!(ended.stderr.contains("cannot read the component"), "{}", ended.stderr);
}

/// Files of the cache but for its key.
fn kept(place: &Place) -> Vec<PathBuf> {
    let folder = place.path().join(".cache/tidemill");
    let entries = fs::read_dir(folder).into_iter().flatten();
    let paths = entries.map(|entry| entry.expect("the folder can be read").path());
    paths.filter(|path| !path.ends_with("key")).collect()
}

#[tokio::test]
async fn what_was_compiled_is_kept_and_what_was_tampered_with_is_compiled_anew() {
    let (place, guest) = (Place::new(), binaries::guest("pass_through").display().to_string());
    let inspect = async || {
        let ended = place.tidemill(&["inspect", &guest]).await;
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        (ended.stdout, ended.stderr)
    };
    let (first, _) = inspect().await;
    let files = kept(&place);
    assert_eq!(files.len(), 1, "{files:?}");
    let good = fs::read(&files[0]).expect("it can be read");
    assert_eq!(inspect().await, (first.clone(), String::new()));

    let mut bad = good.clone();
    let middle = bad.len() / 2;
    bad[middle] ^= 1;
    fs::write(&files[0], bad).expect("it can be written");
    assert_eq!(inspect().await, (first.clone(), String::new()), "what was tampered with changes nothing");
    assert_eq!(fs::read(&files[0]).expect("it can be read"), good, "and it is replaced");

    let folder = place.path().join(".cache/tidemill");
    fs::set_permissions(folder, Permissions::from_mode(0o777)).expect("it is ours");
    let (shown, log) = inspect().await;
    assert_eq!(shown, first, "without a cache everything works");
    assert!(log.contains("compiled components are not kept") && log.contains("mode 700"), "{log}");
}

#[tokio::test]
async fn settings_say_where_compiled_components_are_kept_if_anywhere() {
    let (place, guest) = (Place::new(), binaries::guest("pass_through").display().to_string());
    let check = async |deploy: &str| {
        let settings = format!(
            "application = \"test\"\n{deploy}\n[pipelines.p]\nsource = {{ stream = \"s\" }}\n\
             handler = {{ component = \"{guest}\" }}\n"
        );
        place.write("tidemill.toml", settings);
        let ended = place.tidemill(&["check", "tidemill.toml"]).await;
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    };
    check("[deploy]\ncache = false").await;
    assert!(kept(&place).is_empty());
    check("[deploy]\ncache = \"here\"").await;
    assert!(kept(&place).is_empty());
    assert_eq!(fs::read_dir(place.path().join("here")).expect("it is there").count(), 2);
    check("").await;
    assert_eq!(kept(&place).len(), 1);
}
