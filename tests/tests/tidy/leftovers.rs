//! What should not stay behind in a file.

use super::{
    Finding,
    tree::{SourceFile, Tree},
};

/// Words of unfinished work, in halves so that this file does not find itself.
const MARKERS: [&str; 7] = [
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("X", "XX"),
    concat!("db", "g!("),
    concat!("to", "do!("),
    concat!("unimpl", "emented!("),
    concat!("#[all", "ow("),
];
/// How paths of one person's machine begin, in halves too.
const MACHINES: [&str; 5] = [
    concat!("/ho", "me/"),
    concat!("/ro", "ot/"),
    concat!("/wo", "rk/"),
    concat!("/Us", "ers/"),
    concat!("C:", "\\"),
];

/// Space at the end of a line, tabs in Rust, and a last line without an end.
pub fn trailing_space(tree: &Tree) -> Vec<Finding> {
    let mut findings = by_line(tree, "trailing-space", |file, line| {
        let tab = line.contains('\t') && file.path.ends_with(".rs");
        (line.ends_with([' ', '\t', '\r']) || tab)
            .then(|| "space at the end of the line, or a tab".to_owned())
    });
    let open_ended = tree.files().filter(|file| !file.text.is_empty() && !file.text.ends_with('\n'));
    findings.extend(
        open_ended.map(|file| finding("trailing-space", file, "the last line has no end".to_owned())),
    );
    findings
}

/// Words of unfinished work, and pictures in text.
pub fn markers(tree: &Tree) -> Vec<Finding> {
    by_line(tree, "leftover", |_, line| {
        let word = MARKERS
            .iter()
            .find(|marker| line.contains(**marker))
            .map(|marker| format!("{marker} is left over"));
        word.or_else(|| line.chars().find(|c| is_picture(*c)).map(|c| format!("{c} is no letter")))
    })
}

/// Code in a comment: a comment of sentences does not end like a statement.
pub fn commented_code(tree: &Tree) -> Vec<Finding> {
    by_line(tree, "commented-code", |file, line| {
        let is_rust = file.path.ends_with(".rs");
        let comment = line.trim_start().strip_prefix("// ").filter(|_| is_rust)?;
        let like_code = comment.ends_with(';') || comment.ends_with(") {") || comment.starts_with("let ");
        like_code.then(|| format!("looks like code: {comment}"))
    })
}

/// Paths that exist on one machine only.
pub fn absolute_paths(tree: &Tree) -> Vec<Finding> {
    by_line(tree, "absolute-path", |_, line| {
        let path = MACHINES.iter().find(|start| line.contains(**start))?;
        Some(format!("{path} exists on one machine"))
    })
}

fn is_picture(c: char) -> bool {
    matches!(u32::from(c), 0x1F000..=0x1FAFF | 0x2600..=0x27BF)
}

fn by_line(
    tree: &Tree,
    check: &'static str,
    look: impl Fn(&SourceFile, &str) -> Option<String>,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in tree.files() {
        for (number, line) in file.lines() {
            findings.extend(
                look(file, line).map(|detail| finding(check, file, format!("line {number}: {detail}"))),
            );
        }
    }
    findings
}

fn finding(check: &'static str, file: &SourceFile, detail: String) -> Finding {
    Finding { check, path: file.path.clone(), detail }
}
