//! Each check finds the fault that is planted for it: a check that finds nothing ever would pass for ever.

use super::{CHECKS, tree::Tree};

/// A file for each check with one fault in it, in halves where this file would be found itself.
fn faults() -> Vec<(&'static str, &'static str, String)> {
    let long_function = format!("fn long() {{\n{}}}\n", "    work();\n".repeat(80));
    vec![
        ("file-size", "host/engine/src/lib.rs", "//\n".repeat(600)),
        ("function-size", "host/engine/src/lib.rs", long_function),
        ("trailing-space", "docs/page.md", "a line \n".to_owned()),
        ("leftover", "host/engine/src/lib.rs", format!("// {}: more\n", concat!("FIX", "ME"))),
        ("commented-code", "host/engine/src/lib.rs", "//".to_owned() + " let x = 1;\n"),
        ("absolute-path", "docs/page.md", format!("see {}somebody\n", concat!("/ho", "me/"))),
        ("dead-file", "host/engine/src/orphan.rs", "//! Alone.\n".to_owned()),
        ("untested-guest", "guests/handlers/forgotten/Cargo.toml", "[package]\n".to_owned()),
        ("layer", "host/engine/src/lib.rs", "use aws_sdk_kinesis::Client;\n".to_owned()),
        ("limit", "host/engine/src/lib.rs", "let wait = Duration::from_millis(250);\n".to_owned()),
        ("wit-sentence", "wit/new.wit", "interface new {\n}\n".to_owned()),
        ("document", "docs/page.md", "see [it](no-such-page.md)\n".to_owned()),
    ]
}

/// A tree in which nothing is wrong: the crates that the table of layers names.
fn clean() -> Vec<(String, String)> {
    let crates = ["processors", "engine", "backends", "local-kinesis", "runtime", "xtask"];
    crates.iter().map(|name| (format!("host/{name}/Cargo.toml"), "\n[dependencies]\n".to_owned())).collect()
}

#[test]
fn every_check_finds_the_fault_that_is_planted_for_it() {
    let faults = faults();
    assert_eq!(faults.len(), CHECKS.len(), "a check has no planted fault");
    for (name, check) in CHECKS {
        let (_, path, text) = faults.iter().find(|(of, ..)| *of == name).expect("each check has a fault");
        assert_eq!(check(&Tree::of(clean())).len(), 0, "{name} finds fault with a clean tree");
        let mut files = clean();
        files.push(((*path).to_owned(), text.clone()));
        let found = check(&Tree::of(files));
        assert_eq!(found.len(), 1, "{name} found {found:?}");
        assert_eq!((found[0].check, found[0].path.as_str()), (name, *path));
    }
}
