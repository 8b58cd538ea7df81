//! The clock that interrupts running guests: a thread that raises the engine's epoch at a steady rate.

use std::{
    io,
    sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel},
    thread::{Builder, JoinHandle},
};

use tidemill_engine::limits;
use wasmtime::EngineWeak;

/// Raises the epoch until it is dropped.
///
/// It is a thread and no task, because the tasks of a runtime whose threads are all in a guest do not run.
#[derive(Debug)]
pub struct Ticker {
    stop: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Ticker {
    /// Starts ticking. Fails when the system has no thread left.
    pub fn start(engine: EngineWeak) -> io::Result<Self> {
        let (stop, stopped) = sync_channel::<()>(0);
        let thread = Builder::new().name("epoch".to_owned()).spawn(move || {
            while stopped.recv_timeout(limits::EPOCH_TICK) == Err(RecvTimeoutError::Timeout) {
                let Some(engine) = engine.upgrade() else { return };
                engine.increment_epoch();
            }
        })?;
        Ok(Self { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
