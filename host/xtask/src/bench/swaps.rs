//! `cargo xtask bench swaps`: what replacing components costs the shards that run them.

use anyhow::Result;

use crate::{
    guests,
    repository::{self, Repository, cargo},
};

/// Builds the guests and runs the bench of the runtime. The whole workspace is selected, so that what is compiled for the
/// host serves here too.
pub fn run(repository: &Repository) -> Result<()> {
    let guests = guests::build(repository)?;
    let mut bench = cargo();
    bench.args(["bench", "--workspace", "--bench", "swaps"]).current_dir(&repository.root);
    repository::run(bench.env("TIDEMILL_GUESTS", guests))
}
