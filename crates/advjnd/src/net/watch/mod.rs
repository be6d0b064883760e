// SPDX-License-Identifier: MIT OR Apache-2.0
//! Networks on an untrusted device: its counts of work, and its faults.
//!
//! * `trial`: compares a network on the device and on the processor: whether they agree, and which is faster.
//! * `watched`: the network in use, backed by the processor.

mod trial;
mod watched;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use self::trial::Pair;
use self::watched::Watched;
use crate::error::Result;
use crate::net::executor::{Backend, Executor, Executors};
use crate::net::graph::Graph;
use crate::pool::Pool;

/// How long a GPU may take for one pass. After longer, its driver would soon consider it hung.
pub(super) const PATIENCE: Duration = Duration::from_millis(250);

/// A device other than the processor that runs networks.
pub trait Accelerator: std::fmt::Debug + Send + Sync {
    /// The name by which a user asks for it: `gpu:0`.
    fn name(&self) -> String;

    /// Its hardware and driver.
    fn description(&self) -> String;

    /// How long a pass may take, 250 ms unless the device says otherwise. A later answer counts as a fault.
    fn patience(&self) -> Duration {
        PATIENCE
    }

    /// Loads `graph` onto it.
    ///
    /// # Errors
    /// [`Error::Model`](crate::Error::Model) if it cannot be planned, [`Error::Device`](crate::Error::Device) if the
    /// device failed.
    fn network(self: Arc<Self>, graph: &Graph) -> Result<Accelerated>;
}

/// A network on a device.
pub struct Accelerated {
    /// An executor for one sample at a time, with gradients.
    pub one: Box<dyn Executor>,
    /// Executors for several samples at a time, with gradients, in order of batch size. May be empty.
    pub many: Vec<Box<dyn Executor>>,
    /// The same for more samples than any of these, without gradients.
    pub looks: Vec<Box<dyn Executor>>,
}

/// A device, the processor that stands in for it, and the work done.
pub struct Watch {
    device: Arc<dyn Accelerator>,
    pool: Arc<Pool>,
    /// Networks that passed the test and are not in use yet, by name.
    tested: Mutex<Vec<(String, Pair)>>,
    fault: OnceLock<String>,
    iterations: AtomicU64,
    looks: AtomicU64,
    audits: AtomicU64,
}

/// How much was computed on the device.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Gradients.
    pub iterations: u64,
    /// Embeddings without a gradient.
    pub looks: u64,
    /// Embeddings that were repeated on the processor.
    pub audits: u64,
}

impl Watch {
    /// Loads `networks` onto `device` and tests each against the processor, which works with `pool`.
    ///
    /// # Errors
    /// [`Error::Device`](crate::Error::Device) if the device fails or computes one of them wrongly;
    /// [`Error::Model`](crate::Error::Model) if one cannot be planned.
    pub fn new<'g>(
        device: Arc<dyn Accelerator>,
        networks: impl IntoIterator<Item = &'g Graph>,
        pool: &Arc<Pool>,
    ) -> Result<Arc<Self>> {
        let named = format!("{} ({})", device.name(), device.description());
        let tested = networks.into_iter().map(|graph| {
            let mut pair = Pair::new(&device, graph, pool)?;
            pair.test(&named, graph.name())?;
            Ok((graph.name().to_owned(), pair))
        });
        Ok(Arc::new(Self {
            tested: Mutex::new(tested.collect::<Result<_>>()?),
            device,
            pool: Arc::clone(pool),
            fault: OnceLock::new(),
            iterations: AtomicU64::new(0),
            looks: AtomicU64::new(0),
            audits: AtomicU64::new(0),
        }))
    }

    /// Total time of a gradient and a look by each of the networks, on the device and on the processor.
    ///
    /// # Errors
    /// Errors of either.
    pub fn race(&self) -> Result<[Duration; 2]> {
        let mut sums = [Duration::ZERO; 2];
        for (_, pair) in &mut *self.tested() {
            let times = pair.times()?;
            sums.iter_mut().zip(times).for_each(|(sum, time)| *sum += time);
        }
        Ok(sums)
    }

    /// The device.
    pub fn device(&self) -> &Arc<dyn Accelerator> {
        &self.device
    }

    /// Why the processor does all work: the first fault of the device, if any.
    pub fn fault(&self) -> Option<&str> {
        self.fault.get().map(String::as_str)
    }

    /// How much was computed on the device so far.
    pub fn counts(&self) -> Counts {
        let [iterations, looks, audits] =
            [&self.iterations, &self.looks, &self.audits].map(|count| count.load(Ordering::Relaxed));
        Counts { iterations, looks, audits }
    }

    /// Records that the device failed.
    fn fail(&self, reason: String) {
        self.fault.get_or_init(|| reason);
    }

    fn count_iterations(&self, count: u64) {
        self.iterations.fetch_add(count, Ordering::Relaxed);
    }

    fn count_look(&self) {
        self.looks.fetch_add(1, Ordering::Relaxed);
    }

    fn count_audit(&self) {
        self.audits.fetch_add(1, Ordering::Relaxed);
    }

    fn tested(&self) -> MutexGuard<'_, Vec<(String, Pair)>> {
        self.tested.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Watch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (counts, fault) = (self.counts(), self.fault());
        f.debug_struct("Watch").field("device", &self.device).field("counts", &counts).field("fault", &fault).finish()
    }
}

/// Runs the networks of a [`Watch`] on its device, and all others on the processor.
#[derive(Debug, Clone)]
pub struct WatchedNetworks(pub Arc<Watch>);

impl Executors for WatchedNetworks {
    fn executor(&self, graph: &Graph, batch: usize) -> Result<Box<dyn Executor>> {
        let Self(watch) = self;
        let mut tested = watch.tested();
        let known = tested.iter().position(|(name, pair)| name == graph.name() && pair.cpu.batch() == batch);
        match known.map(|index| tested.swap_remove(index)) {
            Some((_, pair)) => Ok(Box::new(Watched::new(Arc::clone(watch), pair))),
            None => Backend::Cpu(Arc::clone(&watch.pool)).executor(graph, batch),
        }
    }
}
