//! Files that nothing uses.

use super::{Finding, tree::Tree};

/// Guests that are assembled of text, each of one file.
const ASSEMBLED: &str = "guests/faults/wat/";

/// Rust files that no `mod` names, so that they compile for nobody.
pub fn unnamed_modules(tree: &Tree) -> Vec<Finding> {
    let unnamed = tree.rust().filter(|file| {
        let Some(module) = Module::at(&file.path) else { return false };
        !module
            .parents
            .iter()
            .filter_map(|path| tree.file(path))
            .any(|parent| names(&parent.text, &module.name))
    });
    unnamed
        .map(|file| Finding {
            check: "dead-file",
            path: file.path.clone(),
            detail: "no `mod` names it".to_owned(),
        })
        .collect()
}

/// Guests that no test names.
pub fn untested_guests(tree: &Tree) -> Vec<Finding> {
    let tests: String = tree
        .rust()
        .filter(|file| file.path.starts_with("tests/") || file.path.starts_with("host/runtime/"))
        .filter(|file| !file.path.starts_with("tests/tests/tidy/"))
        .map(|file| file.text.as_str())
        .collect();
    let guests = tree.files().filter_map(|file| Some((file, guest_of(&file.path)?)));
    guests
        .filter(|(_, name)| {
            let module = name.replace('-', "_");
            let called = [format!("\"{name}"), format!("\"{module}"), format!("\"fault_{module}")];
            !called.iter().any(|call| tests.contains(call))
        })
        .map(|(file, _)| Finding {
            check: "untested-guest",
            path: file.path.clone(),
            detail: "no test names it, in tests/ or host/runtime/".to_owned(),
        })
        .collect()
}

/// The name of the guest that a file is, for those that are one file, or that it is the manifest of.
fn guest_of(path: &str) -> Option<&str> {
    if let Some(name) = path.strip_prefix(ASSEMBLED).and_then(|name| name.strip_suffix(".wat")) {
        return (name != "frame").then_some(name);
    }
    let folders = ["guests/handlers/", "guests/faults/", "guests/processors/"];
    let rest = folders.iter().find_map(|folder| path.strip_prefix(folder))?;
    rest.strip_suffix("/Cargo.toml")
}

/// A file that some other file has to name.
struct Module {
    name: String,
    parents: Vec<String>,
}

impl Module {
    /// None for the roots of crates, which Cargo finds by their place.
    fn at(path: &str) -> Option<Self> {
        let (folder, file) = path.rsplit_once('/')?;
        let is_target =
            ["/src/bin", "/examples", "/benches", "/fuzz_targets"].iter().any(|end| folder.ends_with(end));
        if ["lib.rs", "main.rs", "build.rs"].contains(&file) || is_target {
            return None;
        }
        let (name, home) = match file {
            "mod.rs" => {
                let (above, name) = folder.rsplit_once('/')?;
                (name, above)
            }
            _ => (file.trim_end_matches(".rs"), folder),
        };
        let beside = format!("{home}.rs");
        let inside = ["mod.rs", "lib.rs", "main.rs"].map(|root| format!("{home}/{root}"));
        Some(Self { name: name.to_owned(), parents: inside.into_iter().chain([beside]).collect() })
    }
}

fn names(text: &str, module: &str) -> bool {
    let declaration = format!("mod {module};");
    text.lines().map(str::trim).any(|line| {
        let rest = line.strip_suffix(&declaration);
        rest.is_some_and(|rest| rest.is_empty() || rest.ends_with("pub ") || rest.ends_with(") "))
    })
}

#[test]
fn a_module_is_named_by_its_folder_or_the_file_beside_it() {
    let module = Module::at("host/engine/src/lease/plan.rs").unwrap();
    assert_eq!(module.name, "plan");
    assert!(module.parents.contains(&"host/engine/src/lease/mod.rs".to_owned()));
    assert!(module.parents.contains(&"host/engine/src/lease.rs".to_owned()));
    assert!(Module::at("host/engine/src/lib.rs").is_none());
    assert!(Module::at("tests/tests/main.rs").is_none());
    assert!(
        names("pub(crate) mod plan;", "plan")
            && !names("mod plans;", "plan")
            && !names("// mod plan;", "plan")
    );
}
