//! That the simulation finds bugs, that it finds none where there are none, and that a run is a function of its seed.

use std::process::Command;

use super::*;
use crate::bugs::Bug;

/// Seeds that a bug has to be found within.
const FOUND_WITHIN: u64 = 40;
/// Set for the process that runs a seed for another test, to the seed.
const SEED: &str = "TIDEMILL_SIMULATED_SEED";

fn logged(seed: u64) -> Report {
    run(seed, Options { keeps_log: true, bug: None })
}

/// The first seed that fails with this bug planted, and by which check.
fn finds(bug: Bug) -> Option<(u64, Check)> {
    (0..FOUND_WITHIN).find_map(|seed| {
        let broken = run(seed, Options { keeps_log: false, bug: Some(bug) }).broken?;
        Some((seed, broken.check))
    })
}

#[test]
fn without_a_planted_bug_no_seed_fails_and_everything_happens() {
    let mut counts = Counts::default();
    for seed in 0..FOUND_WITHIN {
        let report = run(seed, Options::default());
        assert_eq!(report.broken, None, "seed {seed}");
        counts.add(&report.counts);
    }
    let never: Vec<&str> = counts.all().filter(|(_, count)| *count == 0).map(|(what, _)| what).collect();
    assert_eq!(never, [""; 0], "these never happened");
}

#[test]
fn every_planted_bug_is_found_by_a_check_that_is_about_it() {
    for bug in Bug::ALL {
        let expected: &[Check] = match bug {
            Bug::CheckpointBeforeAck | Bug::WholeRecordCheckpoint => &[Check::Lost],
            Bug::CheckpointBeforeLetter => &[Check::Lost, Check::Order],
            Bug::UnfencedWrite => &[Check::Fencing],
            Bug::ChildBeforeAdjacentParent => &[Check::Parents],
            Bug::IteratorPastUndelivered => &[Check::Lost, Check::Order],
            Bug::WallClockExpiry => &[Check::Expiry],
            Bug::EndBeforeChildren => &[Check::End],
            // Where nothing is left to handle, it shows in that nobody takes the shard that a deaf worker believes it has.
            Bug::DeafToLoss => &[Check::Deaf, Check::Settled],
            Bug::ReleaseBeforeDrain => &[Check::Lost, Check::Duplicate],
        };
        let (seed, check) = finds(bug).unwrap_or_else(|| panic!("{bug:?} was not found"));
        assert!(expected.contains(&check), "{bug:?} was found at seed {seed} by {check}");
    }
}

#[test]
fn a_seed_run_twice_gives_the_same_log() {
    for seed in 0..4 {
        let (once, twice) = (logged(seed), logged(seed));
        assert!(once.log.len() > 100, "seed {seed}");
        assert_eq!(once.log, twice.log, "seed {seed}");
        assert_eq!(once.digest, twice.digest, "seed {seed}");
    }
    assert_ne!(logged(0).digest, logged(1).digest);
}

#[test]
fn a_seed_run_in_another_process_gives_the_same_log() {
    for seed in 10..12 {
        let program = std::env::current_exe().unwrap();
        let test = "simulation::tests::a_seed_is_run_for_another_process";
        let mut other = Command::new(program);
        other.args(["--exact", test, "--ignored", "--nocapture"]).env(SEED, seed.to_string());
        let output = other.output().unwrap();
        let told = String::from_utf8(output.stdout).unwrap();
        let mut lines = told.lines().filter_map(|line| line.strip_prefix("event "));
        let here = logged(seed).log;
        for line in &here {
            assert_eq!(lines.next(), Some(line.as_str()), "seed {seed}");
        }
        assert_eq!(lines.next(), None, "seed {seed}");
    }
}

#[test]
#[ignore = "another test starts it, in a process of its own"]
fn a_seed_is_run_for_another_process() {
    let seed = std::env::var(SEED).unwrap().parse().unwrap();
    println!();
    for line in logged(seed).log {
        println!("event {line}");
    }
}
