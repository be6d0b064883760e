// SPDX-License-Identifier: MIT OR Apache-2.0
//! Named tensors of a safetensors file, with errors that say which tensor is wrong and why.

use bytes::Bytes;
use safetensors::{Dtype, SafeTensors};

use super::graph::{Activation, Conv, Padding};
use super::values::Values;
use crate::error::{Error, Result};

/// The tensors of one model file.
pub(super) struct Weights<'a> {
    model: &'a str,
    file: &'a Bytes,
    tensors: SafeTensors<'a>,
}

impl<'a> Weights<'a> {
    /// Reads the header of `file`; `model` names it in messages.
    pub(super) fn parse(model: &'a str, file: &'a Bytes) -> Result<Self> {
        let tensors = SafeTensors::deserialize(file).map_err(|error| {
            Error::model(model, format!("not a whole safetensors file ({error}); fetch or convert the file again"))
        })?;
        Ok(Self { model, file, tensors })
    }

    /// The tensor `name`, which must be finite `f32` or `f16` of `rank` dimensions, none of them 0. So the file is as
    /// long as the dimensions say, and no product of them overflows.
    pub(super) fn tensor(&self, name: &str, rank: usize) -> Result<(Vec<usize>, Values)> {
        let wrong = |what: String| Error::model(self.model, format!("tensor `{name}` {what}; convert the file again"));
        let view = self.tensors.tensor(name).map_err(|error| wrong(format!("cannot be read ({error})")))?;
        if view.shape().len() != rank {
            return Err(wrong(format!("has shape {:?}, not {rank} dimensions", view.shape())));
        }
        if view.shape().contains(&0) {
            return Err(wrong(format!("has shape {:?}, which holds no value", view.shape())));
        }
        let bytes = self.file.slice_ref(view.data());
        let values = match view.dtype() {
            Dtype::F32 => Values::little_endian(bytes),
            Dtype::F16 => Values::halves(bytes),
            other => return Err(wrong(format!("is {other:?}, not F32 or F16"))),
        };
        if !values.are_finite() {
            return Err(wrong("holds a value that is not finite".into()));
        }
        Ok((view.shape().to_vec(), values))
    }

    /// The convolution from `name.weight` and `name.bias`; square kernels only.
    pub(super) fn conv(&self, name: &str, stride: usize, padding: Padding, depthwise: bool) -> Result<Conv> {
        let weight_name = format!("{name}.weight");
        let (shape, weight) = self.tensor(&weight_name, 4)?;
        let (_, bias) = self.tensor(&format!("{name}.bias"), 1)?;
        if shape[2] != shape[3] || bias.len() != shape[0] || (depthwise && shape[1] != 1) {
            let reason = format!("tensor `{weight_name}` has shape {shape:?} beside {} biases", bias.len());
            return Err(Error::model(self.model, reason + "; convert the file again"));
        }
        Ok(Conv {
            in_channels: if depthwise { shape[0] } else { shape[1] },
            out_channels: shape[0],
            kernel: shape[2],
            stride,
            padding,
            depthwise,
            weight,
            bias,
        })
    }

    /// The slopes `name.prelu`.
    pub(super) fn prelu(&self, name: &str) -> Result<Activation> {
        Ok(Activation::Prelu(self.tensor(&format!("{name}.prelu"), 1)?.1))
    }
}
