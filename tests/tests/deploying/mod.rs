//! Another component while hosts run: by a changed file, by the admin API, and for a whole application at once.

mod admin;
mod application;
mod contract;
mod files;
mod load;
mod stopped;

use std::path::PathBuf;

use serde_json::Value;

use crate::harness::{
    binaries,
    host::Host,
    place::{Ended, Place},
    until,
};

/// What most of these hosts run with behind their pipeline: quick looks, and no judging by time, which a busy machine
/// would spoil.
const QUICK: &str =
    "\n[deploy]\ninterval = \"100ms\"\nmax-slowdown = 1000.0\n\n[admin]\nlisten = \"127.0.0.1:0\"\n";

/// The bytes of a guest.
fn bytes(guest: &str) -> Vec<u8> {
    std::fs::read(binaries::guest(guest)).expect("guests can be read")
}

/// The file of a guest as an argument.
fn file(guest: &str) -> String {
    binaries::guest(guest).display().to_string()
}

/// Settings of one pipeline `numbers` whose handler is the file `handler.wasm` of the place, which begins as a guest.
fn settings(place: &Place, url: &str, guest: &str, more: &str) -> PathBuf {
    let component = place.write("handler.wasm", bytes(guest));
    let component = component.display();
    let text = format!(
        "application = \"test\"\n\n[kinesis]\nendpoint = \"{url}\"\n{more}\n\
         [pipelines.numbers]\nsource = {{ stream = \"numbers\", idle-interval = \"50ms\" }}\n\
         sink = {{ stream = \"numbers-out\", linger = \"20ms\" }}\n\n\
         [pipelines.numbers.handler]\ncomponent = \"{component}\"\nbatch-records = 20\n"
    );
    place.write("tidemill.toml", text)
}

/// What a host says of the handler of its one pipeline.
async fn handler(place: &Place, host: &Host) -> Value {
    let ended = place.tidemill(&["status", "--json", "--admin", &host.admin()]).await;
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let hosts: Value = serde_json::from_str(&ended.stdout).expect("it is JSON");
    let parts = hosts[0]["parts"].as_array().expect("there are parts");
    parts.iter().find(|part| part["part"] == "numbers/handler").expect("there is a handler").clone()
}

/// The digest of a guest, as a status shows it.
fn digest(guest: &str) -> String {
    tidemill_engine::deploy::Digest::of(&bytes(guest)).as_str().to_owned()
}

/// Waits until a host runs a guest for all records.
async fn runs(place: &Place, host: &Host, guest: &str) -> Value {
    let wanted = digest(guest);
    until(&format!("the host runs {guest}"), async || {
        let handler = handler(place, host).await;
        let component = &handler["slot"]["component"]["digest"];
        (*component == wanted && handler["slot"]["candidate"].is_null()).then_some(handler)
    })
    .await
}

/// The text of an end, without what breaks lines for a terminal.
fn message(ended: &Ended) -> String {
    ended.stderr.split_whitespace().collect::<Vec<_>>().join(" ").replace("│ ", "")
}
