// SPDX-License-Identifier: MIT OR Apache-2.0
//! Activations, and what their gradients need of the forward pass.

use candle_core::{Device, Tensor};

use super::CandleResult;
use crate::net::graph::Activation;

/// An activation's tensors.
pub(super) enum Activated {
    Plain,
    Relu,
    /// One slope for each channel, a one and a zero.
    Prelu {
        slope: Tensor,
        one: Tensor,
        zero: Tensor,
    },
}

impl Activated {
    pub(super) fn new(activation: &Activation, device: &Device) -> CandleResult<Self> {
        Ok(match activation {
            Activation::None => Self::Plain,
            Activation::Relu => Self::Relu,
            Activation::Prelu(slope) => Self::Prelu {
                slope: Tensor::from_slice(&slope.numbers(), (1, slope.len(), 1), device)?,
                one: Tensor::from_slice(&[1f32], (1, 1, 1), device)?,
                zero: Tensor::from_slice(&[0f32], (1, 1, 1), device)?,
            },
        })
    }

    /// The result, and what [`pull_back`](Self::pull_back) needs besides it.
    pub(super) fn apply(&self, sum: Tensor) -> CandleResult<(Tensor, Option<Tensor>)> {
        match self {
            Self::Plain => Ok((sum, None)),
            Self::Relu => Ok((sum.relu()?, None)),
            Self::Prelu { slope, one, zero } => {
                let shape = sum.shape();
                let factor =
                    sum.broadcast_gt(zero)?.where_cond(&one.broadcast_as(shape)?, &slope.broadcast_as(shape)?)?;
                Ok(((sum * &factor)?, Some(factor)))
            }
        }
    }

    /// The cotangent of the sum, by the cotangent `g` of the `result` and what was `kept`.
    pub(super) fn pull_back(&self, g: &Tensor, result: &Tensor, kept: Option<&Tensor>) -> CandleResult<Tensor> {
        match (self, kept) {
            (Self::Plain, _) => Ok(g.clone()),
            (Self::Relu, _) => g * result.sign()?,
            (Self::Prelu { .. }, Some(factor)) => g * factor,
            (Self::Prelu { .. }, None) => candle_core::bail!("no forward pass to pull back through"),
        }
    }
}
