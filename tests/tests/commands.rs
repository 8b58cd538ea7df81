//! The commands of README and documents are run as they stand: every ```sh block, page by page, in one shell.
//!
//! A command that runs until it is stopped goes on beside the others, as in a terminal of its own, and is stopped at the
//! end of its page, when it has to exit with 0. The port that pages name is replaced by one that is free. What cannot
//! be run is listed with the reason.

use std::{fs, net::TcpListener, path::Path};

use tokio::process::Command;

use crate::{
    harness::{binaries, place::Place},
    tidy::tree::{Tree, root},
};

/// The port of a Kinesis that pages name.
const PAGE_PORT: &str = "4567";
/// The port of ingest that pages name.
const PAGE_INGEST_PORT: &str = "4568";

/// Blocks that are not run, by the first words of a line in them, and why.
const NOT_RUN: [(&str, &str); 9] = [
    ("cargo xtask demo", "Continuous integration runs it by itself, with the binary of the tests."),
    ("cargo xtask test", "It is what runs this test."),
    ("cargo xtask sim", "Continuous integration runs it by itself."),
    ("tidemill dead-letters", "It needs records that failed; tests/tests/failures has some."),
    ("cargo install", "It compiles the program once more; the tests have one."),
    ("cargo xtask guests", "The tests have the components built already."),
    ("cargo build --package tidemill-cli", "The tests have it built already."),
    (
        "tidemill checkpoints import --from",
        "It needs what another library keeps; tests/tests/checkpoints has that.",
    ),
    (
        "tidemill checkpoints export --to",
        "It needs where another library keeps it; tests/tests/checkpoints has that.",
    ),
];

/// Stands for `tidemill` in the shell.
const BEFORE: &str = r#"
hosts=
trap 'kill -9 $hosts 2>/dev/null || true' EXIT
tidemill() {
    case "$1" in
        run) stands='^pipeline ' ;;
        local) stands='^kinesis at ' && set -- "$@" --port "$PORT" ;;
        serve-put) stands='^ingest at ' && set -- "$@" --listen "127.0.0.1:$INGEST_PORT" ;;
        *) "$TIDEMILL" "$@"; return ;;
    esac
    "$TIDEMILL" "$@" > "output of $1" &
    hosts="$hosts $!"
    until grep -qs "$stands" "output of $1"; do
        kill -0 $!
        sleep 0.1
    done
}
"#;
/// Stops what still runs, the last first: a host needs its streams until it has drained.
const AFTER: &str = r#"
for host in $(printf '%s\n' $hosts | sort -rn); do
    kill -TERM "$host"
    wait "$host"
done
hosts=
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

/// The example of the guest library is compiled with its documentation.
#[test]
fn the_handler_in_the_readme_is_the_example_of_the_guest_library() {
    let tree = Tree::of_the_repository();
    let readme = &tree.file("README.md").expect("there is a README").text;
    let library = &tree.file("guests/sdk/src/lib.rs").expect("there is a guest library").text;
    let documented: String = library
        .lines()
        .filter_map(|line| line.strip_prefix("//!"))
        .fold(String::new(), |text, line| text + line.strip_prefix(' ').unwrap_or(line) + "\n");
    let handlers = blocks(readme, "rust");
    assert_eq!(handlers[0], blocks(&documented, "")[0]);
}

async fn run(path: &str, text: &str, script: &str) {
    let place = Place::new();
    let (port, ingest_port) = (free_port(), free_port());
    let with_port = |text: &str| text.replace(PAGE_PORT, &port).replace(PAGE_INGEST_PORT, &ingest_port);
    copy(&root().join("examples"), &place.path().join("examples"), &with_port);
    std::os::unix::fs::symlink(root().join("guests"), place.path().join("guests"))
        .expect("the folder can be written");
    for settings in blocks(text, "toml").iter().filter(|block| block.contains("[pipelines.")) {
        place.write("tidemill.toml", with_port(settings));
    }
    let mut shell = Command::new("sh");
    shell.arg("-eu").arg("-c").arg([BEFORE, &with_port(script), AFTER].concat()).current_dir(place.path());
    shell.env("TIDEMILL", binaries::tidemill()).env("PORT", &port).env("INGEST_PORT", &ingest_port);
    let ended = place.end(&mut shell).await;
    assert_eq!(ended.code, Some(0), "the commands of {path} failed:\n{}\n{}", ended.stdout, ended.stderr);
}

/// A port that nobody listens on.
fn free_port() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port is to be had");
    listener.local_addr().expect("it listens").port().to_string()
}

/// Copies a folder, its settings files with the port that is used here.
fn copy(from: &Path, to: &Path, with_port: &impl Fn(&str) -> String) {
    fs::create_dir(to).expect("the folder can be written");
    for entry in fs::read_dir(from).expect("the folder can be read") {
        let path = entry.expect("the folder can be read").path();
        let target = to.join(path.file_name().expect("an entry has a name"));
        if path.is_dir() {
            copy(&path, &target, with_port);
        } else if path.extension().is_some_and(|extension| extension == "toml") {
            let text = fs::read_to_string(&path).expect("settings are text");
            fs::write(&target, with_port(&text)).expect("the folder can be written");
        } else {
            fs::copy(&path, &target).expect("the folder can be written");
        }
    }
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
