// SPDX-License-Identifier: MIT OR Apache-2.0
//! Networks on a stage: they compute what they always do, take as long as a test says by a clock of its own, and fail
//! as it says.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use advjnd::net::graph::{Graph, Shape};
use advjnd::net::watch::{Accelerated, Accelerator};
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
    /// What it computes has the other sign.
    Lie,
    /// It answers rightly, when it should have answered long ago.
    Late,
}

/// How long the stage, as a device, may take for a call: longer than any takes on a machine that has other work, too.
const PATIENCE: Duration = Duration::from_secs(3);

/// The stage: a backend, its clock, and what its calls do.
#[derive(Debug)]
pub struct Stage {
    pool: Arc<Pool>,
    pub clock: Arc<ManualClock>,
    costs: Mutex<[Duration; 3]>,
    fault: Mutex<Option<(Call, Fault)>>,
    batches: Mutex<Vec<usize>>,
}

impl Stage {
    pub fn new() -> Arc<Self> {
        let pool = Pool::new(1).expect("a pool");
        let (costs, fault, batches) = (Mutex::default(), Mutex::default(), Mutex::default());
        Arc::new(Self { pool, clock: Arc::default(), costs, fault, batches })
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

    /// How many samples each gradient was for, since this was asked last.
    #[allow(dead_code, reason = "not every test needs it")]
    pub fn take_batches(&self) -> Vec<usize> {
        std::mem::take(&mut self.batches.lock().expect("batches"))
    }

    /// What a call comes to: by what its result is to be multiplied.
    fn call(&self, call: Call) -> Result<f32> {
        self.clock.advance(self.costs.lock().expect("costs")[call as usize]);
        let fault = self.fault.lock().expect("fault").filter(|(failing, _)| *failing == call);
        match fault {
            Some((_, Fault::Error)) => Err(Error::device("stage", format!("{call:?} fails on purpose"))),
            Some((_, Fault::Panic)) => panic!("{call:?} panics on purpose"),
            Some((_, Fault::NotFinite)) => Ok(f32::NAN),
            Some((_, Fault::Lie)) => Ok(-1.0),
            Some((_, Fault::Late)) => {
                std::thread::sleep(PATIENCE);
                Ok(1.0)
            }
            None => Ok(1.0),
        }
    }
}

/// The stage as a device of its own: the processor, playing one.
impl Accelerator for Stage {
    fn name(&self) -> String {
        "stage".to_owned()
    }

    fn description(&self) -> String {
        "a stage".to_owned()
    }

    fn patience(&self) -> Duration {
        PATIENCE
    }

    fn network(self: Arc<Self>, graph: &Graph) -> Result<Accelerated> {
        let maker = Maker(self);
        let many = [2, 3].into_iter().map(|batch| maker.executor(graph, batch));
        let many = many.collect::<Result<_>>()?;
        Ok(Accelerated { many, looks: vec![maker.executor(graph, 4)?], one: maker.executor(graph, 1)? })
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
        let factor = self.stage.call(self.kind)?;
        self.inner.forward(input, pass)?;
        for (index, output) in self.outputs.iter_mut().enumerate() {
            output.clear();
            output.extend(self.inner.output(index).iter().map(|value| value * factor));
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
        self.stage.batches.lock().expect("batches").push(self.batch());
        let factor = self.stage.call(Call::Gradient)?;
        self.inner.input_gradient(cotangent, gradient)?;
        gradient.iter_mut().for_each(|value| *value *= factor);
        Ok(())
    }
}
