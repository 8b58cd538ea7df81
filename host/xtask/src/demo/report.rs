//! What the demo says at its end.

use std::{fmt, time::Duration};

use indicatif::{BinaryBytes, HumanCount};

use super::{
    orders::{ENDS, Orders},
    verdict::Verdict,
};

/// The host's resident memory has to stay below this, in bytes.
const MEMORY_MOST: u64 = 200 * 1000 * 1000;

/// What happened.
pub struct Report<'a> {
    /// What went in.
    pub orders: &'a Orders,
    /// What came out.
    pub verdict: &'a Verdict<'a>,
    /// From the first record in to the last one out.
    pub took: Duration,
    /// The most memory that the host held, in bytes, where that is known.
    pub peak: Option<u64>,
    /// What the host says of its work.
    pub summary: &'a str,
}

impl Report<'_> {
    /// Whether everything was as it should be.
    pub fn is_good(&self) -> bool {
        self.verdict.is_good() && self.emitted_once() && self.peak.is_none_or(|peak| peak < MEMORY_MOST)
    }

    /// Whether the host emitted as many documents as had to come out, and no more.
    fn emitted_once(&self) -> bool {
        let emitted = self.orders.expected_count() + ENDS.len();
        self.summary.split_whitespace().any(|field| field == format!("emitted={emitted}"))
    }
}

impl fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { orders, verdict, took, peak, summary } = self;
        let seconds = took.as_secs_f64();
        let rate = HumanCount((orders.count as f64 / seconds) as u64);
        let count = |count: usize| HumanCount(count as u64);
        writeln!(
            f,
            "records in    {} on 4 shards, {}",
            count(orders.count),
            BinaryBytes(orders.bytes as u64)
        )?;
        writeln!(
            f,
            "records out   {} of {} that had to",
            count(verdict.out()),
            count(orders.expected_count())
        )?;
        writeln!(
            f,
            "verified      each of them: lost {}, doubled {}, altered {}, out of order {}",
            verdict.lost(),
            verdict.doubled,
            verdict.wrong.len(),
            verdict.out_of_order
        )?;
        writeln!(f, "time          {seconds:.1} s from the first in to the last out, {rate} records/s")?;
        match peak {
            Some(peak) => writeln!(f, "host memory   {} at its peak, Kinesis included", BinaryBytes(*peak))?,
            None => writeln!(f, "host memory   not known on this system")?,
        }
        writeln!(f, "host says     {summary}")?;
        if let Some(first) = verdict.wrong.first() {
            writeln!(f, "first wrong   {first}")?;
        }
        write!(f, "result        {}", if self.is_good() { "all right" } else { "NOT RIGHT" })
    }
}
