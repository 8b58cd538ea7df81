//! `cargo xtask bench codecs`: each preset's encoding and decoding, in one thread of each.

use std::{
    collections::BTreeMap,
    process::{Command, Stdio},
};

use anyhow::{Context, Result, bail};
use comfy_table::Table;
use serde_json::Value;

use super::{PRESETS, figures, peer};
use crate::{
    guests,
    repository::{Repository, cargo, shown},
};

/// The directions, as the benches name them.
const DIRECTIONS: [&str; 2] = ["encode", "decode"];

/// How the bench is run.
#[derive(clap::Args)]
pub struct Flags {
    /// Presets to measure
    #[arg(long, value_delimiter = ',', default_values_t = PRESETS.map(str::to_owned))]
    presets: Vec<String>,
    /// Leave async-kinesis away
    #[arg(long)]
    no_python: bool,
    /// Leave the components away
    #[arg(long)]
    no_components: bool,
}

/// What was measured: a preset, bytes of a document, a direction.
type Case = (String, u64, String);
/// Documents a second.
type Rates = BTreeMap<Case, f64>;

/// Runs the benches one after the other, and prints them side by side.
pub fn run(repository: &Repository, flags: &Flags) -> Result<()> {
    let seam = if flags.no_components {
        Measured::default()
    } else {
        let guests = guests::build(repository)?;
        let mut bench = bench(repository, "tidemill-runtime", "processors", &flags.presets);
        measured(bench.env("TIDEMILL_GUESTS", guests))?
    };
    let native = measured(&mut bench(repository, "tidemill-processors", "codecs", &flags.presets))?.native;
    let peer = if flags.no_python {
        Rates::new()
    } else {
        measured(peer::program(repository, "peer_codecs.py")?.args(&flags.presets))?.native
    };
    if native.is_empty() {
        bail!("nothing was measured: presets={:?}", flags.presets);
    }
    let mut rows: Vec<Row> =
        native.iter().map(|(case, native)| Row::of(case, *native, &seam, &peer)).collect();
    rows.sort_by_key(|row| (row.case.1, DIRECTIONS.iter().position(|direction| row.case.2 == *direction)));
    println!("\ndocuments/s in one thread");
    print(&rows, &flags.presets);
    Ok(())
}

fn bench(repository: &Repository, package: &str, name: &str, presets: &[String]) -> Command {
    let mut bench = cargo();
    bench.args(["bench", "--package", package, "--bench", name, "--", "--json"]).args(presets);
    bench.current_dir(&repository.root);
    bench
}

/// What a bench printed.
#[derive(Default)]
struct Measured {
    /// Of code that runs as it was compiled.
    native: Rates,
    /// Of components.
    component: Rates,
}

/// Runs a bench that prints an object a line.
fn measured(command: &mut Command) -> Result<Measured> {
    let name = shown(command);
    eprintln!("$ {name}");
    let output = command.stdin(Stdio::null()).stderr(Stdio::inherit()).output();
    let output = output.with_context(|| format!("cannot start `{name}`"))?;
    if !output.status.success() {
        bail!("`{name}` ended with {}", output.status);
    }
    let text = String::from_utf8(output.stdout).with_context(|| format!("`{name}` printed no text"))?;
    let mut measured = Measured::default();
    for line in text.lines().filter(|line| line.starts_with('{')) {
        measured.add(line).with_context(|| format!("`{name}` printed {line}"))?;
    }
    Ok(measured)
}

impl Measured {
    fn add(&mut self, line: &str) -> Result<()> {
        let line: Value = serde_json::from_str(line)?;
        let (case, rate) = rate(&line)?;
        let rates = if line["form"] == "component" { &mut self.component } else { &mut self.native };
        rates.insert(case, rate);
        Ok(())
    }
}

fn rate(line: &Value) -> Result<(Case, f64)> {
    let text =
        |key: &str| line[key].as_str().map(str::to_owned).with_context(|| format!("there is no {key}"));
    let bytes = line["bytes"].as_u64().context("there is no bytes")?;
    let rate = line["documents_per_second"].as_f64().context("there is no documents_per_second")?;
    Ok(((text("preset")?, bytes, text("direction")?), rate))
}

/// One case, measured in up to three ways.
struct Row {
    case: Case,
    native: f64,
    /// Both through the seam that the engine calls, which costs the native processor a copy too.
    seam: Option<f64>,
    component: Option<f64>,
    peer: Option<f64>,
}

impl Row {
    fn of(case: &Case, native: f64, seam: &Measured, peer: &Rates) -> Self {
        let of = |rates: &Rates| rates.get(case).copied();
        let (component, seam) = (of(&seam.component), of(&seam.native));
        Self { case: case.clone(), native, seam, component, peer: of(peer) }
    }

    /// How many times as fast as async-kinesis the native processor is.
    fn native_to_peer(&self) -> Option<f64> {
        self.peer.map(|peer| self.native / peer)
    }

    /// How much of the native processor's speed the component has, both through the seam.
    fn component_to_native(&self) -> Option<f64> {
        self.component.zip(self.seam).map(|(component, native)| component / native)
    }
}

fn print(rows: &[Row], presets: &[String]) {
    let header =
        ["preset", "bytes", "", "native", "async-kinesis", "native/a-k", "at the seam", "component", "share"];
    let mut table = figures::table(1, &header);
    for preset in presets {
        for row in rows.iter().filter(|row| row.case.0 == *preset) {
            let (preset, bytes, direction) = &row.case;
            table.add_row([
                preset.clone(),
                bytes.to_string(),
                direction.clone(),
                figures::short(row.native),
                figures::or_dash(row.peer.map(figures::short)),
                figures::or_dash(row.native_to_peer().map(figures::times)),
                figures::or_dash(row.seam.map(figures::short)),
                figures::or_dash(row.component.map(figures::short)),
                figures::or_dash(row.component_to_native().map(figures::percent)),
            ]);
        }
    }
    println!("{table}\n\ngeometric means");
    let mut means = figures::table(1, &["", "native/a-k", "component share"]);
    for direction in DIRECTIONS {
        let rows: Vec<&Row> = rows.iter().filter(|row| row.case.2 == direction).collect();
        add_mean(&mut means, direction, &rows);
    }
    add_mean(&mut means, "both", &rows.iter().collect::<Vec<_>>());
    println!("{means}");
}

fn add_mean(table: &mut Table, name: &str, rows: &[&Row]) {
    let mean = |ratio: fn(&Row) -> Option<f64>| {
        let ratios: Vec<f64> = rows.iter().filter_map(|row| ratio(row)).collect();
        figures::geometric_mean(&ratios)
    };
    table.add_row([
        name.to_owned(),
        figures::or_dash(mean(Row::native_to_peer).map(figures::times)),
        figures::or_dash(mean(Row::component_to_native).map(figures::percent)),
    ]);
}
