// SPDX-License-Identifier: MIT OR Apache-2.0
//! The backward pass: every value collects the cotangents of its readers.
//!
//! Nodes are visited in reverse. A step computes a reader's share of a cotangent. Its epilogue adds the earlier shares
//! and, for the last share, applies the derivative of the activation that made the value. Through a sum, a share is
//! another cotangent itself, and nothing is computed.

use std::rc::Rc;

use super::{Finish, Node, Planner};
use crate::error::Result;
use crate::net::cpu::conv::Dense;
use crate::net::cpu::depthwise::Depthwise;
use crate::net::cpu::image::{Direction, Form};
use crate::net::cpu::layout::{Blocked, Grid, Halo};
use crate::net::cpu::linear::LinearBackward;
use crate::net::cpu::pointwise::{Sum, Term};
use crate::net::cpu::program::Step;
use crate::net::cpu::reach::{IMAGE_STEP, mirrored, mirrored_weight};
use crate::net::cpu::simd::LANES;
use crate::net::cpu::sink::{Epilogue, Residual};
use crate::net::cpu::window::{Kind, Window};
use crate::net::graph::{Op, ValueId};

/// A cotangent or a part of one: the visible part of a place, and the place, which is freed after its last use.
#[derive(Clone)]
struct Part {
    view: Blocked,
    home: Rc<Blocked>,
}

/// Cotangents in progress.
struct Cotangents {
    /// Number of readers of each value whose share is missing.
    missing: Vec<usize>,
    /// The sum so far.
    sums: Vec<Option<Part>>,
    /// Complete sums with the derivative applied.
    ready: Vec<Option<Part>>,
}

impl Planner<'_> {
    /// Plans the backward pass, and returns the place of the cotangent of output 0.
    pub(super) fn backward(&mut self) -> Result<Blocked> {
        self.store.begin_backward();
        let values = self.places.len();
        let output = self.graph.outputs()[0];
        let mut missing: Vec<usize> = vec![0; values];
        self.nodes.iter().flat_map(Node::operands).for_each(|value| missing[value] += 1);
        missing[output] += 1;
        let mut state = Cotangents { missing, sums: vec![None; values], ready: vec![None; values] };
        let place = self.take(self.shape(output), self.cotangent_halo(output));
        self.share(&mut state, output, Some(Part { view: place, home: Rc::new(place) }))?;
        let nodes = self.nodes;
        let mut image = None;
        for node in nodes.iter().rev() {
            let cotangent = state.ready[node.result].take();
            match &cotangent {
                Some(part) => image = self.backward_node(&mut state, node, part)?.or(image),
                None => {
                    for operand in node.operands() {
                        self.share(&mut state, operand, None)?;
                    }
                }
            }
            self.drop_part(cotangent);
        }
        let form = match (image, state.ready[self.root].take()) {
            (Some(form), _) => form,
            (None, Some(part)) => Form::Blocked(part.view.grid),
            (None, None) => return Err(self.unplannable("an output that does not depend on the input")),
        };
        self.push_image(Direction::Out, form);
        Ok(place)
    }

    /// Passes the cotangent of one node on to its operands. Returns the form of the input's gradient if that was made.
    fn backward_node(&mut self, state: &mut Cotangents, node: &Node, part: &Part) -> Result<Option<Form>> {
        let g = part.view;
        if let Some(residual) = node.residual {
            let view = g.cropped(self.shape(residual));
            self.share(state, residual, Some(Part { view, home: Rc::clone(&part.home) }))?;
        }
        match node.op {
            Op::Conv { input, conv, .. } if self.ends_in_image(*input, conv) => {
                let shape = self.shape(*input);
                let (rows, columns) = (shape.height.div_ceil(IMAGE_STEP), shape.width.div_ceil(IMAGE_STEP));
                let (row, sample) = (columns * LANES, rows * columns * LANES);
                let base = self.space.take_plain(sample * self.batch);
                let target = Grid { base, sample, block: sample, row, pixel: LANES };
                let dense = Dense::to_image(self.level, &mut self.store, self.batch, conv, shape, &g, target);
                self.steps.push(Step::Dense(dense.ok_or_else(|| self.unplannable("the gradient of the input"))?));
                return Ok(Some(Form::Squares(target)));
            }
            Op::Conv { input, conv, .. } => {
                let (target, epilogue) = self.open(state, *input);
                if conv.stride == 1 {
                    let mut mirror = mirrored(conv);
                    if self.store.packs() {
                        mirror.weight = mirrored_weight(conv);
                    }
                    let step = self.convolution(&mirror, &g, epilogue)?;
                    self.steps.push(step);
                } else {
                    let shape = self.shape(*input);
                    if conv.depthwise {
                        let phases =
                            Depthwise::backward(self.level, &mut self.store, self.batch, conv, shape, &g, epilogue);
                        self.steps.extend(phases.into_iter().map(Step::Depthwise));
                    } else {
                        let phases =
                            Dense::backward(self.level, &mut self.store, self.batch, conv, shape, &g, epilogue);
                        let phases = phases.ok_or_else(|| self.unplannable("a strided convolution's gradient"))?;
                        self.steps.extend(phases.into_iter().map(Step::Dense));
                    }
                }
                self.close(state, *input, target);
            }
            Op::Add { a, b, .. } => {
                for operand in [*a, *b] {
                    let view = g.cropped(self.shape(operand));
                    self.share(state, operand, Some(Part { view, home: Rc::clone(&part.home) }))?;
                }
            }
            Op::MaxPool { input, kernel, stride } => {
                let Some(owners) = self.owners[node.result] else { return Err(self.unplannable("max-pooling")) };
                let kind = Kind::MaxBackward { kernel: *kernel, stride: *stride, owners };
                self.pooling_backward(state, *input, kind, g);
            }
            Op::AvgPool2 { input } => self.pooling_backward(state, *input, Kind::MeanBackward, g),
            Op::GlobalMean { input } => self.pooling_backward(state, *input, Kind::GlobalBackward, g),
            Op::Linear { input, .. } => {
                let Some(packed) = self.linear[node.result] else { return Err(self.unplannable("a linear layer")) };
                let target = self.take(self.shape(*input), Halo::default());
                let step = LinearBackward::new(self.level, self.batch, packed, &g, &target);
                self.steps.push(Step::LinearBackward(step));
                self.share(state, *input, Some(Part { view: target, home: Rc::new(target) }))?;
            }
            Op::UpsampleAdd { .. } | Op::Normalize { .. } => return Err(self.unplannable("an operation's gradient")),
        }
        Ok(None)
    }

    fn pooling_backward(&mut self, state: &mut Cotangents, input: ValueId, kind: Kind, g: Blocked) {
        let (target, epilogue) = self.open(state, input);
        let window = Window::new(self.level, self.batch, kind, g, self.shape(input), epilogue);
        self.steps.push(Step::Window(window));
        self.close(state, input, target);
    }

    /// The derivative of the activation that made `value`, and the place of its signs.
    fn derivative(&self, value: ValueId) -> Option<(Finish, Grid)> {
        let signs = self.signs[value]?;
        Some((self.slopes[value].map_or(Finish::ReluDerivative, Finish::PreluDerivative), signs))
    }

    /// A target for a computed share of the cotangent of `value`, and the epilogue that completes it.
    fn open(&mut self, state: &Cotangents, value: ValueId) -> (Part, Epilogue) {
        let last = state.missing[value] == 1;
        let halo = if last { self.cotangent_halo(value) } else { Halo::default() };
        let place = self.take(self.shape(value), halo);
        let mut epilogue = Epilogue::plain(place.grid);
        epilogue.residual = state.sums[value].as_ref().map(|part| {
            let blocks = part.view.blocks();
            Residual { grid: part.view.grid, blocks }
        });
        if let Some((finish, signs)) = self.derivative(value).filter(|_| last) {
            (epilogue.finish, epilogue.signs) = (finish, signs);
        }
        (Part { view: place, home: Rc::new(place) }, epilogue)
    }

    /// Records that the share opened for `value` is computed.
    fn close(&mut self, state: &mut Cotangents, value: ValueId, target: Part) {
        let before = state.sums[value].take();
        self.drop_part(before);
        state.missing[value] -= 1;
        let slot = if state.missing[value] == 0 { &mut state.ready } else { &mut state.sums };
        slot[value] = Some(target);
    }

    /// Adds a share of the cotangent of `value` that needs no computing: another cotangent, or nothing.
    fn share(&mut self, state: &mut Cotangents, value: ValueId, part: Option<Part>) -> Result<()> {
        let last = state.missing[value] == 1;
        let whole = match (state.sums[value].is_some(), &part) {
            (false, None) => {
                state.missing[value] -= 1;
                return Ok(());
            }
            (true, None) => !last,
            (true, Some(_)) => false,
            (false, Some(part)) => {
                let bare = self.derivative(value).is_none() && part.view.reaches(self.cotangent_halo(value));
                !last || bare
            }
        };
        if whole {
            state.missing[value] -= 1;
            let slot = if last { &mut state.ready } else { &mut state.sums };
            slot[value] = part.or_else(|| slot[value].take());
            return Ok(());
        }
        let (target, mut epilogue) = self.open(state, value);
        epilogue.residual = None;
        let term = |part: &Part| Term { value: part.view, upsampling: None };
        let terms = match (&state.sums[value], &part) {
            (Some(sum), Some(part)) => [term(sum), term(part)],
            (Some(only), None) | (None, Some(only)) => [term(only), Term::nothing(only.view)],
            (None, None) => return Ok(()),
        };
        self.steps.push(Step::Sum(Sum::new(self.level, self.batch, terms, self.shape(value), epilogue)));
        self.close(state, value, target);
        self.drop_part(part);
        Ok(())
    }

    fn drop_part(&mut self, part: Option<Part>) {
        if let Some(place) = part.and_then(|part| Rc::into_inner(part.home)) {
            self.space.give(place);
        }
    }
}
