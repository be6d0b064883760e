// SPDX-License-Identifier: MIT OR Apache-2.0
//! The tools of a thread: recognisers and models of visibility.
//!
//! A single face gets all threads, which share every step of a network and every warp. Several faces, or several probes
//! of one, get a thread each: measured on two cores, two forward passes of dlib's network side by side take 0.7 of the
//! time of one after the other on both cores. Both ways give the same bytes.

use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use super::chip::Chip;
use super::chip_reader::ChipReader;
use super::transfer::Smoothing;
use super::visibility::Visibility;
use crate::error::Result;
use crate::jnd::Temporal;
use crate::models::Models;
use crate::net::graph::Graph;
use crate::net::{Backend, Recognizer, RecognizerSpec};
use crate::pacing::Pace;
use crate::pool::Pool;

/// Looks that are timed; the first makes what lasts.
const LOOKS_TIMED: usize = 8;

/// The workers of a protector.
pub struct Workers {
    pool: Arc<Pool>,
    /// A pool of the calling thread alone.
    alone: Arc<Pool>,
    specs: Vec<Arc<RecognizerSpec>>,
    /// The worker that uses every thread of the pool, or the calling thread when others work beside it.
    first: Worker,
    /// Workers that use the calling thread: one for each further thread. At most as many as further cores, since more
    /// threads only wait for each other.
    others: Vec<Worker>,
    /// The times of looks, once they were measured.
    look_times: Option<Vec<Duration>>,
}

impl Workers {
    /// Workers with the recognisers of `models`, run by `backend`; [`Error::Model`](crate::Error::Model) if one cannot
    /// run.
    pub fn new(models: &Models, backend: &Backend) -> Result<Self> {
        let alone = Pool::new(1)?;
        let (pool, others) = match backend {
            Backend::Cpu(pool) => {
                let cores = thread::available_parallelism().map_or(1, usize::from);
                (Arc::clone(pool), pool.threads().min(cores).saturating_sub(1))
            }
            _ => (Arc::clone(&alone), 0),
        };
        let read = |(spec, graph): &(RecognizerSpec, Graph)| {
            let recognizer = Recognizer::new(spec.clone(), backend.executor(graph, 1)?)?;
            Ok(ChipReader::new(recognizer))
        };
        // Each packs the weights of its network, which takes longest of all at the first start.
        let mut readers: Vec<_> = models.recognizers.iter().map(|own| (own, None)).collect();
        pool.for_each(&mut readers, |(own, reader)| *reader = Some(read(own)));
        let readers = readers.into_iter().filter_map(|(_, reader)| reader).collect::<Result<_>>()?;
        let mut first = Worker::new(readers, &pool);
        let specs = first.specs().cloned().map(Arc::new).collect();
        first.visibility.prepare()?;
        let others = (0..others).map(|_| {
            let readers = first.readers.iter().zip(&models.recognizers);
            let shared =
                readers.map(|(reader, (_, graph))| Ok(ChipReader::new(reader.recognizer().share(graph, &alone)?)));
            Ok(Worker::new(shared.collect::<Result<_>>()?, &alone))
        });
        let others = others.collect::<Result<_>>()?;
        Ok(Self { pool, alone, specs, first, others, look_times: None })
    }

    /// The specification of each recogniser.
    pub fn specs(&self) -> &[Arc<RecognizerSpec>] {
        &self.specs
    }

    /// The time of a look by each recogniser on all threads, by the clock of `pace`: the least of [`LOOKS_TIMED`]. It is
    /// measured once.
    ///
    /// # Errors
    /// What a recogniser reports.
    pub fn look_times(&mut self, pace: &Pace) -> Result<Vec<Duration>> {
        let time = |reader: &mut ChipReader| {
            let (chip, mut embedding) = (Chip::black(reader.spec().chip_size), vec![0.0; reader.spec().embedding_len]);
            let mut least = Duration::MAX;
            for _ in 0..LOOKS_TIMED {
                let (looked, took) = pace.time(|| reader.embed(&chip, &mut embedding));
                looked?;
                least = least.min(took);
            }
            Ok(least)
        };
        if let Some(times) = &self.look_times {
            return Ok(times.clone());
        }
        let times: Vec<Duration> = self.on_all_threads().readers.iter_mut().map(time).collect::<Result<_>>()?;
        Ok(self.look_times.insert(times).clone())
    }

    /// Takes out recogniser `index`, and returns its name.
    pub fn remove(&mut self, index: usize) -> String {
        self.others.iter_mut().chain([&mut self.first]).for_each(|worker| drop(worker.readers.remove(index)));
        self.look_times.iter_mut().for_each(|times| _ = times.remove(index));
        self.specs.remove(index).name.clone()
    }

    /// All threads.
    pub fn pool(&self) -> &Pool {
        &self.pool
    }

    /// Largest number of parts that run in parallel.
    pub fn threads(&self) -> usize {
        self.others.len() + 1
    }

    /// The first worker, with all threads.
    fn on_all_threads(&mut self) -> &mut Worker {
        // Without others it never left them.
        if !self.others.is_empty() {
            self.first.work_on(&self.pool);
        }
        &mut self.first
    }

    /// Has looks timed anew.
    pub fn forget_look_times(&mut self) {
        self.look_times = None;
    }

    /// The worker for all faces, if its recognisers take several chips together faster than one by one.
    pub fn together(&mut self) -> Option<&mut Worker> {
        let is_faster = self.first.readers.iter().any(|reader| reader.recognizer().takes_many());
        is_faster.then(|| self.on_all_threads())
    }

    /// Calls `work` once with each of `parts` and a worker, in parallel if there are several.
    pub fn for_each<T: Send>(&mut self, parts: &mut [T], work: impl Fn(&mut Worker, &mut T) + Sync) {
        if parts.len() < 2 || self.others.is_empty() {
            let worker = self.on_all_threads();
            return parts.iter_mut().for_each(|part| work(worker, part));
        }
        self.first.work_on(&self.alone);
        let mut workers: Vec<_> = [&mut self.first].into_iter().chain(&mut self.others).take(parts.len()).collect();
        let left = Mutex::new(parts.iter_mut());
        let next = || left.lock().unwrap_or_else(PoisonError::into_inner).next();
        self.pool.for_each(&mut workers, |worker| {
            while let Some(part) = next() {
                work(worker, part);
            }
        });
    }
}

/// The tools of one thread.
pub struct Worker {
    /// The threads that it may use: all of the protector, or its own while others work beside it.
    pub pool: Arc<Pool>,
    /// The recognisers.
    pub readers: Vec<ChipReader>,
    /// The chip of a look.
    pub chip: Chip,
    /// Temporal masking.
    pub temporal: Temporal,
    /// Smooths gradients.
    pub smoothing: Smoothing,
    /// Just-noticeable differences.
    pub visibility: Visibility,
}

impl Worker {
    fn new(readers: Vec<ChipReader>, pool: &Arc<Pool>) -> Self {
        Self {
            pool: Arc::clone(pool),
            readers,
            chip: Chip::default(),
            temporal: Temporal::default(),
            smoothing: Smoothing::default(),
            visibility: Visibility::default(),
        }
    }

    /// Has it work on `pool` from now on.
    fn work_on(&mut self, pool: &Arc<Pool>) {
        self.pool = Arc::clone(pool);
        self.readers.iter_mut().for_each(|reader| reader.work_on(pool));
    }

    /// The specification of each recogniser.
    pub fn specs(&self) -> impl Iterator<Item = &RecognizerSpec> + Clone {
        self.readers.iter().map(ChipReader::spec)
    }
}
