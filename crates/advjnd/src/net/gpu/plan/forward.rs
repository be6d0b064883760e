// SPDX-License-Identifier: MIT OR Apache-2.0
//! The forward pass: a place and a kernel for every value.

use super::product::Way;
use super::{Held, Planner, Signs, between};
use crate::error::Result;
use crate::net::gpu::kernel::Kernel;
use crate::net::gpu::params::{Epilogue, Finish, Params, View};
use crate::net::graph::{Activation, Conv, Op, ValueId};
use crate::net::nodes::Node;
use crate::net::upsample::Upsampling;
use crate::net::values::Values;

impl Planner<'_> {
    pub(super) fn forward(&mut self) -> Result<()> {
        let nodes = self.nodes;
        let mut readers = vec![0usize; self.places.len()];
        nodes.iter().flat_map(Node::operands).for_each(|value| readers[value] += 1);
        for node in nodes {
            let target = self.take(self.graph.shape(node.result))?;
            let epilogue = self.epilogue(node, &target)?;
            let view = target.view;
            self.places[node.result] = Some(target);
            self.step(node, view, epilogue)?;
            for operand in node.operands() {
                readers[operand] -= 1;
                if readers[operand] == 0 && !self.is_kept(operand) {
                    let held = self.places[operand].take();
                    self.release(held);
                }
            }
        }
        Ok(())
    }

    /// Whether a value is read again after the forward pass.
    fn is_kept(&self, value: ValueId) -> bool {
        let pooled = |node: &Node| matches!(node.op, Op::MaxPool { input, .. } if *input == value);
        self.graph.outputs().contains(&value) || (self.differentiable() && self.nodes.iter().any(pooled))
    }

    fn epilogue(&mut self, node: &Node, target: &Held) -> Result<Epilogue> {
        let bias = match node.op {
            Op::Conv { conv: Conv { bias, .. }, .. } | Op::Linear { bias, .. } => self.packing.numbers(bias),
            _ => Epilogue::default().bias,
        };
        let residual = node.residual.map_or(Ok(View::default()), |value| self.place(value))?;
        let mut epilogue = Epilogue { residual, bias, ..Epilogue::default() };
        let (finish, derivative, own) = match node.activation {
            Activation::None => return Ok(epilogue),
            Activation::Relu => (Finish::Relu, Finish::ReluDerivative, true),
            Activation::Prelu(slope) => {
                let slopes = self.packing.numbers(slope);
                // If a slope is negative, the result does not have the sign of the sum.
                let own = slope.numbers().iter().all(|slope| *slope >= 0.0);
                (Finish::Prelu { slopes }, Finish::PreluDerivative { slopes }, own)
            }
        };
        epilogue.finish = finish;
        if self.differentiable() {
            let held = if own { target.clone() } else { self.take(self.graph.shape(node.result))? };
            if !own {
                epilogue.signs = held.view.offset;
            }
            self.signs[node.result] = Some(Signs { derivative, held });
        }
        Ok(epilogue)
    }

    fn step(&mut self, node: &Node, target: View, epilogue: Epilogue) -> Result<()> {
        let plain = |source: View| between(source, target, epilogue);
        match node.op {
            Op::Conv { input, conv, .. } => {
                let source = self.place(*input)?;
                if conv.depthwise {
                    self.depthwise(conv, Way::Forward, source, target, epilogue);
                } else {
                    self.product(conv, Way::Forward, source, target, epilogue)?;
                }
            }
            Op::Add { a, b, .. } => {
                let residual = self.place(*b)?;
                let source = self.place(*a)?;
                self.each(Kernel::Sum, between(source, target, Epilogue { residual, ..epilogue }));
            }
            Op::UpsampleAdd { small, large, upsampling } => {
                let residual = self.place(*large)?;
                let mode = match upsampling {
                    Upsampling::Repeat => 0,
                    Upsampling::Bilinear => 1,
                };
                let params = between(self.place(*small)?, target, Epilogue { residual, ..epilogue });
                self.each(Kernel::Enlarge, Params { mode, ..params });
            }
            Op::MaxPool { input, kernel, stride } => {
                let params = plain(self.place(*input)?);
                self.each(Kernel::Maximum, Params { kernel: *kernel as u32, step: *stride as u32, ..params });
            }
            Op::AvgPool2 { input } => {
                let params = plain(self.place(*input)?);
                self.each(Kernel::Halve, params);
            }
            Op::GlobalMean { input } => {
                let params = plain(self.place(*input)?);
                self.each(Kernel::PlaneMean, params);
            }
            Op::Linear { input, weight, bias } => {
                let params = self.linear(plain(self.place(*input)?), weight, bias.len());
                self.push(Kernel::Linear, [bias.len() as u32, self.batch as u32, 1], params);
            }
            Op::Normalize { .. } => return Err(self.unplannable("an inner normalisation")),
        }
        Ok(())
    }

    /// `params` with the packed `weight` of a linear layer, `[outputs][depth]`, its lines padded to even lengths.
    pub(super) fn linear(&mut self, params: Params, weight: &Values, outputs: usize) -> Params {
        let length = weight.len() / outputs.max(1);
        let depth = length.next_multiple_of(2);
        let packed = self.packing.layer(outputs * depth, || {
            let line = |line: &[f32]| {
                let mut line = line.to_vec();
                line.resize(depth, 0.0);
                line
            };
            weight.numbers().chunks(length.max(1)).flat_map(line).collect()
        });
        let mut params = Params { half: packed.half, ..params };
        params.classes[0].weights = packed.offset;
        params.classes[0].depth = depth as u32;
        params
    }
}
