//! Asks a server about every record over HTTP, and emits what it answers under the record's partition key.
//!
//! Setting: `url`, such as `http://127.0.0.1:8080/orders/`: each record's data is put behind it. Where the server cannot
//! be asked or answers another status than 200, the record is given up with the reason. The pipeline's settings have to
//! allow the host and port: `allow = { http = ["127.0.0.1:8080"] }`.

use tidemill_guest::{Batch, BatchError, Handler, Outcome, configuration};
use wasip2::http::{
    outgoing_handler,
    types::{Fields, IncomingResponse, OutgoingRequest, Scheme},
};
use wasip2::io::streams::StreamError;

/// Bytes of a body that are asked for at once.
const CHUNK_BYTES: u64 = 64 << 10;

struct Fetch {
    scheme: Scheme,
    authority: String,
    path: String,
}

impl Handler for Fetch {
    fn open() -> Result<Self, BatchError> {
        let url = configuration::get("url").ok_or_else(|| BatchError::refused("set url"))?;
        let (scheme, rest) = match url.split_once("://") {
            Some(("http", rest)) => (Scheme::Http, rest),
            Some(("https", rest)) => (Scheme::Https, rest),
            _ => return Err(BatchError::refused("url must begin with http:// or https://")),
        };
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        Ok(Self { scheme, authority: authority.to_owned(), path: format!("/{path}") })
    }

    fn handle(&mut self, batch: &Batch) -> Result<Outcome, BatchError> {
        let mut outcome = Outcome::new();
        for record in batch.records() {
            match self.ask(&String::from_utf8_lossy(record.data)) {
                Ok(body) => {
                    outcome.emit(&body).partition_key(record.partition_key);
                }
                Err(reason) => outcome.dead_letter(record.index, reason),
            }
        }
        Ok(outcome)
    }
}

impl Fetch {
    fn ask(&self, about: &str) -> Result<Vec<u8>, String> {
        let request = OutgoingRequest::new(Fields::new());
        let path = format!("{}{about}", self.path);
        let is_set = request.set_scheme(Some(&self.scheme)).is_ok()
            && request.set_authority(Some(&self.authority)).is_ok()
            && request.set_path_with_query(Some(&path)).is_ok();
        if !is_set {
            return Err(format!("no URL: {path}"));
        }
        let pending = outgoing_handler::handle(request, None).map_err(|error| error.to_string())?;
        pending.subscribe().block();
        let answer = pending.get().expect("it is ready").expect("it is taken once");
        let response = answer.map_err(|error| error.to_string())?;
        match response.status() {
            200 => body_of(&response),
            status => Err(format!("status {status}")),
        }
    }
}

fn body_of(response: &IncomingResponse) -> Result<Vec<u8>, String> {
    let body = response.consume().map_err(|()| "the body is gone")?;
    let stream = body.stream().map_err(|()| "the body is gone")?;
    let mut bytes = Vec::new();
    loop {
        match stream.blocking_read(CHUNK_BYTES) {
            Ok(chunk) => bytes.extend_from_slice(&chunk),
            Err(StreamError::Closed) => return Ok(bytes),
            Err(StreamError::LastOperationFailed(error)) => return Err(error.to_debug_string()),
        }
    }
}

tidemill_guest::export!(Fetch);
