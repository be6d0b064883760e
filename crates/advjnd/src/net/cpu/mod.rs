// SPDX-License-Identifier: MIT OR Apache-2.0
//! The fast path: a graph becomes a plan once, and the plan runs without allocating.
//!
//! ```text
//! graph ─► plan: nodes ─► steps + packed weights + places ─► program ─► pool of threads
//!                          tiled / matrix / winograd / depthwise / window / pointwise / image
//! ```
//!
//! * [`simd`](self): vectors of 16 on AVX-512, AVX2 or any other processor; chosen at run time.
//! * `conv`: dense convolutions; `reach`: what they read; `tiled`: by `tile`, the register tile that all dense products
//!   share; `matrix`: on `amx`; `winograd`: 3×3 at stride 1, by either.
//! * `depthwise`, `window`, `pointwise`, `linear`, `image`: the rest, each bound by memory rather than arithmetic.
//! * `memory`: packed weights, shared by all engines of a network; the own memory of each engine, or an arena in turn.
//! * `sink`: bias, residual, activation and its derivative, in the epilogue of every kernel.
//! * `plan`: algorithm, place and epilogue of every operation; `program`: how threads share the steps.
//!
//! All sums are in `f32`, and products, too, except on AMX. The weights of large layers are kept in half precision
//! ([`WeightPrecision`]), because those layers wait for memory: dlib's network then takes 0.85 of the time.
//!
//! On AMX a product is made of products of bf16. Forward there are five or six, as good as `f32`, but for large layers'
//! weights that are not in half precision: they keep 16 bits. Backward there are three, which keep 16 bits of all
//! (`amx`). That is faster, since AMX multiplies bf16 sixteen times as fast as AVX-512 does `f32`. Without AMX
//! bf16 is not used: `vdpbf16ps` runs at half the rate of fused multiply-adds on Sapphire and Emerald Rapids, and at
//! twice that rate on Zen 4, which is too little for three products.

#[cfg(target_arch = "x86_64")]
mod amx;
mod conv;
mod depthwise;
mod image;
mod layout;
mod linear;
#[cfg(target_arch = "x86_64")]
mod matrix;
mod memory;
mod plan;
mod pointwise;
mod program;
mod reach;
mod simd;
mod sink;
mod tile;
mod tiled;
mod window;
mod winograd;

use std::sync::Arc;

pub use simd::Level;

use self::layout::Blocked;
use self::memory::{Arena, Store, WeightStore};
use self::plan::Plan;
use self::program::Program;
use super::executor::{Executor, Pass, check_len};
use super::graph::{Graph, Shape};
use super::precision::WeightPrecision;
use crate::error::{Error, Result};
use crate::pool::{Job, Pool};

/// A graph on the fast path.
pub struct Engine {
    program: Arc<Program>,
    job: Arc<dyn Job>,
    pool: Arc<Pool>,
    level: Level,
    batch: usize,
    run: u32,
    input_shape: Shape,
    places: Vec<Blocked>,
    cotangent: Option<Blocked>,
    outputs: Vec<Vec<f32>>,
    differentiable: bool,
}

impl Engine {
    /// Plans `graph` for `batch` samples at a time on `pool`, for the best level of this processor. All engines made in
    /// this way from this graph or a copy of it share their packed weights.
    ///
    /// [`Error::Model`] for a graph with an operation this engine cannot run.
    pub fn new(graph: &Graph, batch: usize, pool: &Arc<Pool>) -> Result<Self> {
        Self::at_best(graph, batch, pool, None)
    }

    /// As [`new`](Self::new), for outputs without gradients. The values of all such engines on `pool` lie in the same
    /// memory; so they run one after the other.
    pub fn for_outputs(graph: &Graph, batch: usize, pool: &Arc<Pool>) -> Result<Self> {
        Self::at_best(graph, batch, pool, Some(pool.shared::<Arena>()))
    }

    fn at_best(graph: &Graph, batch: usize, pool: &Arc<Pool>, arena: Option<Arc<Arena>>) -> Result<Self> {
        let store = match graph.prepared().get::<Store>() {
            Some(packed) => WeightStore::of(packed),
            None => WeightStore::new(WeightPrecision::Half),
        };
        let engine = Self::planned(graph, batch, pool, Level::best(), store, arena)?;
        // If another thread came first, its weights are the same.
        graph.prepared().keep(Arc::clone(engine.program.weights()));
        Ok(engine)
    }

    /// As [`new`](Self::new) for a chosen level and precision, on its own weights; [`Error::Input`] if this processor
    /// does not support the level.
    pub fn with(
        graph: &Graph,
        batch: usize,
        pool: &Arc<Pool>,
        level: Level,
        precision: WeightPrecision,
    ) -> Result<Self> {
        if !level.runs_here() {
            return Err(Error::input(format!("this processor cannot run {level:?}; use Level::best()")));
        }
        Self::planned(graph, batch, pool, level, WeightStore::new(precision), None)
    }

    /// Another engine for the same `graph`, on the same packed weights, with its own memory.
    ///
    /// [`Error::Model`] if `graph` is another network.
    pub fn sharing(&self, graph: &Graph, batch: usize, pool: &Arc<Pool>) -> Result<Self> {
        let store = WeightStore::of(Arc::clone(self.program.weights()));
        Self::planned(graph, batch, pool, self.level, store, None)
    }

    fn planned(
        graph: &Graph,
        batch: usize,
        pool: &Arc<Pool>,
        level: Level,
        store: WeightStore,
        arena: Option<Arc<Arena>>,
    ) -> Result<Self> {
        let plan = plan::plan(graph, batch, level, pool.threads(), store, arena)?;
        let Plan { program, outputs: places, cotangent } = plan;
        let program = Arc::new(program);
        Ok(Self {
            job: Arc::clone(&program) as Arc<dyn Job>,
            program,
            pool: Arc::clone(pool),
            level,
            batch,
            run: 0,
            input_shape: graph.input_shape(),
            outputs: places.iter().map(|place| vec![0.0; batch * place.shape.len()]).collect(),
            places,
            cotangent,
            differentiable: false,
        })
    }

    /// Bytes of its packed weights, its own values (not those in an arena) and scratch.
    pub fn bytes(&self) -> usize {
        self.program.bytes()
    }

    fn input_len(&self) -> usize {
        self.batch * self.input_shape.len()
    }
}

impl Executor for Engine {
    fn batch(&self) -> usize {
        self.batch
    }

    fn input_shape(&self) -> Shape {
        self.input_shape
    }

    fn output_shape(&self, index: usize) -> Option<Shape> {
        self.places.get(index).map(|place| place.shape)
    }

    fn forward(&mut self, input: &[f32], pass: Pass) -> Result<()> {
        check_len("the input", input.len(), self.input_len())?;
        self.run = self.run.wrapping_add(1);
        let program = Arc::clone(&self.program);
        let _held = program.hold();
        program::run(&self.program, &self.job, &self.pool, self.run, input, None);
        for (output, place) in self.outputs.iter_mut().zip(&self.places) {
            self.program.read(place, output);
        }
        self.differentiable = pass == Pass::Differentiable && self.cotangent.is_some();
        Ok(())
    }

    fn output(&self, index: usize) -> &[f32] {
        self.outputs.get(index).map_or(&[], Vec::as_slice)
    }

    fn share(&self, graph: &Graph, pool: &Arc<Pool>) -> Result<Box<dyn Executor>> {
        Ok(Box::new(self.sharing(graph, self.batch, pool)?))
    }

    fn work_on(&mut self, pool: &Arc<Pool>) {
        if pool.threads() <= self.program.threads() {
            self.pool = Arc::clone(pool);
        }
    }

    fn input_gradient(&mut self, cotangent: &[f32], gradient: &mut [f32]) -> Result<()> {
        let Some(place) = self.cotangent.filter(|_| self.differentiable) else {
            return Err(Error::input("no differentiable forward pass to pull back through; run one first"));
        };
        check_len("the cotangent", cotangent.len(), self.batch * place.shape.len())?;
        check_len("the gradient", gradient.len(), self.input_len())?;
        self.program.write(&place, cotangent);
        self.run = self.run.wrapping_add(1);
        program::run(&self.program, &self.job, &self.pool, self.run, &[], Some(gradient));
        Ok(())
    }
}
