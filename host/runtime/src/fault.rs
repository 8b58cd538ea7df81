//! Why a call of a guest failed, told from what the engine reports.

use tidemill_engine::handler::HandlerErrorKind;
use wasmtime::{Trap, WasmBacktrace};
use wasmtime_wasi::I32Exit;

use crate::{budget::Spent, state::State, words};

/// Frames of a guest's backtrace that a message repeats, innermost first.
const FRAMES: usize = 4;

/// What the engine says of an answer that is larger than the host sets room aside for.
const TOO_MUCH: &str = "too much data is being copied";

/// A failed call. The instance that made it is of no more use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// How it failed.
    pub kind: HandlerErrorKind,
    /// Details, for people.
    pub message: String,
}

impl Fault {
    /// The outcome breaks the contract.
    pub fn malformed(reason: impl Into<String>) -> Self {
        Self { kind: HandlerErrorKind::Malformed, message: reason.into() }
    }

    /// The guest emitted more than it may.
    pub fn of_output(reason: impl Into<String>) -> Self {
        Self { kind: HandlerErrorKind::Output, message: reason.into() }
    }

    /// The instance that kept records of its shard, which no checkpoint covers, is gone.
    pub fn forgotten() -> Self {
        let message = "records that no checkpoint covers went with its instance".to_owned();
        Self { kind: HandlerErrorKind::Swapped, message }
    }

    /// The guest called the host more often than it may.
    pub fn spent(spent: Spent) -> Self {
        Self { kind: HandlerErrorKind::HostCalls, message: spent.to_string() }
    }

    /// What an instance is granted cannot be given to it.
    pub fn ungranted(error: &wasmtime::Error) -> Self {
        Self { kind: HandlerErrorKind::Instantiate, message: format!("{error:#}") }
    }

    /// No instance could be made.
    pub fn of_instantiation(error: &wasmtime::Error, state: &State) -> Self {
        if state.memory.refused() || error.is::<Spent>() || error.is::<Trap>() {
            return Self::of_call(error, state);
        }
        Self { kind: HandlerErrorKind::Instantiate, message: format!("{error:#}") }
    }

    /// A call ended with this error. What fails without a place in the guest's code failed on the way back: the
    /// answer could not be read.
    pub fn of_call(error: &wasmtime::Error, state: &State) -> Self {
        let frames = error.downcast_ref::<WasmBacktrace>();
        let (kind, reason) = if state.memory.refused() {
            let allowed = state.memory.allowed();
            (HandlerErrorKind::Memory, format!("more than the limit was asked for, {allowed}"))
        } else if let Some(spent) = error.downcast_ref::<Spent>() {
            (HandlerErrorKind::HostCalls, spent.to_string())
        } else if let Some(exit) = error.downcast_ref::<I32Exit>() {
            (HandlerErrorKind::Trap, format!("the guest exited, status={}", exit.0))
        } else if let Some(trap) = error.downcast_ref::<Trap>() {
            (HandlerErrorKind::Trap, trap.to_string())
        } else if frames.is_some() {
            (HandlerErrorKind::Trap, error.root_cause().to_string())
        } else {
            let reason = format!("{error:#}");
            let is_too_much = reason.contains(TOO_MUCH);
            (if is_too_much { HandlerErrorKind::Output } else { HandlerErrorKind::Malformed }, reason)
        };
        let mut message = reason;
        let last_words = state.log.last_words();
        if !last_words.is_empty() {
            message.push_str(&format!(": {}", words::harmless(&last_words)));
        }
        let frames = frames.map(innermost).unwrap_or_default();
        if !frames.is_empty() {
            message.push_str(&format!(", at={frames}"));
        }
        Self { kind, message }
    }

    /// Whether the guest reported it in so many words, and is none the worse for it.
    pub fn is_spoken(&self) -> bool {
        matches!(self.kind, HandlerErrorKind::Failed | HandlerErrorKind::Refused)
    }

    /// The guest itself said that the batch failed.
    pub fn said(retryable: bool, reason: &str) -> Self {
        let kind = if retryable { HandlerErrorKind::Failed } else { HandlerErrorKind::Refused };
        Self { kind, message: words::repeated(reason) }
    }
}

fn innermost(backtrace: &WasmBacktrace) -> String {
    let names = backtrace.frames().iter().filter_map(|frame| {
        let symbol = frame.symbols().first().and_then(|symbol| symbol.name());
        symbol.or_else(|| frame.func_name()).map(words::repeated)
    });
    names.take(FRAMES).collect::<Vec<_>>().join(" < ")
}
