//! The house kept as tests: sizes, leftovers, dead files, layers, limits, and documents that name what exists.
//!
//! A finding fails its test unless `tests/tidy.toml` excepts it with a reason. An exception that no finding needs
//! fails too, so the list stays as short as the house allows.

mod dead_files;
mod documents;
mod exceptions;
mod layers;
mod leftovers;
mod limits;
mod planted;
mod sizes;
pub mod tree;
mod wit;

use exceptions::Exceptions;
use tree::Tree;

/// Something that the house does not want, at one place.
#[derive(Debug)]
pub struct Finding {
    /// Name of the check, as exceptions write it.
    pub check: &'static str,
    /// Path from the repository's root.
    pub path: String,
    /// What is wrong, with the line where there is one.
    pub detail: String,
}

/// Looks for one kind of finding.
type Check = fn(&Tree) -> Vec<Finding>;

/// Every check, by name.
const CHECKS: [(&str, Check); 12] = [
    ("file-size", sizes::long_files),
    ("function-size", sizes::long_functions),
    ("trailing-space", leftovers::trailing_space),
    ("leftover", leftovers::markers),
    ("commented-code", leftovers::commented_code),
    ("absolute-path", leftovers::absolute_paths),
    ("dead-file", dead_files::unnamed_modules),
    ("untested-guest", dead_files::untested_guests),
    ("layer", layers::crossings),
    ("limit", limits::literals),
    ("wit-sentence", wit::silent_items),
    ("document", documents::broken_names),
];

#[test]
fn the_house_is_tidy() {
    let tree = Tree::of_the_repository();
    let mut exceptions = Exceptions::load();
    let findings: Vec<Finding> = CHECKS.iter().flat_map(|(_, check)| check(&tree)).collect();
    let open: Vec<String> = findings
        .iter()
        .filter(|finding| !exceptions.allow(finding))
        .map(|finding| format!("{}: {}: {}", finding.check, finding.path, finding.detail))
        .collect();
    assert!(
        open.is_empty(),
        "{} findings; mend them or except them in tests/tidy.toml:\n{}",
        open.len(),
        open.join("\n")
    );
    let unused = exceptions.unused();
    assert!(unused.is_empty(), "exceptions that nothing needs: {unused:?}");
}

#[test]
fn an_exception_names_a_check_that_exists_and_has_a_reason() {
    for exception in Exceptions::load().all() {
        assert!(
            CHECKS.iter().any(|(name, _)| *name == exception.check),
            "no check is called {}",
            exception.check
        );
        assert!(exception.reason.ends_with('.'), "the reason for {} is no sentence", exception.path);
    }
}

#[test]
fn files_are_as_short_as_the_house_wants_them() {
    let sizes = sizes::distribution(&Tree::of_the_repository());
    println!("{sizes}");
    assert!(sizes.median <= sizes::MEDIAN_AIM, "half of the files should be shorter: {sizes}");
    assert!(sizes.p90 <= sizes::P90_AIM, "nine in ten files should be shorter: {sizes}");
}
