//! Ctrl-C while the core works.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;

/// Whether a signal raised; for work that asks now and then.
pub(crate) fn interrupted() -> bool {
    Python::attach(|py| py.check_signals().is_err())
}

/// How often a signal is looked for beside work.
const POLL: Duration = Duration::from_millis(50);

/// Runs `work` beside a look-out for signals; one that raises sets `stopped`.
pub(crate) fn watched<T: Send>(
    py: Python<'_>,
    stopped: &AtomicBool,
    work: impl FnOnce() -> T + Send,
) -> PyResult<T> {
    let outcome = py.detach(|| {
        thread::scope(|scope| {
            let (done, waiting) = mpsc::channel();
            scope.spawn(move || drop(done.send(work())));
            loop {
                match waiting.recv_timeout(POLL) {
                    Ok(found) => return Ok(Some(found)),
                    Err(RecvTimeoutError::Disconnected) => return Ok(None),
                    Err(RecvTimeoutError::Timeout) => {}
                }
                if let Err(error) = Python::attach(|py| py.check_signals()) {
                    stopped.store(true, Ordering::Relaxed);
                    return Err(error);
                }
            }
        })
    })?;
    outcome.ok_or_else(|| PyRuntimeError::new_err("checking ended without a result"))
}
