//! What the scenarios share: streams in this process, hosts beside it, and waits that end.
//!
//! Nothing here waits for a time to pass: a wait is for something to be so, and fails after [`PATIENCE`].

pub mod binaries;
pub mod host;
pub mod http;
pub mod numbered;
pub mod place;
pub mod python;
pub mod servers;
pub mod streams;

use std::time::Duration;

use tokio::time::{Instant, sleep};

/// How long something may take that must come. Far more than it takes, for machines that are busy.
pub const PATIENCE: Duration = Duration::from_secs(180);
/// How often is looked whether it came.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// Waits until there is an answer. The failure names what was waited for.
pub async fn until<T>(awaited: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(answer) = look().await {
            return answer;
        }
        assert!(Instant::now() < end, "waited {} s in vain: {awaited}", PATIENCE.as_secs());
        sleep(LOOK_AGAIN).await;
    }
}
