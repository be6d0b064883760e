// SPDX-License-Identifier: MIT OR Apache-2.0
//! Turns a graph into a program: the algorithm of each operation, the places of values, and the packed weights.
//!
//! Values live from the step that makes them to the last one that reads them. Their places are reused (see
//! [`layout`](super::layout)), so the working set stays small. The backward pass needs no values, only the sign bits
//! that the epilogues saved. The algorithm is chosen by shape, not by timing, so that the same input gives the same
//! bytes on every run.

mod backward;
mod forward;

use std::sync::Arc;

use super::image::{Direction, Form, Image};
use super::layout::{Blocked, Grid, Halo, Space, blocks, spoiled};
use super::linear::Packed;
use super::memory::{Arena, WeightStore};
use super::pointwise::Frame;
use super::program::{Program, Step};
use super::reach::{backward_halo, forward_halo, mirrored, to_image_halo};
use super::simd::Level;
use super::sink::Finish;
use super::winograd;
use crate::error::{Error, Result};
use crate::net::affine::Affine;
use crate::net::graph::{Activation, Conv, Graph, Op, Shape, ValueId};
use crate::net::nodes::{self, Node};

/// Outputs of a plane from which Winograd F(4×4, 3×3) is faster than F(2×2, 3×3).
const LARGE_PLANE: usize = 144;
/// Outputs of a plane from which Winograd F(2×2, 3×3) is faster than the direct algorithm, whose weights are smaller.
const MEDIUM_PLANE: usize = 36;
/// Input or output channels below which the transforms cost more than the products save.
const WINOGRAD_CHANNELS: usize = 16;

/// A program, and the places of its inputs and outputs.
pub(super) struct Plan {
    pub(super) program: Program,
    pub(super) outputs: Vec<Blocked>,
    /// Place of the cotangent of output 0; `None` if the plan has no backward pass.
    pub(super) cotangent: Option<Blocked>,
}

/// Makes the plan of `graph` for `batch` samples at a time; `store` takes its packed weights, or has them. With an
/// `arena`, its values lie there, and it has no backward pass.
pub(super) fn plan(
    graph: &Graph,
    batch: usize,
    level: Level,
    threads: usize,
    store: WeightStore,
    arena: Option<Arc<Arena>>,
) -> Result<Plan> {
    let (root, nodes) = nodes::nodes(graph)?;
    let values = graph.ops().len() + 1;
    let mut planner = Planner {
        graph,
        batch,
        level,
        threads,
        nodes: &nodes,
        root: root.value,
        affine: root.affine,
        store,
        space: Space::new(batch),
        taken: Vec::new(),
        bits: 0,
        outputs_only: arena.is_some(),
        steps: Vec::new(),
        places: vec![None; values],
        signs: vec![None; values],
        slopes: vec![None; values],
        owners: vec![None; values],
        linear: vec![None; values],
    };
    planner.forward()?;
    let forward = planner.steps.len();
    let cotangent = if planner.differentiable() { Some(planner.backward()?) } else { None };
    let outputs = graph.outputs().iter().filter_map(|output| planner.places[*output]).collect();
    let Planner { steps, taken, space, bits, store, .. } = planner;
    let (steps, forward) = with_frames(steps, &taken, batch, forward, arena.is_some());
    if steps.iter().any(|step| step.items() > usize::from(u16::MAX)) {
        return Err(Error::model(graph.name(), "has a layer too large for this engine; give it a smaller input"));
    }
    let weights = store.finish().ok_or_else(|| {
        Error::model(graph.name(), "is not the network whose packed weights were to be shared; load it on its own")
    })?;
    let program = Program::new(steps, forward, space.length(), bits, weights, threads, arena);
    Ok(Plan { program, outputs, cotangent })
}

/// `steps`, with a step inserted before each write to a place with a spoiled frame, to clear that frame; all are spoiled
/// if the memory starts `dirty`. Also returns how many the first `forward` steps have become.
fn with_frames(
    steps: Vec<Step>,
    taken: &[(usize, Blocked)],
    batch: usize,
    forward: usize,
    dirty: bool,
) -> (Vec<Step>, usize) {
    let places: Vec<Blocked> = taken.iter().map(|(_, place)| *place).collect();
    let mut spoiled = spoiled(&places, batch, dirty).map(|index| taken[index]).peekable();
    let (mut framed, mut first) = (Vec::with_capacity(steps.len()), 0);
    for (at, step) in steps.into_iter().enumerate() {
        while let Some((_, place)) = spoiled.next_if(|(before, _)| *before <= at) {
            framed.push(Step::Frame(Frame::new(place, batch)));
        }
        framed.push(step);
        if at + 1 == forward {
            first = framed.len();
        }
    }
    (framed, first)
}

struct Planner<'g> {
    graph: &'g Graph,
    batch: usize,
    level: Level,
    threads: usize,
    nodes: &'g [Node<'g>],
    root: ValueId,
    affine: Affine,
    store: WeightStore,
    space: Space,
    /// The places taken, each with the number of steps at that time.
    taken: Vec<(usize, Blocked)>,
    bits: usize,
    outputs_only: bool,
    steps: Vec<Step>,
    places: Vec<Option<Blocked>>,
    signs: Vec<Option<Grid>>,
    slopes: Vec<Option<usize>>,
    owners: Vec<Option<Grid>>,
    linear: Vec<Option<Packed>>,
}

/// How a dense convolution is computed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Algorithm {
    Direct,
    Winograd(usize),
}

impl Algorithm {
    fn of(conv: &Conv, input: Shape) -> Self {
        let channels = conv.in_channels.min(conv.out_channels);
        let suits = conv.kernel == 3 && conv.stride == 1 && !conv.depthwise && channels >= WINOGRAD_CHANNELS;
        match conv.output_shape(input) {
            Some(output) if suits && output.plane() >= LARGE_PLANE => Self::Winograd(4),
            Some(output) if suits && output.plane() >= MEDIUM_PLANE => Self::Winograd(2),
            _ => Self::Direct,
        }
    }

    /// The frame that it reads around an input of shape `input`.
    fn halo(conv: &Conv, input: Shape) -> Halo {
        match Self::of(conv, input) {
            Self::Direct => forward_halo(conv, input),
            Self::Winograd(m) => winograd::halo(conv, input, m),
        }
    }
}

impl<'g> Planner<'g> {
    fn shape(&self, value: ValueId) -> Shape {
        self.graph.shape(value)
    }

    fn unplannable(&self, what: &str) -> Error {
        Error::model(self.graph.name(), format!("{what} has no fast algorithm; run it with Backend::Candle"))
    }

    /// A place for a value that the next step writes.
    fn take(&mut self, shape: Shape, halo: Halo) -> Blocked {
        let place = self.space.take(shape, halo);
        self.taken.push((self.steps.len(), place));
        place
    }

    fn is_output(&self, value: ValueId) -> bool {
        self.graph.outputs().contains(&value)
    }

    fn consumers(&self, value: ValueId) -> impl Iterator<Item = &'g Node<'g>> {
        self.nodes.iter().filter(move |node| node.operands().any(|operand| operand == value))
    }

    fn differentiable(&self) -> bool {
        !self.outputs_only
            && self.graph.outputs().len() == 1
            && !self.nodes.iter().any(|node| matches!(node.op, Op::UpsampleAdd { .. }))
    }

    /// The frame the forward readers of `value` need.
    fn value_halo(&self, value: ValueId) -> Halo {
        let of = |node: &Node| match node.op {
            Op::Conv { input, conv, .. } if *input == value && conv.depthwise => forward_halo(conv, self.shape(value)),
            Op::Conv { input, conv, .. } if *input == value && !self.reads_interleaved(*input) => {
                Algorithm::halo(conv, self.shape(value))
            }
            Op::Conv { input, conv, .. } if *input == value => forward_halo(conv, self.shape(value)),
            _ => Halo::default(),
        };
        self.consumers(value).map(of).fold(Halo::default(), Halo::union)
    }

    /// The frame of the cotangent that the backward pass of the node behind `value` needs.
    fn cotangent_halo(&self, value: ValueId) -> Halo {
        let Some(node) = self.nodes.iter().find(|node| node.result == value) else { return Halo::default() };
        let Op::Conv { input, conv, .. } = node.op else { return Halo::default() };
        let (from, to) = (self.shape(*input), self.shape(value));
        if self.ends_in_image(*input, conv) {
            return to_image_halo(conv, from, to);
        }
        match (conv.stride, conv.depthwise) {
            (1, true) => forward_halo(&mirrored(conv), to),
            (1, false) => Algorithm::halo(&mirrored(conv), to),
            _ => backward_halo(conv, from, to),
        }
    }

    /// True if the input is kept as `[row][column][channel]`: three channels, read by dense convolutions only.
    fn reads_interleaved(&self, value: ValueId) -> bool {
        let dense = |node: &Node| matches!(node.op, Op::Conv { conv, .. } if !conv.depthwise && conv.stride <= 2);
        let plain = self.consumers(value).all(|node| dense(node) && node.residual != Some(value));
        value == self.root && self.shape(value).channels == 3 && plain && !self.is_output(value)
    }

    /// True if the gradient of `value` is computed as an image: few channels, one reader.
    fn ends_in_image(&self, value: ValueId, conv: &Conv) -> bool {
        let few = !conv.depthwise && conv.in_channels <= 4 && conv.stride <= 2;
        value == self.root && few && self.consumers(value).count() == 1
    }

    /// A place for one `u16` times `each` per vector of a value of `shape`.
    fn take_bits(&mut self, shape: Shape, each: usize) -> Grid {
        let (row, block) = (shape.width * each, shape.plane() * each);
        let grid = Grid { base: self.bits, sample: block * blocks(shape.channels), block, row, pixel: each };
        self.bits += grid.sample * self.batch;
        grid
    }

    /// The forward epilogue of `node`, and the place of its signs.
    fn activate(&mut self, node: &Node) -> (Finish, Option<Grid>) {
        let finish = match node.activation {
            Activation::None => return (Finish::Keep, None),
            Activation::Relu if !self.differentiable() => return (Finish::Rectify, None),
            Activation::Relu => Finish::Relu,
            Activation::Prelu(slope) => {
                let offset = self.store.plain(slope.len(), || slope.numbers().into_owned());
                self.slopes[node.result] = Some(offset);
                Finish::Prelu(offset)
            }
        };
        let signs = self.take_bits(self.shape(node.result), 1);
        self.signs[node.result] = Some(signs);
        (finish, Some(signs))
    }

    fn push_image(&mut self, direction: Direction, form: Form) {
        let (shape, samples, affine) = (self.shape(self.root), self.batch, self.affine.clone());
        self.steps.push(Step::Image(Image { direction, shape, samples, affine, form }));
    }
}
