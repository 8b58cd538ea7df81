//! Whether the application that another library runs is running, by that library's own rules.

use std::time::Duration;

use tidemill_engine::{limits, record::ShardId, time::Clock};
use tokio::time::{Instant, sleep};

use super::{Dialect, DialectError, Found, Holder, Row, Sign};

/// Reads everything, and says who is alive, if anybody is.
///
/// Where a date decides, the answer is there at once. Where a number has to change, it takes `failover`, unless nobody
/// holds anything; what is read last is what is answered.
///
/// # Cancel safety
/// Safe: nothing is written.
pub async fn running(
    dialect: &dyn Dialect,
    clock: Clock,
    failover: Duration,
) -> Result<(Found, Option<Holder>), DialectError> {
    let end = Instant::now() + failover;
    let first = dialect.read().await?;
    let mut found = first.clone();
    loop {
        let holders = found.rows.iter().filter_map(|row| row.holder.as_ref().map(|holder| (row, holder)));
        let alive = holders.clone().find(|(row, holder)| match holder.sign {
            Sign::Until(until) => until > clock.now(),
            Sign::Counter(counter) => counter_of(&first, &row.shard).is_some_and(|seen| seen != counter),
        });
        if let Some((_, holder)) = alive {
            let holder = holder.clone();
            return Ok((found, Some(holder)));
        }
        let may_be_alive = holders.clone().any(|(_, holder)| matches!(holder.sign, Sign::Counter(_)));
        if !may_be_alive || Instant::now() >= end {
            return Ok((found, None));
        }
        sleep(failover / limits::RUNNING_LOOKS).await;
        found = dialect.read().await?;
    }
}

fn counter_of(found: &Found, shard: &ShardId) -> Option<u64> {
    let same = |row: &&Row| row.shard == *shard;
    match found.rows.iter().find(same)?.holder.as_ref()?.sign {
        Sign::Counter(counter) => Some(counter),
        Sign::Until(_) => None,
    }
}
