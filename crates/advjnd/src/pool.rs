// SPDX-License-Identifier: MIT OR Apache-2.0
//! The one thread pool of a protector.
//!
//! A job is a shared object that hands out its own work. The calling thread starts at once and could finish alone; the
//! workers join when they wake. A worker that comes late finds nothing left and leaves. So a busy machine costs time,
//! but nothing waits for a thread that has not begun. After a job, workers spin for about 100 µs, since the next job
//! often follows at once; then they sleep.
//!
//! A network is a job that splits into small steps. [`Pool::for_each`] makes a job of things that can run in parallel:
//! faces, views, parts of a warp.
#![allow(unsafe_code, reason = "things are lent to threads that outlive the loan")]

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::{self, JoinHandle};

use crate::error::{Error, Result};

/// How often a worker polls for the next job before it sleeps: about 100 µs.
const SPINS: usize = 4000;

/// Work that several threads can share.
pub(crate) trait Job: Send + Sync {
    /// Does a share of the run `token` as thread `worker` (0 is the caller's); returns when nothing is left to take. It
    /// must not panic: an implementation keeps a panic for the thread that asked for the run.
    fn work(&self, worker: usize, token: u64);
}

/// The threads that run the plans of all networks. Dropping the pool ends them.
pub struct Pool {
    shared: Arc<Shared>,
    workers: Vec<JoinHandle<()>>,
    kept: OnceLock<Arc<dyn Any + Send + Sync>>,
}

struct Shared {
    generation: AtomicU64,
    current: Mutex<Option<(Arc<dyn Job>, u64)>>,
    stop: AtomicBool,
    asleep: Vec<AtomicBool>,
}

impl Pool {
    /// A pool of `threads` threads, the caller's included; 0 means one per core.
    pub fn new(threads: usize) -> Result<Arc<Self>> {
        let cores = || thread::available_parallelism().map_or(1, usize::from);
        let threads = if threads == 0 { cores() } else { threads };
        let shared = Arc::new(Shared {
            generation: AtomicU64::new(0),
            current: Mutex::new(None),
            stop: AtomicBool::new(false),
            asleep: (1..threads).map(|_| AtomicBool::new(false)).collect(),
        });
        let mut pool = Self { shared, workers: Vec::with_capacity(threads - 1), kept: OnceLock::new() };
        for worker in 1..threads {
            let shared = Arc::clone(&pool.shared);
            let thread = thread::Builder::new().name(format!("advjnd-{worker}")).spawn(move || shared.serve(worker));
            let thread = thread.map_err(|error| {
                Error::input(format!("cannot start thread {worker} of {threads} ({error}); ask for fewer threads"))
            })?;
            pool.workers.push(thread);
        }
        Ok(Arc::new(pool))
    }

    /// What those who work on this pool share, made by the first. It has one type for a pool; of another type, each gets
    /// its own.
    pub(crate) fn shared<T: Any + Default + Send + Sync>(&self) -> Arc<T> {
        let kept = Arc::clone(self.kept.get_or_init(|| Arc::new(T::default())));
        kept.downcast().unwrap_or_default()
    }

    /// Number of threads, the caller's included.
    pub fn threads(&self) -> usize {
        self.workers.len() + 1
    }

    /// Calls `work` once with each of `parts`, on all threads; returns when all calls have.
    ///
    /// If a call panics, the panic resumes here when the other calls have returned.
    pub fn for_each<T: Send>(&self, parts: &mut [T], work: impl Fn(&mut T) + Sync) {
        if self.workers.is_empty() || parts.len() < 2 {
            return parts.iter_mut().for_each(work);
        }
        let start = Start(parts.as_mut_ptr());
        let call = move |index: usize| {
            let start = &start;
            // SAFETY: `index` lies in `parts`, no other call has it, and the loan of `parts` lasts until all calls
            // returned.
            work(unsafe { &mut *start.0.add(index) });
        };
        let call: &(dyn Fn(usize) + Sync) = &call;
        // SAFETY: only the lifetime changes. `call` is not used any more when this function returns: a thread calls it
        // after it has taken an index below `count`, and all those are waited for.
        let call: &'static (dyn Fn(usize) + Sync) = unsafe { std::mem::transmute(call) };
        let parts = Arc::new(Parts {
            call,
            count: parts.len(),
            taken: AtomicUsize::new(0),
            done: AtomicUsize::new(0),
            panicked: Mutex::new(None),
        });
        self.run(&(Arc::clone(&parts) as Arc<dyn Job>), 0);
        while parts.done.load(Ordering::Acquire) < parts.count {
            thread::yield_now();
        }
        let panicked = parts.panicked.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(panic) = panicked {
            resume_unwind(panic);
        }
    }

    /// Runs `token` of `job` on all threads; returns when the calling thread finds nothing left to take.
    pub(crate) fn run(&self, job: &Arc<dyn Job>, token: u64) {
        if self.workers.is_empty() {
            return job.work(0, token);
        }
        *self.shared.slot() = Some((Arc::clone(job), token));
        self.shared.generation.fetch_add(1, Ordering::SeqCst);
        for (worker, asleep) in self.workers.iter().zip(&self.shared.asleep) {
            if asleep.swap(false, Ordering::SeqCst) {
                worker.thread().unpark();
            }
        }
        job.work(0, token);
        *self.shared.slot() = None;
    }
}

/// The first of a slice of things, each of which goes to one thread.
struct Start<T>(*mut T);

// SAFETY: threads reach different things through it, and these may be sent.
unsafe impl<T: Send> Sync for Start<T> {}
// SAFETY: as above.
unsafe impl<T: Send> Send for Start<T> {}

/// Calls that may run in parallel.
struct Parts {
    call: &'static (dyn Fn(usize) + Sync),
    count: usize,
    taken: AtomicUsize,
    done: AtomicUsize,
    panicked: Mutex<Option<Box<dyn Any + Send>>>,
}

impl Job for Parts {
    fn work(&self, _: usize, _: u64) {
        loop {
            let index = self.taken.fetch_add(1, Ordering::AcqRel);
            if index >= self.count {
                return;
            }
            if let Err(panic) = catch_unwind(AssertUnwindSafe(|| (self.call)(index))) {
                *self.panicked.lock().unwrap_or_else(PoisonError::into_inner) = Some(panic);
            }
            self.done.fetch_add(1, Ordering::AcqRel);
        }
    }
}

impl Shared {
    fn slot(&self) -> MutexGuard<'_, Option<(Arc<dyn Job>, u64)>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn serve(&self, worker: usize) {
        let mut seen = 0;
        loop {
            seen = self.next_generation(worker, seen);
            if self.stop.load(Ordering::SeqCst) {
                return;
            }
            let current = self.slot().as_ref().map(|(job, token)| (Arc::clone(job), *token));
            if let Some((job, token)) = current {
                job.work(worker, token);
            }
        }
    }

    fn next_generation(&self, worker: usize, seen: u64) -> u64 {
        loop {
            for _ in 0..SPINS {
                let generation = self.generation.load(Ordering::SeqCst);
                if generation != seen {
                    return generation;
                }
                std::hint::spin_loop();
            }
            let asleep = &self.asleep[worker - 1];
            asleep.store(true, Ordering::SeqCst);
            while asleep.load(Ordering::SeqCst) && self.generation.load(Ordering::SeqCst) == seen {
                thread::park();
            }
            asleep.store(false, Ordering::SeqCst);
        }
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::SeqCst);
        self.shared.generation.fetch_add(1, Ordering::SeqCst);
        for worker in self.workers.drain(..) {
            worker.thread().unpark();
            let _ = worker.join();
        }
    }
}

impl std::fmt::Debug for Pool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pool").field("threads", &self.threads()).finish()
    }
}
