//! `tidemill inspect`: what a component file is, whether or not a host would run it.

use std::{
    fmt::Write,
    path::{Path, PathBuf},
};

use bytesize::ByteSize;
use serde_json::{Value, json};
use tidemill_runtime::{Capability, Survey};

use crate::{
    config::{CacheConfig, WasmStack},
    exit::Exit,
    failure::Failure,
    host::component,
    output,
};

/// Show what a component file is: its worlds, imports and exports, and what it asks for
///
/// Nothing of it is run. Exit code 4 says that a host would refuse it; the reason is shown.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The component's file
    component: PathBuf,
    /// Print a JSON object
    #[arg(long)]
    json: bool,
}

/// Prints what the file is.
pub async fn run(args: Args) -> Result<Exit, Failure> {
    let engine = component::engine(&CacheConfig::default(), WasmStack::default())?;
    let survey = component::survey(&engine, &args.component).await?;
    if args.json {
        output::line(&object(&args.component, &survey).to_string())?;
    } else {
        output::line(text(&args.component, &survey).trim_end())?;
    }
    Ok(if survey.refusal.is_some() { Exit::Component } else { Exit::Ok })
}

fn object(file: &Path, survey: &Survey) -> Value {
    let Survey { kind, digest, bytes, imports, exports, capabilities, worlds, missing, refusal } = survey;
    let capability =
        |capability: &Capability| json!({ "name": capability.name(), "granted-by": setting(*capability) });
    json!({
        "file": file.display().to_string(),
        "kind": kind.to_string(),
        "bytes": bytes,
        "digest": digest,
        "worlds": worlds,
        "capabilities": capabilities.iter().map(capability).collect::<Vec<_>>(),
        "exports": exports,
        "imports": imports,
        "missing": missing,
        "refused": refusal,
    })
}

/// A line each for what is short, and one a package for what is not.
fn text(file: &Path, survey: &Survey) -> String {
    let mut text = String::new();
    let mut tell = |title: &str, lines: &[String]| {
        for (at, line) in lines.iter().enumerate() {
            let title = if at == 0 { title } else { "" };
            let _ = writeln!(text, "{title:<14}{line}");
        }
    };
    tell("file", &[file.display().to_string()]);
    tell("kind", &[survey.kind.to_string()]);
    tell("size", &[ByteSize(survey.bytes as u64).to_string()]);
    tell("digest", &[survey.digest.to_string()]);
    tell("worlds", &[or_none(&survey.worlds.join(" "))]);
    let granted = |capability: &Capability| match setting(*capability) {
        Some(setting) => format!("{capability:<14}only what {setting} grants"),
        None => format!("{capability:<14}always there"),
    };
    let capabilities: Vec<String> = survey.capabilities.iter().map(granted).collect();
    tell("capabilities", if capabilities.is_empty() { &[] } else { &capabilities });
    tell("exports", &by_package(&survey.exports));
    tell("imports", &by_package(&survey.imports));
    tell("not offered", &survey.missing);
    tell("refused", survey.refusal.as_slice());
    text
}

fn or_none(text: &str) -> String {
    if text.is_empty() { "none".to_owned() } else { text.to_owned() }
}

/// The setting of a handler or processor that grants it; none where nothing has to.
fn setting(capability: Capability) -> Option<&'static str> {
    match capability {
        Capability::Http => Some("allow.http"),
        Capability::Network => Some("allow.connect"),
        Capability::Files => Some("allow.folders"),
        Capability::Environment => Some("allow.environment"),
        Capability::Clocks | Capability::Random | Capability::Stdio => None,
    }
}

/// Names such as `wasi:io/poll@0.2.6`, a line for each package with the interfaces behind it, in their order.
fn by_package(names: &[String]) -> Vec<String> {
    let mut packages: Vec<(String, String)> = Vec::new();
    for name in names {
        let (package, interface) = taken_apart(name);
        match packages.iter_mut().find(|(known, _)| *known == package) {
            Some((_, interfaces)) => {
                interfaces.push(' ');
                interfaces.push_str(interface);
            }
            None => packages.push((package, interface.to_owned())),
        }
    }
    packages.into_iter().map(|(package, interfaces)| format!("{package:<24}{interfaces}")).collect()
}

/// Package with version, and interface; a plain name has no package.
fn taken_apart(name: &str) -> (String, &str) {
    let Some((package, rest)) = name.split_once('/') else { return ("-".to_owned(), name) };
    match rest.split_once('@') {
        Some((interface, version)) => (format!("{package}@{version}"), interface),
        None => (package.to_owned(), rest),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_grouped_by_their_package_and_its_version() {
        let names = ["wasi:io/poll@0.2.6", "plain", "wasi:io/streams@0.2.6", "wasi:io/poll@0.2.0", "a:b/c"];
        let shown = by_package(&names.map(str::to_owned));
        let expected = [
            "wasi:io@0.2.6           poll streams",
            "-                       plain",
            "wasi:io@0.2.0           poll",
            "a:b                     c",
        ];
        assert_eq!(shown, expected);
    }

    #[test]
    fn whatever_needs_a_grant_has_a_setting_that_grants_it() {
        for capability in Capability::ALL {
            assert_eq!(setting(capability).is_some(), capability.needs_grant(), "{capability}");
        }
    }
}
