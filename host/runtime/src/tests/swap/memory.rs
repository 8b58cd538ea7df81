//! What is left of components that were replaced: nothing.

use std::fs;

use super::*;
use crate::{Engine, EngineSettings};

const SWAPS: u32 = 1_000;

/// Stretches of this process's address space.
fn mappings() -> usize {
    fs::read_to_string("/proc/self/maps").unwrap().lines().count()
}

/// Memory of this process that is in use, in KiB.
fn resident_kib() -> usize {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// One mapping of code or memory that stayed behind in every swap would be a thousand of them; other tests of this
/// process make and let go a few meanwhile.
#[tokio::test]
async fn a_thousand_swaps_leave_no_generation_and_no_memory_behind() {
    let folder = tempfile::tempdir().unwrap();
    let engine = Engine::with(EngineSettings {
        cache: Some(folder.path().join("cache")),
        ..EngineSettings::default()
    });
    let rollout = RolloutSettings { probation: std::time::Duration::ZERO, ..RolloutSettings::default() };
    let settings = HandlerSettings { rollout, ..HandlerSettings::new("blue") };
    let components = [built("blue"), built("green")];
    let handler = ComponentHandler::load(&engine.unwrap(), &components[0], settings).await.unwrap();
    let swap = async |number: u32| {
        said(&handler, &batch(&["a"])).await;
        let next = &components[(number % 2) as usize];
        assert!(handler.apply(&only(Arc::clone(next))).await.unwrap().has_changed, "swap {number}");
        said(&handler, &batch(&["b"])).await;
        assert!(handler.drained().await, "generations are left after swap {number}");
        assert_eq!(handler.slot.retired(), 0);
    };
    for number in 1..=50 {
        swap(number).await;
    }
    let before = (mappings(), resident_kib());
    for number in 51..=50 + SWAPS {
        swap(number).await;
    }
    let after = (mappings(), resident_kib());
    println!("{SWAPS} swaps: {before:?} before, {after:?} after, (mappings, KiB resident)");
    assert!(after.0 < before.0 + SWAPS as usize / 2, "{before:?} {after:?}");
}
