//! Which crate may name what: the table of docs/architecture.md, kept.

use super::{
    Finding,
    tree::{SourceFile, Tree},
};

/// A crate and what it must never name, in its manifest or in its sources.
const FORBIDDEN: [(&str, &[&str]); 6] = [
    (
        "host/processors",
        &["tokio", "aws_", "aws-", "wasmtime", "redis", "clap", "tidemill_engine", "tidemill-engine"],
    ),
    ("host/engine", &["aws_", "aws-", "wasmtime", "redis", "redb", "clap", "axum", "hyper"]),
    ("host/backends", &["wasmtime", "clap", "axum"]),
    ("host/local-kinesis", &["aws_", "aws-", "wasmtime", "clap"]),
    ("host/runtime", &["aws_", "aws-", "redis", "redb", "clap", "axum"]),
    ("host/xtask", &["tokio", "tidemill-", "tidemill_", "wasmtime"]),
];

/// Crates that name what is not theirs.
pub fn crossings(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (home, forbidden) in FORBIDDEN {
        let manifest = tree.file(&format!("{home}/Cargo.toml")).expect("every crate of the table exists");
        findings.extend(dependencies(manifest).filter_map(|name| {
            let word = forbidden.iter().find(|word| name.starts_with(**word))?;
            Some(finding(manifest, format!("depends on {name}, and {home} must never name {word}")))
        }));
        let sources = tree.rust().filter(|file| file.path.starts_with(&format!("{home}/src/")));
        for file in sources {
            for (number, line) in file.lines().filter(|(_, line)| !line.trim_start().starts_with("//")) {
                let word = forbidden.iter().find(|word| names(line, word));
                findings.extend(word.map(|word| finding(file, format!("line {number} names {word}"))));
            }
        }
    }
    findings
}

/// Names of what a manifest depends on for more than tests.
fn dependencies(manifest: &SourceFile) -> impl Iterator<Item = &str> {
    let section = manifest.text.split("\n[dependencies]\n").nth(1).unwrap_or_default();
    let own = section.split("\n[").next().unwrap_or_default();
    own.lines().filter_map(|line| line.split(['.', ' ', '=']).next()).filter(|name| !name.is_empty())
}

/// Whether code uses a crate: its name begins a path, or is imported. A crate's name as a word in a text does not count.
fn names(line: &str, crate_name: &str) -> bool {
    let code = line.split('"').step_by(2);
    code.into_iter().any(|part| {
        part.match_indices(crate_name).any(|(at, _)| {
            let before = part[..at].chars().next_back();
            let starts_a_word = before.is_none_or(|c| !c.is_alphanumeric() && c != '_' && c != '.');
            let word: String = part[at..].chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            let after = &part[at + word.len()..];
            starts_a_word
                && (after.starts_with("::")
                    || (part.trim_start().starts_with("use ") && after.starts_with(';')))
        })
    })
}

fn finding(file: &SourceFile, detail: String) -> Finding {
    Finding { check: "layer", path: file.path.clone(), detail }
}

#[test]
fn a_crate_is_named_by_a_path_and_not_by_a_text() {
    assert!(
        names("use aws_sdk_kinesis::Client;", "aws_") && names("    wasmtime::Engine::new()", "wasmtime")
    );
    assert!(
        !names("    let text = \"wasmtime::Engine\";", "wasmtime") && !names("fn redistribute() {", "redis")
    );
}
