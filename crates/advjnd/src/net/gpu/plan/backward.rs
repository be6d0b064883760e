// SPDX-License-Identifier: MIT OR Apache-2.0
//! The backward pass: every value collects the cotangents of its readers.
//!
//! Nodes are visited in reverse. A kernel computes a reader's share of a cotangent. Its epilogue adds the earlier
//! shares and, for the last share, applies the derivative of the activation that made the value. Through a sum, a share
//! is another cotangent itself, and nothing is computed.

use std::rc::Rc;

use super::product::{IMAGE_CHANNELS, Way};
use super::{Held, Planner, Pulled, between};
use crate::error::Result;
use crate::net::gpu::kernel::Kernel;
use crate::net::gpu::params::{Epilogue, Params, View};
use crate::net::graph::{Op, ValueId};
use crate::net::nodes::Node;

/// Cotangents in progress.
struct Cotangents {
    /// Number of readers of each value whose share is missing.
    missing: Vec<usize>,
    /// The sum so far.
    sums: Vec<Option<Held>>,
    /// Complete sums with the derivative applied.
    ready: Vec<Option<Held>>,
}

impl Planner<'_> {
    /// Plans the cotangent of `retreats` and the backward pass to the value `root`.
    pub(super) fn backward(&mut self, root: ValueId, retreats: &Held) -> Result<Pulled> {
        let values = self.places.len();
        let output = self.graph.outputs()[0];
        let nodes = self.nodes;
        let mut missing = vec![0; values];
        nodes.iter().flat_map(Node::operands).for_each(|value| missing[value] += 1);
        missing[output] += 1;
        let mut state = Cotangents { missing, sums: vec![None; values], ready: vec![None; values] };
        let held = self.take(self.graph.shape(output))?;
        let (retreats, cotangent) = (retreats.view.offset, held.view.offset as usize);
        let params = between(self.place(output)?, held.view, Epilogue::default());
        self.push(Kernel::Retreat, [self.batch as u32, 1, 1], Params { scratch: retreats, ..params });
        let retreats = retreats as usize;
        self.share(&mut state, output, Some(held))?;
        for node in nodes.iter().rev() {
            let own = state.ready[node.result].take();
            match &own {
                Some(own) => self.backward_node(&mut state, node, own)?,
                None => {
                    for operand in node.operands() {
                        self.share(&mut state, operand, None)?;
                    }
                }
            }
            self.release(own);
        }
        let Some(gradient) = state.ready[root].take() else {
            return Err(self.unplannable("an output that does not depend on the input"));
        };
        let shape = self.graph.shape(root);
        if gradient.view == View::dense(gradient.view.offset, shape) {
            return Ok(Pulled { retreats, cotangent, gradient: gradient.view.offset as usize });
        }
        let target = self.take(shape)?;
        self.each(Kernel::Sum, between(gradient.view, target.view, Epilogue::default()));
        Ok(Pulled { retreats, cotangent, gradient: target.view.offset as usize })
    }

    /// Passes the cotangent `own` of one node on to its operands.
    fn backward_node(&mut self, state: &mut Cotangents, node: &Node, own: &Held) -> Result<()> {
        let g = own.view;
        let graph = self.graph;
        let cropped = |value: ValueId| {
            let view = g.cropped(graph.shape(value));
            Some(Held { view, span: Rc::clone(&own.span) })
        };
        if let Some(residual) = node.residual {
            self.share(state, residual, cropped(residual))?;
        }
        let (input, kernel, parameters) = match node.op {
            Op::Conv { input, conv, .. } => {
                let (target, epilogue) = self.open(state, *input)?;
                if conv.depthwise {
                    self.depthwise(conv, Way::Backward, g, target.view, epilogue);
                } else if conv.in_channels <= IMAGE_CHANNELS {
                    self.image(conv, g, target.view, epilogue);
                } else {
                    self.product(conv, Way::Backward, g, target.view, epilogue)?;
                }
                self.close(state, *input, target);
                return Ok(());
            }
            Op::Add { a, b, .. } => {
                for operand in [*a, *b] {
                    self.share(state, operand, cropped(operand))?;
                }
                return Ok(());
            }
            Op::Linear { input, weight, bias } => {
                let (target, epilogue) = self.open(state, *input)?;
                let params = self.linear(between(g, target.view, epilogue), weight, bias.len());
                let pairs = params.classes[0].depth as usize / 2;
                self.spread(Kernel::LinearBackward, self.batch * pairs, params);
                self.close(state, *input, target);
                return Ok(());
            }
            Op::MaxPool { input, kernel, stride } => {
                let scratch = self.place(*input)?.offset;
                let (kernel, step) = (*kernel as u32, *stride as u32);
                (*input, Kernel::MaximumBackward, Params { kernel, step, scratch, ..Params::default() })
            }
            Op::AvgPool2 { input } => (*input, Kernel::HalveBackward, Params::default()),
            Op::GlobalMean { input } => (*input, Kernel::PlaneMeanBackward, Params::default()),
            Op::UpsampleAdd { .. } | Op::Normalize { .. } => return Err(self.unplannable("an operation's gradient")),
        };
        let (target, epilogue) = self.open(state, input)?;
        self.each(kernel, Params { source: g, target: target.view, epilogue, ..parameters });
        self.close(state, input, target);
        Ok(())
    }

    /// A target for a computed share of the cotangent of `value`, and the epilogue that completes it.
    fn open(&mut self, state: &Cotangents, value: ValueId) -> Result<(Held, Epilogue)> {
        let target = self.take(self.graph.shape(value))?;
        let residual = state.sums[value].as_ref().map_or(View::default(), |sum| sum.view);
        let mut epilogue = Epilogue { residual, ..Epilogue::default() };
        if state.missing[value] == 1
            && let Some(signs) = &self.signs[value]
        {
            (epilogue.finish, epilogue.signs) = (signs.derivative, signs.held.view.offset);
        }
        Ok((target, epilogue))
    }

    /// Records that the share opened for `value` is computed.
    fn close(&mut self, state: &mut Cotangents, value: ValueId, target: Held) {
        let before = state.sums[value].take();
        self.release(before);
        state.missing[value] -= 1;
        let slot = if state.missing[value] == 0 { &mut state.ready } else { &mut state.sums };
        slot[value] = Some(target);
    }

    /// Adds a share of the cotangent of `value` that needs no computing: another cotangent, or nothing.
    fn share(&mut self, state: &mut Cotangents, value: ValueId, part: Option<Held>) -> Result<()> {
        let last = state.missing[value] == 1;
        let bare = self.signs[value].is_none() || !last;
        let (source, before) = match (part, state.sums[value].take()) {
            (None, None) => {
                state.missing[value] -= 1;
                return Ok(());
            }
            (Some(only), None) | (None, Some(only)) if bare => {
                state.missing[value] -= 1;
                let slot = if last { &mut state.ready } else { &mut state.sums };
                slot[value] = Some(only);
                return Ok(());
            }
            (Some(part), before) => (part, before),
            (None, Some(before)) => (before, None),
        };
        let (target, mut epilogue) = self.open(state, value)?;
        epilogue.residual = before.as_ref().map_or(View::default(), |sum| sum.view);
        self.each(Kernel::Sum, between(source.view, target.view, epilogue));
        self.close(state, value, target);
        self.release(before);
        self.release(Some(source));
        Ok(())
    }
}
