//! The commands of README and documents are run as they stand: every ```sh block, page by page, in one shell.
//!
//! The streams are those of the test in place of the port that the page names. A command that runs until it is
//! stopped is stopped once it stands. What cannot be run is listed with the reason.

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use tokio::process::Command;

use crate::{
    harness::{binaries, place::Place, streams::Streams},
    tidy::tree::Tree,
};

/// Where pages expect the embedded Kinesis.
const PAGE_URL: &str = "http://127.0.0.1:4567";

/// Blocks that are not run, by the first words of a line in them, and why.
const NOT_RUN: [(&str, &str); 3] = [
    ("cargo xtask demo", "Continuous integration runs it by itself, with the binary of the tests."),
    ("cargo xtask test", "It is what runs this test."),
    ("cargo install", "It compiles the program once more; the tests have one."),
];

/// Stands for `tidemill` in the shell: commands that would run for ever are stopped when they stand.
const STAND_IN: &str = r#"#!/bin/sh
case "$1" in
    run) stands='^pipeline ' ;;
    local) stands='^kinesis at ' && set -- "$@" --port 0 ;;
    *) exec "$REAL_TIDEMILL" "$@" ;;
esac
"$REAL_TIDEMILL" "$@" > stdout &
until grep -q "$stands" stdout; do
    kill -0 $! || exit 1
    sleep 0.1
done
kill -TERM $!
wait $!
"#;

#[tokio::test]
async fn every_command_on_a_page_works() {
    let tree = Tree::of_the_repository();
    let mut ran = Vec::new();
    for page in tree.with_extension("md").filter(|page| !page.path.starts_with("docs/decisions/")) {
        let script =
            blocks(&page.text, "sh").into_iter().filter(|block| !is_left_out(block)).collect::<String>();
        if !script.is_empty() {
            run(&page.path, &page.text, &script).await;
            ran.push(&page.path);
        }
    }
    assert!(
        ran.iter().any(|path| *path == "README.md"),
        "the README has commands, and none was run: {ran:?}"
    );
}

#[test]
fn every_exception_is_needed() {
    let tree = Tree::of_the_repository();
    let blocks: Vec<String> = tree.with_extension("md").flat_map(|page| blocks(&page.text, "sh")).collect();
    for (start, reason) in NOT_RUN {
        assert!(blocks.iter().any(|block| has_line(block, start)), "no page says {start}");
        assert!(reason.ends_with('.'), "the reason for {start} is no sentence");
    }
}

async fn run(path: &str, text: &str, script: &str) {
    let (place, streams) = (Place::new(), Streams::start().await);
    for folder in ["examples", "guests"] {
        let target = crate::tidy::tree::root().join(folder);
        std::os::unix::fs::symlink(target, place.path().join(folder)).expect("the folder can be written");
    }
    for settings in blocks(text, "toml").iter().filter(|block| block.contains("[pipelines.")) {
        place.write("tidemill.toml", settings.replace(PAGE_URL, streams.url()));
    }
    let stand_in = place.write("tidemill", STAND_IN);
    fs::set_permissions(&stand_in, fs::Permissions::from_mode(0o755)).expect("it is our file");
    let mut shell = Command::new("sh");
    shell.arg("-eu").arg("-c").arg(script.replace(PAGE_URL, streams.url())).current_dir(place.path());
    shell.env("PATH", search_path(place.path())).env("REAL_TIDEMILL", binaries::tidemill());
    shell.env("AWS_ACCESS_KEY_ID", "any").env("AWS_SECRET_ACCESS_KEY", "any");
    let ended = place.end(&mut shell).await;
    assert_eq!(ended.code, Some(0), "the commands of {path} failed:\n{}\n{}", ended.stdout, ended.stderr);
}

/// The folder of the stand-in before everything else.
fn search_path(folder: &Path) -> String {
    format!("{}:{}", folder.display(), std::env::var("PATH").unwrap_or_default())
}

fn is_left_out(block: &str) -> bool {
    NOT_RUN.iter().any(|(start, _)| has_line(block, start))
}

fn has_line(block: &str, start: &str) -> bool {
    block.lines().any(|line| line.starts_with(start))
}

/// The fenced blocks of a language.
fn blocks(page: &str, language: &str) -> Vec<String> {
    let fence = format!("```{language}\n");
    page.split(fence.as_str())
        .skip(1)
        .filter_map(|rest| rest.split("```").next())
        .map(str::to_owned)
        .collect()
}
