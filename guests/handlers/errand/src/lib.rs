//! Does what each record says, and emits what came of it: `env KEY`, `read PATH`, `write PATH`, `list PATH`,
//! `connect ADDRESS`, `sleep MILLISECONDS`. What it was not granted comes back as an error. A record
//! that is a JSON string is answered with one.

use std::{
    env, fs,
    io::{self, Read, Write},
    net::TcpStream,
    thread,
    time::Duration,
};

use tidemill_guest::{Batch, BatchError, Handler, Outcome};

struct Errand;

impl Handler for Errand {
    fn open() -> Result<Self, BatchError> {
        Ok(Self)
    }

    fn handle(&mut self, batch: &Batch) -> Result<Outcome, BatchError> {
        let mut outcome = Outcome::new();
        for record in batch.records() {
            let text = std::str::from_utf8(record.data).unwrap_or_default();
            let in_json = text.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
            let errand = in_json.unwrap_or(text);
            let (what, with) = errand.split_once(' ').unwrap_or((errand, ""));
            let said = run(what, with).unwrap_or_else(|error| format!("error: {error}"));
            let said = if in_json.is_some() { format!("{said:?}") } else { said };
            outcome.emit(said.as_bytes()).partition_key(record.partition_key);
        }
        Ok(outcome)
    }
}

fn run(what: &str, with: &str) -> io::Result<String> {
    match what {
        "env" => env::var(with).map_err(io::Error::other),
        "read" => fs::read_to_string(with),
        "write" => fs::write(with, "written").map(|()| "written".to_owned()),
        "list" => {
            let names =
                fs::read_dir(with)?.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
            Ok(names.collect::<io::Result<Vec<_>>>()?.join(" "))
        }
        "connect" => {
            let mut stream = TcpStream::connect(with)?;
            stream.write_all(b"hello\n")?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer)?;
            Ok(answer)
        }
        "sleep" => {
            #[expect(
                clippy::disallowed_methods,
                reason = "a guest has no other way to wait, and this one is to"
            )]
            thread::sleep(Duration::from_millis(with.parse().map_err(io::Error::other)?));
            Ok("slept".to_owned())
        }
        _ => Err(io::Error::other("no such errand")),
    }
}

tidemill_guest::export!(Errand);
