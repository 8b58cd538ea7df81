//! What a guest writes, on its way into the host's log: labelled, cut to length, and no more than its budget.

use std::sync::{Arc, Mutex, PoisonError};

use tidemill_engine::{limits, record::ShardId};
use tokio::time::{Duration, Instant};
use tracing::Level;

use crate::{
    allow::Address,
    grants::Grants,
    refusals::Way,
    words::{harmless, shortened},
};

/// The log of one instance, shared by everything that the guest can write to.
#[derive(Clone, Debug)]
pub struct GuestLog(Arc<Mutex<Writer>>);

/// Where a guest wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output {
    Stdout,
    Stderr,
}

#[derive(Debug)]
struct Writer {
    label: Label,
    budget: Budget,
    stdout: Vec<u8>,
    stderr: Vec<u8>,
    last_words: Vec<u8>,
}

/// What every line says of where it is from.
#[derive(Debug)]
struct Label {
    component: Arc<str>,
    pipeline: Option<Arc<str>>,
    generation: u64,
    shard: ShardId,
}

impl GuestLog {
    /// The log of an instance of this generation, for this shard.
    pub fn new(grants: &Grants, generation: u64, shard: ShardId) -> Self {
        let (component, pipeline) = (Arc::clone(&grants.name), grants.pipeline.clone());
        Self(Arc::new(Mutex::new(Writer {
            label: Label { component, pipeline, generation, shard },
            budget: Budget::new(grants.sandbox.log_lines, Instant::now()),
            stdout: Vec::new(),
            stderr: Vec::new(),
            last_words: Vec::new(),
        })))
    }

    /// Writes a line.
    pub fn line(&self, level: Level, text: &str) {
        self.with(|writer| writer.line(level, text));
    }

    /// Writes that the guest wanted to go where it may not. It is the host's own line, and counts for no budget.
    pub fn refusal(&self, way: Way, address: &Address) {
        let notice = match way {
            Way::Http => {
                format!("a request was refused: allow.http does not name its address, address={address}")
            }
            Way::Connect => {
                format!(
                    "a connection was refused: allow.connect does not name its address, address={address}"
                )
            }
        };
        self.with(|writer| writer.label.write(Level::WARN, &notice));
    }

    /// Takes what the guest wrote to stdout or stderr: whole lines go to the log, the rest waits for its end.
    pub fn output(&self, from: Output, bytes: &[u8]) {
        self.with(|writer| writer.output(from, bytes));
    }

    /// Forgets the last words, at the start of a call.
    pub fn begin_call(&self) {
        self.with(|writer| writer.last_words.clear());
    }

    /// What the guest wrote to stderr since the call began, or the end of it: with most languages the reason why it
    /// trapped.
    pub fn last_words(&self) -> String {
        self.with(|writer| {
            let text = String::from_utf8_lossy(&writer.last_words);
            let lines: Vec<_> = text.lines().map(str::trim).filter(|line| worth_repeating(line)).collect();
            lines.join(" ")
        })
    }

    fn with<T>(&self, act: impl FnOnce(&mut Writer) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn worth_repeating(line: &str) -> bool {
    !line.is_empty() && !line.starts_with("note: run with `RUST_BACKTRACE")
}

impl Writer {
    fn line(&mut self, level: Level, text: &str) {
        match self.budget.take(Instant::now()) {
            Grant::Line { lost: 0 } => {}
            Grant::Line { lost } => self.label.write_lost(lost),
            Grant::LastLine => {
                self.label.write(level, shortened(text));
                let notice = "the guest writes too much: the rest of this second is left away";
                return self.label.write(Level::WARN, notice);
            }
            Grant::Nothing => return,
        }
        self.label.write(level, shortened(text));
    }

    fn line_if_any(&mut self, level: Level, text: &str) {
        let text = text.trim_end();
        if !text.is_empty() {
            self.line(level, text);
        }
    }

    fn output(&mut self, from: Output, bytes: &[u8]) {
        if from == Output::Stderr {
            self.last_words.extend_from_slice(bytes);
            let surplus = self.last_words.len().saturating_sub(limits::GUEST_LAST_WORDS_BYTES);
            self.last_words.drain(..surplus);
        }
        let mut pending = std::mem::take(self.pending(from));
        pending.extend_from_slice(bytes);
        let mut written = 0;
        while let Some(length) = line_length(&pending[written..]) {
            let line = String::from_utf8_lossy(&pending[written..written + length]);
            self.line_if_any(from.level(), &line);
            written += length;
        }
        pending.drain(..written);
        *self.pending(from) = pending;
    }

    fn pending(&mut self, from: Output) -> &mut Vec<u8> {
        match from {
            Output::Stdout => &mut self.stdout,
            Output::Stderr => &mut self.stderr,
        }
    }
}

impl Drop for Writer {
    /// What has no line's end yet is the more telling for it.
    fn drop(&mut self) {
        for from in [Output::Stdout, Output::Stderr] {
            let rest = std::mem::take(self.pending(from));
            self.line_if_any(from.level(), &String::from_utf8_lossy(&rest));
        }
        if self.budget.lost > 0 {
            self.label.write_lost(self.budget.lost);
        }
    }
}

impl Output {
    fn level(self) -> Level {
        match self {
            Self::Stdout => Level::INFO,
            Self::Stderr => Level::WARN,
        }
    }
}

impl Label {
    fn write_lost(&self, lines: u64) {
        self.write(Level::WARN, &format!("lines were left away, lines={lines}"));
    }

    fn write(&self, level: Level, text: &str) {
        let Self { component, pipeline, generation, shard } = self;
        let (text, pipeline) = (harmless(text), pipeline.as_deref());
        macro_rules! write_at {
            ($level:expr) => {
                tracing::event!(target: "guest", $level, %component, pipeline, generation, %shard, "{text}")
            };
        }
        match level {
            Level::ERROR => write_at!(Level::ERROR),
            Level::WARN => write_at!(Level::WARN),
            Level::INFO => write_at!(Level::INFO),
            Level::DEBUG => write_at!(Level::DEBUG),
            Level::TRACE => write_at!(Level::TRACE),
        }
    }
}

/// Length of the first line with its end, where there is one; a line that never ends is cut.
fn line_length(bytes: &[u8]) -> Option<usize> {
    let end = bytes.iter().position(|&byte| byte == b'\n').map(|at| at + 1);
    end.or_else(|| (bytes.len() >= limits::GUEST_LOG_LINE_BYTES).then_some(limits::GUEST_LOG_LINE_BYTES))
}

/// Lines that an instance may still write in this second.
#[derive(Debug)]
struct Budget {
    allowed: u32,
    second: Instant,
    left: u32,
    lost: u64,
}

/// What the budget has for a line.
#[derive(Debug, PartialEq, Eq)]
enum Grant {
    /// It may be written; so many were lost before it.
    Line { lost: u64 },
    /// It may be written, and none after it.
    LastLine,
    /// It is lost.
    Nothing,
}

impl Budget {
    fn new(allowed: u32, now: Instant) -> Self {
        Self { allowed, second: now, left: allowed, lost: 0 }
    }

    fn take(&mut self, now: Instant) -> Grant {
        let mut lost_before = 0;
        if now.duration_since(self.second) >= Duration::from_secs(1) {
            lost_before = self.lost;
            *self = Self::new(self.allowed, now);
        }
        match self.left {
            0 => {
                self.lost += 1;
                Grant::Nothing
            }
            1 => {
                self.left = 0;
                Grant::LastLine
            }
            _ => {
                self.left -= 1;
                Grant::Line { lost: lost_before }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::HandlerSettings;

    #[tokio::test(start_paused = true)]
    async fn a_flood_writes_its_budget_and_the_next_second_counts_the_rest() {
        let mut budget = Budget::new(limits::GUEST_LOG_LINES, Instant::now());
        let grants: Vec<_> = (0..limits::GUEST_LOG_LINES + 50).map(|_| budget.take(Instant::now())).collect();
        let written = grants.iter().filter(|grant| **grant != Grant::Nothing).count();
        assert_eq!(written, limits::GUEST_LOG_LINES as usize);
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(budget.take(Instant::now()), Grant::Line { lost: 50 });
        assert_eq!(budget.take(Instant::now()), Grant::Line { lost: 0 });
    }

    #[test]
    fn last_words_keep_the_end_and_leave_out_the_note_on_backtraces() {
        let grants = HandlerSettings::new("c").grants();
        let log = GuestLog::new(&grants, 1, "shardId-000000000000".into());
        log.output(Output::Stderr, &[b'x'; limits::GUEST_LAST_WORDS_BYTES]);
        log.output(Output::Stderr, b"\npanicked at 3:\nno such word\nnote: run with `RUST_BACKTRACE=1`\n");
        assert!(log.last_words().ends_with("x panicked at 3: no such word"), "{}", log.last_words());
        log.begin_call();
        assert_eq!(log.last_words(), "");
    }
}
