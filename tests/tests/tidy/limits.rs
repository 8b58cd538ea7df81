//! Numbers that decide something live in `limits.rs`, with their unit and source.

use super::{Finding, tree::Tree};

/// The crates whose limits are in `engine/src/limits.rs`.
const CRATES: [&str; 4] =
    ["host/engine/src/", "host/backends/src/", "host/runtime/src/", "host/local-kinesis/src/"];
/// How a span of time is written with a number in place.
const SPANS: [&str; 3] = ["Duration::from_secs(", "Duration::from_millis(", "Duration::from_micros("];
/// How a size in bytes is written with a number in place.
const SIZES: [&str; 3] = ["1_048_576", "10_000", "1_000_000"];
/// How a number of KiB or MiB is written; a name before it is a limit that changes its unit.
const SHIFTS: [&str; 2] = [" << 10", " << 20"];

/// Spans and sizes written out where they are used.
pub fn literals(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    let ours = tree.rust().filter(|file| CRATES.iter().any(|home| file.path.starts_with(home)));
    for file in ours.filter(|file| !file.path.ends_with("/limits.rs") && !is_test(&file.path)) {
        let code = file.lines_before_tests().filter(|(_, line)| !line.trim_start().starts_with("//"));
        for (number, line) in code {
            if let Some(literal) = literal(line) {
                let detail = format!("line {number}: {literal} belongs into engine/src/limits.rs");
                findings.push(Finding { check: "limit", path: file.path.clone(), detail });
            }
        }
    }
    findings
}

/// Tests, and what only tests and the simulation use.
fn is_test(path: &str) -> bool {
    ["/tests.rs", "/tests/", "/contract", "_tests.rs", "/fixture.rs", "/simulation/"]
        .iter()
        .any(|part| path.contains(part))
}

fn literal(line: &str) -> Option<&str> {
    let span = SPANS.iter().find_map(|start| {
        let at = line.find(start)?;
        let number = line[at + start.len()..].split(')').next().unwrap_or_default();
        (number.chars().all(|c| c.is_ascii_digit() || c == '_') && !["0", "1"].contains(&number))
            .then_some(number)
    });
    let shift = || {
        SHIFTS.into_iter().find(|shift| {
            line.match_indices(shift).any(|(at, _)| line[..at].ends_with(|c: char| c.is_ascii_digit()))
        })
    };
    span.or_else(shift).or_else(|| SIZES.iter().find(|size| line.contains(**size)).copied())
}

#[test]
fn a_number_in_place_is_found_and_a_name_is_not() {
    assert_eq!(literal("sleep(Duration::from_millis(250))"), Some("250"));
    assert_eq!(literal("Duration::from_millis(wait)"), None);
    assert_eq!(literal("let bytes = kib << 10;"), None);
    assert_eq!(literal("let bytes = 64 << 20;"), Some(" << 20"));
}
