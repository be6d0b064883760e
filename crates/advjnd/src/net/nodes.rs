// SPDX-License-Identifier: MIT OR Apache-2.0
//! The operations of a graph as the engines run them: normalisation at the border, sums fused into convolutions.

use super::affine::Affine;
use super::graph::{Activation, Graph, INPUT, Op, Shape, ValueId};
use crate::error::{Error, Result};

/// One operation with what is fused into it.
pub(super) struct Node<'g> {
    pub(super) op: &'g Op,
    pub(super) result: ValueId,
    /// Added to a convolution's result before the activation.
    pub(super) residual: Option<ValueId>,
    pub(super) activation: &'g Activation,
}

impl Node<'_> {
    /// The values it reads.
    pub(super) fn operands(&self) -> impl Iterator<Item = ValueId> + use<> {
        self.op.operands().chain(self.residual)
    }
}

/// The input as the nodes see it: its value id, and the normalisation before it.
pub(super) struct Root {
    pub(super) value: ValueId,
    pub(super) affine: Affine,
}

/// How often each value of `graph` is read or output.
fn readers(graph: &Graph) -> Vec<usize> {
    let mut readers = vec![0; graph.ops().len() + 1];
    graph
        .ops()
        .iter()
        .flat_map(Op::operands)
        .chain(graph.outputs().iter().copied())
        .for_each(|value| readers[value] += 1);
    readers
}

/// Splits `graph` into its root and nodes; [`Error::Model`] if it normalises anything but its input.
pub(super) fn nodes(graph: &Graph) -> Result<(Root, Vec<Node<'_>>)> {
    let readers = readers(graph);
    let mut root = Root { value: INPUT, affine: Affine::identity(graph.input_shape().channels) };
    let mut nodes = Vec::with_capacity(graph.ops().len());
    for (index, op) in graph.ops().iter().enumerate() {
        let result = index + 1;
        match op {
            Op::Normalize { input, order, mean, scale } => {
                if *input != INPUT || readers[INPUT] != 1 {
                    let reason = "normalises something other than its input, which no engine here can; run it with an \
                                  executor of your own";
                    return Err(Error::model(graph.name(), reason));
                }
                let shift = mean.iter().zip(scale).map(|(mean, scale)| -mean * scale).collect();
                root = Root { value: result, affine: Affine { order: order.to_vec(), scale: scale.to_vec(), shift } };
            }
            Op::Conv { activation, .. } => nodes.push(Node { op, result, residual: None, activation }),
            Op::Add { a, b, activation } => {
                let shape = graph.shape(result);
                let fused = [(*a, *b), (*b, *a)].into_iter().find_map(|(branch, skip)| {
                    let fits =
                        readers[branch] == 1 && graph.shape(branch) == shape && same_plane(graph.shape(skip), shape);
                    nodes.iter().position(|node| fits && is_bare_conv(node, branch)).map(|at| (at, skip))
                });
                match fused {
                    Some((at, skip)) => {
                        let Node { op, .. } = nodes.remove(at);
                        nodes.push(Node { op, result, residual: Some(skip), activation });
                    }
                    None => nodes.push(Node { op, result, residual: None, activation }),
                }
            }
            _ => nodes.push(Node { op, result, residual: None, activation: &Activation::None }),
        }
    }
    Ok((root, nodes))
}

fn same_plane(a: Shape, b: Shape) -> bool {
    a.height == b.height && a.width == b.width
}

fn is_bare_conv(node: &Node, result: ValueId) -> bool {
    let bare = node.residual.is_none() && matches!(node.activation, Activation::None);
    bare && node.result == result && matches!(node.op, Op::Conv { .. })
}
