// SPDX-License-Identifier: MIT OR Apache-2.0
//! Turns a graph into dispatches: the kernel of each operation, the places of values, and the packed weights.
//!
//! Each dispatch begins when the previous one has ended, so a place is reused as soon as its last reader is planned.
//! From the forward pass, the backward pass reads only the operands of max-pooling and the values whose signs an
//! activation's derivative needs. Kernels are chosen by shape, not by timing.

mod backward;
mod forward;
mod product;

use std::rc::Rc;

use super::kernel::Kernel;
use super::params::{Epilogue, Finish, Params, View};
use super::retreat::stated_len;
use super::space::{Space, Span};
use super::weights::Packing;
use crate::error::{Error, Result};
use crate::net::affine::Affine;
use crate::net::graph::{Graph, Op, Shape, ValueId};
use crate::net::nodes::{self, Node};

/// Largest number of thread groups of a dispatch along one axis.
const MOST_GROUPS: usize = 65535;
/// Threads of a group, and groups in a row, for kernels with a thread for each entry; as in `common.wgsl`.
const GROUP: usize = 256;
const GROUPS: usize = 32768;

/// One run of a kernel.
#[derive(Debug, Clone, Copy)]
pub(in crate::net::gpu) struct Dispatch {
    pub(in crate::net::gpu) kernel: Kernel,
    pub(in crate::net::gpu) params: Params,
    pub(in crate::net::gpu) groups: [u32; 3],
}

/// The dispatches, and the places of inputs and outputs.
pub(in crate::net::gpu) struct Plan {
    /// The forward pass; then, if there is a backward pass, the kernel of the cotangent, and the backward pass.
    pub(in crate::net::gpu) dispatches: Vec<Dispatch>,
    /// How many of them are the forward pass.
    pub(in crate::net::gpu) forward: usize,
    /// Numbers in the buffer of values.
    pub(in crate::net::gpu) length: usize,
    pub(in crate::net::gpu) affine: Affine,
    pub(in crate::net::gpu) input: usize,
    pub(in crate::net::gpu) outputs: Vec<(usize, Shape)>,
    /// `None` without a backward pass.
    pub(in crate::net::gpu) pulled: Option<Pulled>,
    pub(in crate::net::gpu) packing: Packing,
}

/// Places at the ends of the backward pass.
#[derive(Debug, Clone, Copy)]
pub(in crate::net::gpu) struct Pulled {
    /// What the kernel of the cotangent reads.
    pub(in crate::net::gpu) retreats: usize,
    pub(in crate::net::gpu) cotangent: usize,
    pub(in crate::net::gpu) gradient: usize,
}

/// Which passes are planned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::net::gpu) enum Ways {
    /// The forward pass.
    Forward,
    /// The backward pass, too, if every operation has one.
    Both,
}

/// Makes the plan of `graph` for `batch` samples at a time.
pub(in crate::net::gpu) fn plan(graph: &Graph, batch: usize, packing: Packing, ways: Ways) -> Result<Plan> {
    let (root, nodes) = nodes::nodes(graph)?;
    let values = graph.ops().len() + 1;
    let mut planner = Planner {
        graph,
        batch,
        ways,
        nodes: &nodes,
        packing,
        space: Space::default(),
        dispatches: Vec::new(),
        places: vec![None; values],
        signs: vec![None; values],
    };
    let input = planner.take(graph.shape(root.value))?;
    let input_offset = input.view.offset as usize;
    planner.places[root.value] = Some(input);
    // Before the forward pass, which would overwrite it otherwise.
    let retreats = planner.take_retreats()?;
    planner.forward()?;
    let forward = planner.dispatches.len();
    let outputs = graph.outputs().iter().map(|value| {
        let place = planner.place(*value)?;
        Ok((place.offset as usize, graph.shape(*value)))
    });
    let outputs = outputs.collect::<Result<_>>()?;
    let pulled = retreats.map(|retreats| planner.backward(root.value, &retreats)).transpose()?;
    let Planner { dispatches, space, packing, .. } = planner;
    let too_many = |dispatch: &Dispatch| dispatch.groups.iter().any(|groups| *groups as usize > MOST_GROUPS);
    if dispatches.iter().any(too_many) {
        return Err(too_large(graph));
    }
    let length = space.length();
    Ok(Plan { dispatches, forward, length, affine: root.affine, input: input_offset, outputs, pulled, packing })
}

/// The error for a network whose values exceed what any device can hold.
pub(in crate::net::gpu) fn too_large(graph: &Graph) -> Error {
    Error::model(graph.name(), "has too much for one buffer of a GPU; give it a smaller input or batch")
}

/// A value's place, which is freed after its last use.
#[derive(Debug, Clone)]
struct Held {
    view: View,
    span: Rc<Span>,
}

/// Place of the signs for an activation's derivative.
#[derive(Debug, Clone)]
struct Signs {
    derivative: Finish,
    held: Held,
}

struct Planner<'g> {
    graph: &'g Graph,
    batch: usize,
    ways: Ways,
    nodes: &'g [Node<'g>],
    packing: Packing,
    space: Space,
    dispatches: Vec<Dispatch>,
    places: Vec<Option<Held>>,
    signs: Vec<Option<Signs>>,
}

impl Planner<'_> {
    fn unplannable(&self, what: &str) -> Error {
        Error::model(self.graph.name(), format!("{what} has no kernel for a GPU; run it on the CPU"))
    }

    fn differentiable(&self) -> bool {
        self.ways == Ways::Both
            && self.graph.outputs().len() == 1
            && !self.nodes.iter().any(|node| matches!(node.op, Op::UpsampleAdd { .. }))
    }

    /// A place for a value of `shape`.
    fn take(&mut self, shape: Shape) -> Result<Held> {
        let span = self.space.take(self.batch * shape.len());
        if self.space.length() > u32::MAX as usize / 4 {
            return Err(too_large(self.graph));
        }
        Ok(Held { view: View::dense(span.offset as u32, shape), span: Rc::new(span) })
    }

    /// A place for the retreats of all samples, if there is a backward pass.
    fn take_retreats(&mut self) -> Result<Option<Held>> {
        if !self.differentiable() {
            return Ok(None);
        }
        let length = self.graph.shape(self.graph.outputs()[0]).len();
        self.take(Shape { channels: stated_len(length), height: 1, width: 1 }).map(Some)
    }

    fn release(&mut self, held: Option<Held>) {
        if let Some(span) = held.and_then(|held| Rc::into_inner(held.span)) {
            self.space.give(span);
        }
    }

    fn place(&self, value: ValueId) -> Result<View> {
        let held = self.places[value].as_ref().map(|held| held.view);
        held.ok_or_else(|| self.unplannable("a value read after its last use"))
    }

    /// Runs a kernel with `threads` threads.
    fn spread(&mut self, kernel: Kernel, threads: usize, params: Params) {
        let groups = threads.div_ceil(GROUP);
        let groups = [groups.min(GROUPS) as u32, groups.div_ceil(GROUPS) as u32, 1];
        self.push(kernel, groups, params);
    }

    /// Runs a kernel with one thread for each entry of its target.
    fn each(&mut self, kernel: Kernel, params: Params) {
        let View { channels, height, width, .. } = params.target;
        self.spread(kernel, self.batch * (channels * height * width) as usize, params);
    }

    fn push(&mut self, kernel: Kernel, groups: [u32; 3], params: Params) {
        let params = Params { batch: self.batch as u32, splits: params.splits.max(1), ..params };
        self.dispatches.push(Dispatch { kernel, params, groups });
    }
}

/// Parameters of a kernel from `source` to `target` with an epilogue.
fn between(source: View, target: View, epilogue: Epilogue) -> Params {
    Params { source, target, epilogue, ..Params::default() }
}
