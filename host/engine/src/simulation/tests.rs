use super::*;
use crate::bugs::Bug;

#[test]
fn try_it() {
    for seed in 0..20 {
        let started = tokio::time::Instant::now();
        let report = run(seed, Options { keeps_log: false, bug: None });
        println!(
            "{seed} {:x} {:?} {:?} {:?}",
            report.digest,
            report.counts,
            report.broken,
            started.elapsed()
        );
    }
}
#[test]
fn try_bugs() {
    for bug in Bug::ALL {
        for seed in 0..200 {
            let report = run(seed, Options { keeps_log: false, bug: Some(bug) });
            if let Some(b) = report.broken {
                println!("{bug:?} {seed} {b:?}");
                break;
            }
        }
    }
}
