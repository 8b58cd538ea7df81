//! Telling what is to be moved, and moving it.

use tidemill_engine::{
    lease::{
        Lease, LeaseError, WorkerId,
        moves::{Move, Outlook, Wish, running},
    },
    limits,
    time::Clock,
};

use super::opened::{Opened, Purpose};
use crate::{exit::Exit, failure::Failure, output};

/// How a change is made.
#[derive(Debug, clap::Args)]
pub struct How {
    /// Print what would be changed, and write nothing
    #[arg(long)]
    dry_run: bool,
    /// Do it although an application is running: leases that are moved are taken from its workers, and they go on from
    /// the new places by themselves
    #[arg(long)]
    force: bool,
}

impl How {
    /// Whether nothing is to be written.
    pub fn is_dry(&self) -> bool {
        self.dry_run
    }

    /// What the leases are opened for.
    pub fn purpose(&self) -> Purpose {
        if self.dry_run { Purpose::Look } else { Purpose::Move }
    }

    /// Whether it does not matter who runs: nothing is written, or whatever comes of it is wanted.
    pub fn is_daring(&self) -> bool {
        self.dry_run || self.force
    }

    /// Refuses while somebody alive holds a lease of the pipeline.
    pub async fn must_not_run(&self, opened: &Opened) -> Result<(), Failure> {
        if self.is_daring() {
            return Ok(());
        }
        let alive = running(&*opened.leases, opened.failover).await;
        match alive.map_err(|error| Failure::caused(Exit::Surroundings, &error))? {
            None => Ok(()),
            Some(lease) => Err(is_running(&lease)),
        }
    }

    /// Tells what fulfils the wish, and does it.
    pub async fn fulfil(&self, wish: Wish, opened: &Opened) -> Result<Exit, Failure> {
        self.must_not_run(opened).await?;
        let leases = opened.list().await?;
        let outlook = Outlook::new(&opened.stream.name().into(), wish, &leases, opened.shards.as_deref());
        for finding in outlook.findings.iter().filter(|finding| !finding.is_problem()) {
            output::note(&finding.to_string());
        }
        refuse_problems(&outlook)?;
        if self.dry_run {
            outlook.moves.iter().try_for_each(|it| output::line(&format!("would be {}", described(it))))?;
            output::line(&format!(
                "{} would be written, {} are there already",
                outlook.moves.len(),
                outlook.unchanged
            ))?;
            return Ok(Exit::Ok);
        }
        self.write(&outlook, opened).await
    }

    async fn write(&self, outlook: &Outlook, opened: &Opened) -> Result<Exit, Failure> {
        let worker =
            WorkerId::from(&*format!("checkpoints-{}-{}", std::process::id(), Clock::system().now()));
        let mut failed = 0_usize;
        for it in &outlook.moves {
            match self.write_one(it, opened, &worker).await {
                Ok(()) => output::line(&described(it))?,
                Err(error) => {
                    failed += 1;
                    output::note(&format!("not moved: {error}"));
                }
            }
        }
        let written = outlook.moves.len() - failed;
        output::line(&format!("{written} written, {} were there already", outlook.unchanged))?;
        if failed == 0 {
            return Ok(Exit::Ok);
        }
        Err(Failure::new(Exit::Partial, format!("some checkpoints were not moved: written={written} failed={failed}"))
            .help("somebody wrote them in the meantime, or the store is away: stop the application and give the command again"))
    }

    /// Writes one, anew after somebody was faster where that somebody is to be overruled.
    async fn write_one(&self, it: &Move, opened: &Opened, worker: &WorkerId) -> Result<(), LeaseError> {
        let attempts = if self.force { limits::FORCED_ATTEMPTS } else { 1 };
        let mut it = it.clone();
        let mut written = it.write(&*opened.leases, worker).await;
        for _ in 1..attempts {
            let Err(LeaseError::Lost(key)) = &written else { break };
            it.from = opened.leases.get(key).await?;
            written = it.write(&*opened.leases, worker).await;
        }
        written
    }
}

/// A change in a line.
fn described(it: &Move) -> String {
    let Move { key, from, to, .. } = it;
    let shard = &key.shard;
    match from {
        None => format!("created {shard}: {to}"),
        Some(lease) => {
            let taken = lease.owner.as_ref().map_or(String::new(), |owner| format!(", taken from {owner}"));
            format!("moved {shard}: {} -> {to}{taken}", lease.checkpoint)
        }
    }
}

fn refuse_problems(outlook: &Outlook) -> Result<(), Failure> {
    let problems: Vec<String> = outlook.problems().map(ToString::to_string).collect();
    let Some((first, rest)) = problems.split_first() else { return Ok(()) };
    rest.iter().for_each(|problem| output::note(problem));
    Err(Failure::new(Exit::Surroundings, first)
        .help("nothing was written; look at the stream and the shards: `tidemill streams describe STREAM`"))
}

fn is_running(lease: &Lease) -> Failure {
    let owner = lease.owner.as_ref().map_or("", WorkerId::as_str);
    Failure::new(
        Exit::Surroundings,
        format!("the application is running: nothing was written, shard={} owner={owner}", lease.key.shard),
    )
    .help("stop it first; or say --force, and it goes on from the new places by itself")
}
