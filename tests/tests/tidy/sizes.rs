//! How long files and functions are.

use std::fmt;

use super::{Finding, tree::Tree};

/// Half of the Rust files have at most so many lines, tests included.
pub const MEDIAN_AIM: usize = 150;
/// Nine in ten have at most so many.
pub const P90_AIM: usize = 400;
/// No file has more.
const FILE_MOST: usize = 500;
/// A function fits a screen.
const FUNCTION_MOST: usize = 70;

/// How the lengths of the Rust files are spread.
pub struct Distribution {
    files: usize,
    /// Half of the files are no longer.
    pub median: usize,
    /// Nine in ten are no longer.
    pub p90: usize,
    longest: usize,
}

impl fmt::Display for Distribution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { files, median, p90, longest } = self;
        write!(f, "lines of {files} Rust files: median={median} p90={p90} longest={longest}")
    }
}

/// Measures the Rust files.
pub fn distribution(tree: &Tree) -> Distribution {
    let mut lines: Vec<usize> = tree.rust().map(|file| file.text.lines().count()).collect();
    lines.sort_unstable();
    let at = |share: usize| lines[(lines.len() - 1) * share / 100];
    Distribution { files: lines.len(), median: at(50), p90: at(90), longest: at(100) }
}

/// Files that nobody reads in one go.
pub fn long_files(tree: &Tree) -> Vec<Finding> {
    let lengths = tree.rust().map(|file| (file, file.text.lines().count()));
    lengths
        .filter(|(_, lines)| *lines > FILE_MOST)
        .map(|(file, lines)| Finding {
            check: "file-size",
            path: file.path.clone(),
            detail: format!("{lines} lines, more than {FILE_MOST}"),
        })
        .collect()
}

/// Functions that fit no screen. rustfmt puts a function's last brace under its first word, so counting needs no parser.
pub fn long_functions(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in tree.rust() {
        let lines: Vec<&str> = file.text.lines().collect();
        for (at, line) in lines.iter().enumerate() {
            let Some(name) = function_name(line) else { continue };
            let indent = &line[..line.len() - line.trim_start().len()];
            let (end, arguments_end) = (format!("{indent}}}"), format!("{indent})"));
            // What a trait declares over several lines has no body, and ends with its arguments.
            let is_over =
                |line: &&str| *line == end || line.starts_with(&arguments_end) && line.ends_with(';');
            let length = lines[at..].iter().take_while(|line| !is_over(line)).count() + 1;
            let has_body = lines.get(at + length - 1).is_some_and(|line| !line.ends_with(';'));
            if has_body && length > FUNCTION_MOST {
                let detail = format!("fn {name} has {length} lines, more than {FUNCTION_MOST}");
                findings.push(Finding { check: "function-size", path: file.path.clone(), detail });
            }
        }
    }
    findings
}

/// The name of the function that begins on this line. One-line functions and declarations have none that matters.
fn function_name(line: &str) -> Option<&str> {
    let mut words = line.trim_start().split(' ');
    let before = ["pub", "pub(crate)", "pub(super)", "async", "const", "unsafe", "extern"];
    let word = words.by_ref().find(|word| !before.contains(word))?;
    let declared = word == "fn" && !line.ends_with(';') && !line.ends_with('}');
    declared.then(|| words.next().unwrap_or_default().split(['(', '<']).next().unwrap_or_default())
}

#[test]
fn a_function_is_found_by_its_first_line() {
    assert_eq!(function_name("    pub(crate) async fn run<T>(t: T) {"), Some("run"));
    assert_eq!(function_name("    fn short() -> u8 { 1 }"), None);
    assert_eq!(function_name("    fn declared(&self);"), None);
    assert_eq!(function_name("    // fn gone() {"), None);
}
