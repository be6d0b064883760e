// SPDX-License-Identifier: MIT OR Apache-2.0
//! The forward pass: places for values, packed weights, steps.

use super::{Algorithm, Node, Planner};
use crate::error::Result;
use crate::net::cpu::conv::Dense;
use crate::net::cpu::depthwise::Depthwise;
use crate::net::cpu::image::{Direction, Form};
use crate::net::cpu::layout::{Blocked, Grid};
use crate::net::cpu::pointwise::{Sum, Term};
use crate::net::cpu::program::Step;
use crate::net::cpu::sink::{Epilogue, Residual};
use crate::net::cpu::window::{Kind, Window};
use crate::net::cpu::winograd::Winograd;
use crate::net::graph::{Conv, Op, Shape, ValueId};

impl Planner<'_> {
    pub(super) fn forward(&mut self) -> Result<()> {
        let interleaved = self.place_root();
        let nodes = self.nodes;
        let mut readers: Vec<usize> = (0..self.places.len()).map(|value| self.consumers(value).count()).collect();
        for node in nodes {
            let target = self.take(self.shape(node.result), self.value_halo(node.result));
            self.places[node.result] = Some(target);
            let epilogue = self.forward_epilogue(node, &target)?;
            self.forward_step(node, &target, epilogue, interleaved)?;
            let mut operands: Vec<ValueId> = node.operands().collect();
            operands.dedup();
            for operand in operands {
                readers[operand] -= 1;
                if readers[operand] == 0
                    && !self.is_output(operand)
                    && let Some(place) = self.places[operand].take()
                {
                    self.space.give(place);
                }
            }
        }
        Ok(())
    }

    /// Places the input; returns its grid if it is interleaved.
    fn place_root(&mut self) -> Option<Grid> {
        let (shape, halo) = (self.shape(self.root), self.value_halo(self.root));
        if !self.reads_interleaved(self.root) {
            let place = self.take(shape, halo);
            self.places[self.root] = Some(place);
            self.push_image(Direction::In, Form::Blocked(place.grid));
            return None;
        }
        let pixel = shape.channels;
        let row = (shape.width + halo.left + halo.right) * pixel;
        let sample = row * (shape.height + halo.top + halo.bottom);
        let base = self.space.take_plain(sample * self.batch) + halo.top * row + halo.left * pixel;
        let grid = Grid { base, sample, block: 0, row, pixel };
        self.taken.push((self.steps.len(), Blocked { shape, halo, grid }));
        self.push_image(Direction::In, Form::Interleaved(grid));
        Some(grid)
    }

    fn forward_epilogue(&mut self, node: &Node, target: &Blocked) -> Result<Epilogue> {
        let (finish, signs) = self.activate(node);
        let bias = match node.op {
            Op::Conv { conv: Conv { bias, .. }, .. } | Op::Linear { bias, .. } => {
                Some(self.store.plain(bias.len(), || bias.numbers().into_owned()))
            }
            _ => None,
        };
        let residual = match node.residual {
            Some(value) => {
                let place = self.place(value)?;
                Some(Residual { grid: place.grid, blocks: place.blocks() })
            }
            None => None,
        };
        Ok(Epilogue { target: target.grid, bias, residual, finish, signs: signs.unwrap_or(target.grid) })
    }

    fn place(&self, value: ValueId) -> Result<Blocked> {
        self.places[value].ok_or_else(|| self.unplannable("a value read after its last use"))
    }

    fn forward_step(
        &mut self,
        node: &Node,
        target: &Blocked,
        epilogue: Epilogue,
        interleaved: Option<Grid>,
    ) -> Result<()> {
        let step = match node.op {
            Op::Conv { input, conv, .. } => match interleaved.filter(|_| *input == self.root) {
                Some(grid) => {
                    let (level, batch, shape) = (self.level, self.batch, self.shape(*input));
                    let dense = Dense::forward_interleaved(level, &mut self.store, batch, conv, shape, grid, epilogue);
                    Step::Dense(dense.ok_or_else(|| self.unplannable("a convolution of the input"))?)
                }
                None => {
                    let source = self.place(*input)?;
                    self.convolution(conv, &source, epilogue)?
                }
            },
            Op::Add { a, b, .. } => {
                let terms = [self.place(*a)?, self.place(*b)?].map(|value| Term { value, upsampling: None });
                Step::Sum(Sum::new(self.level, self.batch, terms, target.shape, epilogue))
            }
            Op::UpsampleAdd { small, large, upsampling } => {
                let small = Term { value: self.place(*small)?, upsampling: Some(*upsampling) };
                let terms = [small, Term { value: self.place(*large)?, upsampling: None }];
                Step::Sum(Sum::new(self.level, self.batch, terms, target.shape, epilogue))
            }
            Op::MaxPool { input, kernel, stride } => {
                if self.differentiable() {
                    self.owners[node.result] = Some(self.take_bits(target.shape, kernel * kernel));
                }
                let kind = Kind::Max { kernel: *kernel, stride: *stride, owners: self.owners[node.result] };
                self.pooling(*input, kind, target.shape, epilogue)?
            }
            Op::AvgPool2 { input } => self.pooling(*input, Kind::Mean, target.shape, epilogue)?,
            Op::GlobalMean { input } => self.pooling(*input, Kind::Global, target.shape, epilogue)?,
            Op::Linear { input, weight, bias } => {
                let source = self.place(*input)?;
                let (level, batch, outputs) = (self.level, self.batch, bias.len());
                let dense = Dense::linear(level, &mut self.store, batch, weight, outputs, &source, epilogue);
                let dense = dense.ok_or_else(|| self.unplannable("a linear layer"))?;
                self.linear[node.result] = Some(dense.packed());
                Step::Dense(Dense::Tiled(dense))
            }
            Op::Normalize { .. } => return Err(self.unplannable("an inner normalisation")),
        };
        self.steps.push(step);
        Ok(())
    }

    fn pooling(&self, input: ValueId, kind: Kind, target: Shape, epilogue: Epilogue) -> Result<Step> {
        Ok(Step::Window(Window::new(self.level, self.batch, kind, self.place(input)?, target, epilogue)))
    }

    /// A convolution of a blocked value by the algorithm for its shape.
    pub(super) fn convolution(&mut self, conv: &Conv, source: &Blocked, epilogue: Epilogue) -> Result<Step> {
        let (level, batch, store) = (self.level, self.batch, &mut self.store);
        let step = match Algorithm::of(conv, source.shape) {
            _ if conv.depthwise => Depthwise::forward(level, store, batch, conv, source, epilogue).map(Step::Depthwise),
            Algorithm::Direct => Dense::forward(level, store, batch, conv, source, epilogue).map(Step::Dense),
            Algorithm::Winograd(m) => {
                Winograd::new(level, self.threads, store, batch, conv, m, source, epilogue).map(Step::Winograd)
            }
        };
        step.ok_or_else(|| {
            let (k, s) = (conv.kernel, conv.stride);
            self.unplannable(&format!("a {k}x{k} convolution with stride {s}"))
        })
    }
}
