// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a convolution reads, forward and backward: its taps, the frames they need around a value, and the convolution
//! that is the backward pass of another.

use super::layout::Halo;
use crate::net::graph::{Conv, Padding, Shape};
use crate::net::values::Values;

/// Side of the square of pixels that share a vector in [`Dense::to_image`](super::conv::Dense::to_image).
pub(super) const IMAGE_STEP: usize = 2;

/// The weights of a [`mirrored`] convolution.
pub(super) fn mirrored_weight(conv: &Conv) -> Values {
    let taps = conv.kernel * conv.kernel;
    let (inputs, outputs) = if conv.depthwise { (1, conv.out_channels) } else { (conv.in_channels, conv.out_channels) };
    let from = conv.weight.numbers();
    let mut weight = vec![0.0; from.len()];
    for out in 0..outputs {
        for input in 0..inputs {
            let to = if conv.depthwise { out } else { input * outputs + out };
            for tap in 0..taps {
                weight[to * taps + tap] = from[(out * inputs + input) * taps + taps - 1 - tap];
            }
        }
    }
    weight.into()
}

/// The kernel turned by 180°, inputs and outputs exchanged: the backward pass of a stride-1 convolution, without its
/// weights.
pub(super) fn mirrored(conv: &Conv) -> Conv {
    let k = conv.kernel;
    let Padding { top, left, bottom, right } = conv.padding;
    Conv {
        in_channels: conv.out_channels,
        out_channels: conv.in_channels,
        kernel: k,
        stride: 1,
        padding: Padding { top: k - 1 - top, left: k - 1 - left, bottom: k - 1 - bottom, right: k - 1 - right },
        depthwise: conv.depthwise,
        weight: Vec::new().into(),
        bias: Vec::new().into(),
    }
}

/// The frame that a forward pass over an input of shape `input` reads.
pub(super) fn forward_halo(conv: &Conv, input: Shape) -> Halo {
    let Some(output) = conv.output_shape(input) else { return Halo::default() };
    let range = |size: usize, padding: usize| {
        let last = (size - 1) * conv.stride + conv.kernel - 1;
        (-(padding as isize), last as isize - padding as isize)
    };
    Halo::reaching(input, range(output.height, conv.padding.top), range(output.width, conv.padding.left))
}

/// The frame of the cotangent, of shape `output`, that a backward pass to an input of shape `input` reads.
pub(super) fn backward_halo(conv: &Conv, input: Shape, output: Shape) -> Halo {
    let range = |size: usize, padding: usize| {
        let (size, padding, s) = (size as isize, padding as isize, conv.stride as isize);
        ((padding - (conv.kernel as isize - 1)).div_euclid(s), (size - 1 + padding).div_euclid(s))
    };
    Halo::reaching(output, range(input.height, conv.padding.top), range(input.width, conv.padding.left))
}

/// The frame of the cotangent that [`Dense::to_image`](super::conv::Dense::to_image) reads.
pub(super) fn to_image_halo(conv: &Conv, input: Shape, output: Shape) -> Halo {
    let range = |size: usize, padding: usize| {
        let (first, last) = image_range(conv, padding);
        (first, ((size.div_ceil(IMAGE_STEP) - 1) * (IMAGE_STEP / conv.stride)) as isize + last)
    };
    Halo::reaching(output, range(input.height, conv.padding.top), range(input.width, conv.padding.left))
}

/// First and last row (or column) of the cotangent that reach a square of pixels.
pub(super) fn image_range(conv: &Conv, padding: usize) -> (isize, isize) {
    let (padding, s) = (padding as isize, conv.stride as isize);
    let first = (padding - (conv.kernel as isize - 1)).div_euclid(s);
    (first, (IMAGE_STEP as isize - 1 + padding).div_euclid(s))
}

/// Taps that read anything but padding.
pub(super) fn useful_taps(conv: &Conv, input: Shape, output: Shape) -> Vec<(usize, usize)> {
    let sees = |tap: usize, padding: usize, outputs: usize, size: usize| {
        (0..outputs).any(|out| (padding..padding + size).contains(&(out * conv.stride + tap)))
    };
    let rows = (0..conv.kernel).filter(|ky| sees(*ky, conv.padding.top, output.height, input.height));
    let columns = |ky| {
        let kept = (0..conv.kernel).filter(|kx| sees(*kx, conv.padding.left, output.width, input.width));
        kept.map(move |kx| (ky, kx)).collect::<Vec<_>>()
    };
    rows.flat_map(columns).collect()
}

/// Taps that reach pixels of `phase` modulo `s`, each with the row (or column) of the cotangent that the first pixel
/// reads through it.
pub(super) fn reaching_taps(conv: &Conv, padding: usize, phase: usize, s: usize) -> Vec<(usize, isize)> {
    let at = |tap: usize| (phase + padding) as isize - tap as isize;
    (0..conv.kernel).filter(|tap| at(*tap).rem_euclid(s as isize) == 0).map(|tap| (tap, at(tap) / s as isize)).collect()
}
