//! Work on many threads that can be stopped.
//!
//! The threads of a rayon pool take parcels of work from one queue. The
//! calling thread polls the interrupt: it alone may, as a Python signal
//! handler, for one, only ever runs on the interpreter's main thread. Where no
//! pool is worth its start the calling thread works and polls in turn.

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rayon::ThreadPoolBuilder;

use super::{Interrupt, Options, ScoringError};

/// How often the interrupt is polled.
const POLL: Duration = Duration::from_millis(30);

/// Whether to give up, as one thread sees it.
pub struct Stop<'a> {
    asked: &'a AtomicBool,
    /// On the calling thread.
    interrupt: Option<Interrupt<'a>>,
    polled: Cell<Instant>,
}

impl<'a> Stop<'a> {
    fn new(asked: &'a AtomicBool, interrupt: Option<Interrupt<'a>>) -> Self {
        Self { asked, interrupt, polled: Cell::new(Instant::now()) }
    }

    /// Nobody will ask.
    #[cfg(test)]
    pub(super) fn never() -> Self {
        static NEVER: AtomicBool = AtomicBool::new(false);
        Self::new(&NEVER, None)
    }

    /// To be called every few milliseconds of work.
    ///
    /// # Errors
    ///
    /// [`ScoringError::Interrupted`], once somebody asked.
    pub fn check(&self) -> Result<(), ScoringError> {
        if let Some(interrupt) = self.interrupt {
            let now = Instant::now();
            if now - self.polled.get() >= POLL {
                self.polled.set(now);
                if interrupt() {
                    self.asked.store(true, Ordering::Relaxed);
                }
            }
        }
        if self.asked.load(Ordering::Relaxed) { Err(ScoringError::Interrupted) } else { Ok(()) }
    }
}

/// Number of threads that were asked for.
pub(super) fn threads(workers: usize) -> usize {
    match workers {
        0 => std::thread::available_parallelism().map_or(1, usize::from),
        workers => workers,
    }
}

/// Does the work on each of `count` parcels. Every thread has a memory of its
/// own, which it keeps from parcel to parcel.
///
/// # Errors
///
/// The first error of any parcel, [`ScoringError::Interrupted`] or
/// [`ScoringError::ThreadPool`].
pub fn drive<P, M, F>(
    parcels: impl Iterator<Item = P> + Send,
    count: usize,
    options: &Options<'_>,
    work: F,
) -> Result<(), ScoringError>
where
    P: Send,
    M: Default,
    F: Fn(P, &mut M, &Stop<'_>) -> Result<(), ScoringError> + Sync,
{
    let asked = AtomicBool::new(false);
    // A thread without a parcel would be started for nothing.
    let threads = threads(options.workers).min(count);
    if threads <= 1 {
        let stop = Stop::new(&asked, options.interrupt);
        let mut memory = M::default();
        return parcels.into_iter().try_for_each(|parcel| {
            stop.check()?;
            work(parcel, &mut memory, &stop)
        });
    }
    // The pool lives as long as the call. A global one would outlive it and
    // leave a process that forks afterwards, as Python's `multiprocessing`
    // may, with a pool whose threads do not exist.
    let pool = ThreadPoolBuilder::new()
        .num_threads(threads)
        .thread_name(|index| format!("ifrs-scoring-{index}"))
        .build()
        .map_err(|error| ScoringError::ThreadPool(error.to_string()))?;
    let queue = Mutex::new(parcels);
    let failure = Mutex::new(None);
    let running = Running { count: Mutex::new(threads), none: Condvar::new() };
    pool.in_place_scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|_| {
                let _leaving = Leaving(&running);
                let stop = Stop::new(&asked, None);
                let mut memory = M::default();
                loop {
                    let Some(parcel) = lock(&queue).next() else { return };
                    let done = stop.check().and_then(|()| work(parcel, &mut memory, &stop));
                    if let Err(error) = done {
                        asked.store(true, Ordering::Relaxed);
                        lock(&failure).get_or_insert(error);
                        return;
                    }
                }
            });
        }
        let mut count = lock(&running.count);
        while *count > 0 {
            count =
                running.none.wait_timeout(count, POLL).unwrap_or_else(PoisonError::into_inner).0;
            if *count > 0 && options.interrupt.is_some_and(|interrupt| interrupt()) {
                asked.store(true, Ordering::Relaxed);
            }
        }
    });
    match lock(&failure).take() {
        Some(error) => Err(error),
        None => Ok(()),
    }
}

/// The threads at work.
struct Running {
    count: Mutex<usize>,
    none: Condvar,
}

/// Counts a thread out, even one that panics.
struct Leaving<'a>(&'a Running);

impl Drop for Leaving<'_> {
    fn drop(&mut self) {
        let mut count = lock(&self.0.count);
        *count -= 1;
        if *count == 0 {
            self.0.none.notify_one();
        }
    }
}

/// What the lock guards is whole even where its holder panicked.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::sync::atomic::AtomicUsize;
    use std::thread;

    use super::super::Method;
    use super::*;

    #[test]
    fn every_parcel_is_worked_on_once() {
        for (count, workers) in [(0, 2), (1, 2), (10, 2), (1000, 3), (513, 1)] {
            let mut seen = vec![0_u32; count];
            let options = Options { workers, ..Options::new(Method::Exact) };
            drive(seen.iter_mut(), count, &options, |parcel: &mut u32, worked: &mut u32, _| {
                *worked += 1;
                *parcel += 1;
                Ok(())
            })
            .unwrap();
            assert!(seen.iter().all(|&times| times == 1));
        }
    }

    #[test]
    fn an_interrupt_stops_the_work_on_the_calling_thread_only() {
        let caller = thread::current().id();
        for workers in [1, 2] {
            let polls = AtomicUsize::new(0);
            let interrupt = || {
                assert_eq!(thread::current().id(), caller);
                polls.fetch_add(1, Ordering::Relaxed) == 1
            };
            let options =
                Options { workers, interrupt: Some(&interrupt), ..Options::new(Method::Exact) };
            let done = AtomicUsize::new(0);
            let result = drive(0..1_000_000, 1_000_000, &options, |_, (): &mut (), stop| {
                thread::sleep(Duration::from_millis(1));
                done.fetch_add(1, Ordering::Relaxed);
                stop.check()
            });
            assert!(matches!(result, Err(ScoringError::Interrupted)));
            assert_eq!(polls.load(Ordering::Relaxed), 2);
            assert!(done.load(Ordering::Relaxed) < 1000);
        }
    }

    #[test]
    fn the_first_error_ends_the_work() {
        for workers in [1, 3] {
            let options = Options { workers, ..Options::new(Method::Exact) };
            let result = drive(0..100, 100, &options, |parcel, (): &mut (), _| {
                if parcel == 7 { Err(ScoringError::EmptyPattern { index: 7 }) } else { Ok(()) }
            });
            assert!(matches!(result, Err(ScoringError::EmptyPattern { index: 7 })));
        }
    }
}
