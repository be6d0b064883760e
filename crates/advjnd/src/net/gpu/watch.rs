// SPDX-License-Identifier: MIT OR Apache-2.0
//! The recognisers of one protector on a GPU that is not trusted: what was computed there, and what went wrong.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use super::adapter::Adapter;
use super::device::Gpu;
use super::trial::Pair;
use super::watched::Watched;
use crate::error::Result;
use crate::net::executor::{Backend, Executor, Executors};
use crate::net::graph::Graph;
use crate::pool::Pool;

/// A GPU, the processor that stands in for it, and what both have done.
pub struct Watch {
    gpu: Arc<Gpu>,
    pool: Arc<Pool>,
    /// Networks that passed the test and nobody runs yet, by name.
    tested: Mutex<Vec<(String, Pair)>>,
    fault: OnceLock<String>,
    iterations: AtomicU64,
    looks: AtomicU64,
    audits: AtomicU64,
}

/// What was computed on the GPU.
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
    /// Puts `networks` on `gpu` and tests each against the processor, which works with `pool`.
    ///
    /// # Errors
    /// [`Error::Device`] if the device computes one of them wrongly, or fails; [`Error::Model`] if one cannot be
    /// planned.
    pub fn new<'g>(
        gpu: Arc<Gpu>,
        networks: impl IntoIterator<Item = &'g Graph>,
        pool: &Arc<Pool>,
    ) -> Result<Arc<Self>> {
        let device = format!("gpu:{} ({})", gpu.adapter().index, gpu.adapter().name);
        let tested = networks.into_iter().map(|graph| {
            let mut pair = Pair::new(&gpu, graph, 1, pool)?;
            pair.test(&device, graph.name())?;
            Ok((graph.name().to_owned(), pair))
        });
        Ok(Arc::new(Self {
            tested: Mutex::new(tested.collect::<Result<_>>()?),
            gpu,
            pool: Arc::clone(pool),
            fault: OnceLock::new(),
            iterations: AtomicU64::new(0),
            looks: AtomicU64::new(0),
            audits: AtomicU64::new(0),
        }))
    }

    /// What a gradient and a look by each of the networks take together, on the GPU and on the processor.
    ///
    /// # Errors
    /// What either reports.
    pub fn race(&self) -> Result<[Duration; 2]> {
        let mut sums = [Duration::ZERO; 2];
        for (_, pair) in &mut *self.tested() {
            let times = pair.times()?;
            sums.iter_mut().zip(times).for_each(|(sum, time)| *sum += time);
        }
        Ok(sums)
    }

    /// The GPU.
    pub fn gpu(&self) -> &Gpu {
        &self.gpu
    }

    /// What the GPU is.
    pub fn adapter(&self) -> &Adapter {
        self.gpu.adapter()
    }

    /// Why the processor does everything, if it does: the GPU failed once.
    pub fn fault(&self) -> Option<&str> {
        self.fault.get().map(String::as_str)
    }

    /// What was computed on the GPU so far.
    pub fn counts(&self) -> Counts {
        let [iterations, looks, audits] =
            [&self.iterations, &self.looks, &self.audits].map(|count| count.load(Ordering::Relaxed));
        Counts { iterations, looks, audits }
    }

    /// Notes that the GPU failed.
    pub(super) fn fail(&self, reason: String) {
        self.fault.get_or_init(|| reason);
    }

    pub(super) fn count_iteration(&self) {
        self.iterations.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn count_look(&self) {
        self.looks.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn count_audit(&self) {
        self.audits.fetch_add(1, Ordering::Relaxed);
    }

    fn tested(&self) -> MutexGuard<'_, Vec<(String, Pair)>> {
        self.tested.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Watch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (counts, fault) = (self.counts(), self.fault());
        f.debug_struct("Watch").field("gpu", &self.gpu).field("counts", &counts).field("fault", &fault).finish()
    }
}

/// Runs the networks of a [`Watch`] on its GPU, and all others on the processor.
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
