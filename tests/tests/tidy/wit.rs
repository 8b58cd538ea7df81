//! Every item of the contract with guests carries a sentence.

use super::{Finding, tree::Tree};

/// Items of `wit/` without a sentence before them.
pub fn silent_items(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in tree.with_extension("wit").filter(|file| file.path.starts_with("wit/")) {
        let mut before = "";
        let mut inside_item = false;
        for (number, line) in file.lines() {
            let line = line.trim();
            if line.is_empty() {
                continue;
            }
            if is_item(line) && !inside_item && !is_sentence(before) {
                let detail = format!("line {number}: no sentence before `{line}`");
                findings.push(Finding { check: "wit-sentence", path: file.path.clone(), detail });
            }
            inside_item = !line.starts_with("//") && !line.ends_with([',', ';', '{', '}']);
            before = line;
        }
    }
    findings
}

fn is_item(line: &str) -> bool {
    let word = line.split([' ', ';']).next().unwrap_or_default();
    let bare = ["package", "use", "import", "export", "include", "}", "});", "//", "///"];
    !bare.contains(&word) && !line.starts_with(['@', '}', ')'])
}

fn is_sentence(line: &str) -> bool {
    line.starts_with("///") && line.ends_with('.')
}
