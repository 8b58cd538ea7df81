//! Who this process is among the workers of its application.

use rustix::system::uname;
use tidemill_engine::{lease::WorkerId, time::UnixMillis};

/// A name that no other process has, now or later, and that tells people where to look: host, process, start.
pub fn worker_id(started: UnixMillis) -> WorkerId {
    let host = uname().nodename().to_string_lossy().into_owned();
    WorkerId::from(&*format!("{host}-{}-{started}", std::process::id()))
}
