//! Documents name only what exists: files, and the tests that hold the invariants.

use std::path::Path;

use super::{
    Finding, tree,
    tree::{SourceFile, Tree},
};

/// Links to files that are not there, and paths in the architecture's file map that lead nowhere.
pub fn broken_names(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in tree.with_extension("md") {
        let folder = Path::new(&file.path).parent().unwrap_or(Path::new(""));
        for (number, line) in file.lines() {
            for target in links(line) {
                if !tree::root().join(folder).join(target).exists() {
                    findings
                        .push(finding(file, format!("line {number}: the link to {target} leads nowhere")));
                }
            }
        }
    }
    if let Some(map) = tree.file("docs/architecture.md") {
        for (number, line) in map.lines() {
            let missing = tests(line).filter(|test| !is_a_test(tree, test));
            findings
                .extend(missing.map(|test| finding(map, format!("line {number}: no test is called {test}"))));
            for path in paths(line).filter(|path| !tree::root().join(path).exists()) {
                findings.push(finding(map, format!("line {number}: {path} does not exist")));
            }
        }
    }
    findings
}

/// Targets of links inside the repository, without the part of the page.
fn links(line: &str) -> impl Iterator<Item = &str> {
    let targets = line.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    let local = targets.filter(|target| !target.starts_with("http") && !target.starts_with('#'));
    local.filter_map(|target| target.split('#').next())
}

/// Words in backticks that are paths from the root: they begin with one of its folders.
fn paths(line: &str) -> impl Iterator<Item = &str> {
    let roots = ["host/", "wit/", "guests/", "tests/", "examples/", "docs/"];
    let quoted = line.split('`').skip(1).step_by(2);
    quoted.filter(move |word| {
        let is_plain = word.chars().all(|c| c.is_ascii_alphanumeric() || "/._-".contains(c));
        is_plain && roots.iter().any(|root| word.starts_with(root))
    })
}

/// Words in backticks that are names of tests: snake case of some length.
fn tests(line: &str) -> impl Iterator<Item = &str> {
    let quoted = line.split('`').skip(1).step_by(2);
    quoted.filter(|word| {
        word.matches('_').count() > 3 && word.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    })
}

fn is_a_test(tree: &Tree, name: &str) -> bool {
    let declaration = format!("fn {name}()");
    tree.rust().any(|file| file.text.contains(&declaration))
}

fn finding(file: &SourceFile, detail: String) -> Finding {
    Finding { check: "document", path: file.path.clone(), detail }
}

#[test]
fn links_and_paths_are_found_in_a_line() {
    let line =
        "See [the map](docs/map.md#files), [a page](https://example.org) and `host/engine/src/` or `host/*`.";
    assert_eq!(links(line).collect::<Vec<_>>(), ["docs/map.md"]);
    assert_eq!(paths(line).collect::<Vec<_>>(), ["host/engine/src/"]);
}
