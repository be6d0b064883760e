// SPDX-License-Identifier: MIT OR Apache-2.0
//! Networks on a stage: they compute what they always do, take as long as a test says by a clock of its own, and fail
//! as it says.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use advjnd::net::graph::{Graph, Shape};
use advjnd::net::{Backend, Executor, Executors, Pass};
use advjnd::pacing::Clock;
use advjnd::{Error, Pool, Result};

/// A clock that goes on when somebody says so.
#[derive(Debug, Default)]
pub struct ManualClock(AtomicU64);

impl ManualClock {
    pub fn advance(&self, time: Duration) {
        self.0.fetch_add(time.as_nanos() as u64, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Duration {
        Duration::from_nanos(self.0.load(Ordering::SeqCst))
    }
}

/// A kind of call to a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Call {
    Detector,
    Embedding,
    Gradient,
}

/// How a call fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    Error,
    Panic,
    NotFinite,
}

/// The stage: a backend, its clock, and what its calls do.
#[derive(Debug)]
pub struct Stage {
    pool: Arc<Pool>,
    pub clock: Arc<ManualClock>,
    costs: Mutex<[Duration; 3]>,
    fault: Mutex<Option<(Call, Fault)>>,
}

impl Stage {
    pub fn new() -> Arc<Self> {
        let pool = Pool::new(1).expect("a pool");
        Arc::new(Self { pool, clock: Arc::default(), costs: Mutex::default(), fault: Mutex::default() })
    }

    pub fn backend(self: &Arc<Self>) -> Backend {
        Backend::Own(Arc::new(Maker(Arc::clone(self))))
    }

    /// From now on, calls to the detector, embeddings and gradients take so many milliseconds.
    pub fn set_costs(&self, milliseconds: [u64; 3]) {
        *self.costs.lock().expect("costs") = milliseconds.map(Duration::from_millis);
    }

    /// From now on, a kind of call fails; `None`: none does.
    pub fn set_fault(&self, fault: Option<(Call, Fault)>) {
        *self.fault.lock().expect("fault") = fault;
    }

    /// What a call comes to; whether its result is to be no number.
    fn call(&self, call: Call) -> Result<bool> {
        self.clock.advance(self.costs.lock().expect("costs")[call as usize]);
        let fault = self.fault.lock().expect("fault").filter(|(failing, _)| *failing == call);
        match fault {
            Some((_, Fault::Error)) => Err(Error::input(format!("{call:?} fails on purpose"))),
            Some((_, Fault::Panic)) => panic!("{call:?} panics on purpose"),
            Some((_, Fault::NotFinite)) => Ok(true),
            None => Ok(false),
        }
    }
}

#[derive(Debug)]
struct Maker(Arc<Stage>);

impl Executors for Maker {
    fn executor(&self, graph: &Graph, batch: usize) -> Result<Box<dyn Executor>> {
        let inner = Backend::Cpu(Arc::clone(&self.0.pool)).executor(graph, batch)?;
        let kind = if graph.outputs().len() > 1 { Call::Detector } else { Call::Embedding };
        let outputs = vec![Vec::new(); graph.outputs().len()];
        Ok(Box::new(Actor { stage: Arc::clone(&self.0), kind, inner, outputs }))
    }
}

struct Actor {
    stage: Arc<Stage>,
    kind: Call,
    inner: Box<dyn Executor>,
    outputs: Vec<Vec<f32>>,
}

impl Executor for Actor {
    fn batch(&self) -> usize {
        self.inner.batch()
    }

    fn input_shape(&self) -> Shape {
        self.inner.input_shape()
    }

    fn output_shape(&self, index: usize) -> Option<Shape> {
        self.inner.output_shape(index)
    }

    fn forward(&mut self, input: &[f32], pass: Pass) -> Result<()> {
        let spoil = self.stage.call(self.kind)?;
        self.inner.forward(input, pass)?;
        for (index, output) in self.outputs.iter_mut().enumerate() {
            output.clear();
            output.extend_from_slice(self.inner.output(index));
            if spoil {
                output.fill(f32::NAN);
            }
        }
        Ok(())
    }

    fn output(&self, index: usize) -> &[f32] {
        &self.outputs[index]
    }

    fn share(&self, graph: &Graph, _: &Arc<Pool>) -> Result<Box<dyn Executor>> {
        Maker(Arc::clone(&self.stage)).executor(graph, self.batch())
    }

    fn input_gradient(&mut self, cotangent: &[f32], gradient: &mut [f32]) -> Result<()> {
        let spoil = self.stage.call(Call::Gradient)?;
        self.inner.input_gradient(cotangent, gradient)?;
        if spoil {
            gradient.fill(f32::NAN);
        }
        Ok(())
    }
}
