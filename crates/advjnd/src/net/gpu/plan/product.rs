// SPDX-License-Identifier: MIT OR Apache-2.0
//! Convolutions as products of matrices: outputs × (channels and taps) times (channels and taps) × pixels.
//!
//! The backward pass of a convolution with stride s is s² convolutions of stride 1, one for each class of pixels that
//! see the same taps.

use super::{Planner, between};
use crate::error::Result;
use crate::net::gpu::kernel::Kernel;
use crate::net::gpu::params::{CLASSES, Class, Epilogue, Params, View};
use crate::net::graph::{Conv, Shape};

/// Outputs are padded to this, the side of the smaller tile.
const SMALL_TILE: usize = 32;
const LARGE_TILE: usize = 64;
/// The depth is padded to this, the depth of a tile.
const DEPTH: usize = 16;
/// Groups from which the larger tile is used: enough for a large GPU.
const ENOUGH: usize = 128;
/// Groups below which the depth is split, and the least depth of a split.
const FEW: usize = 20;
const LEAST_SPLIT: usize = 128;
/// Largest number of splits.
const MOST_SPLITS: usize = 16;
/// Longest side of a convolution kernel, since its taps take eight bits of a table.
const LONGEST_KERNEL: usize = 100;
/// Largest number of channels of an image; the backward pass to an image has its own kernel.
pub(super) const IMAGE_CHANNELS: usize = 4;

/// The direction through a convolution.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    Forward,
    Backward,
}

/// Pixels of the result that see the same taps: their start and number, and for each tap its row and column in the
/// kernel and where it reads.
struct Pixels {
    first: [usize; 2],
    size: [usize; 2],
    taps: Vec<Tap>,
}

struct Tap {
    /// Index in the kernel.
    index: usize,
    /// Row and column that it reads, from the first that any tap reads.
    reads: [usize; 2],
}

impl Planner<'_> {
    /// A dense convolution, or its backward pass, from `source` to `target`.
    pub(super) fn product(
        &mut self,
        conv: &Conv,
        way: Way,
        source: View,
        target: View,
        epilogue: Epilogue,
    ) -> Result<()> {
        let (k, s) = (conv.kernel, conv.stride);
        let inputs = conv.in_channels.max(conv.out_channels);
        if s * s > CLASSES || k > LONGEST_KERNEL || inputs > usize::from(u16::MAX) {
            return Err(self.unplannable(&format!("a {k}x{k} convolution with stride {s}")));
        }
        let pixels = match way {
            Way::Forward => vec![forward(conv, &target)],
            Way::Backward => backward(conv, &target),
        };
        let outputs = (target.channels as usize).next_multiple_of(SMALL_TILE);
        let depth = |pixels: &Pixels| (source.channels as usize * pixels.taps.len()).next_multiple_of(DEPTH);
        let length = pixels.iter().map(|pixels| depth(pixels) * outputs).sum();
        let packed = self.packing.layer(length, || {
            pixels.iter().flat_map(|pixels| packed(conv, way, pixels, depth(pixels), outputs)).collect()
        });
        let mut classes = [Class::default(); CLASSES];
        let mut first = 0;
        for (class, pixels) in classes.iter_mut().zip(&pixels) {
            let depth = depth(pixels);
            let table = self.packing.table(depth, || table(source.channels as usize, pixels, depth));
            let weights = packed.offset + (if packed.half { first / 2 } else { first }) as u32;
            let ([first_row, first_column], [rows, columns]) =
                (pixels.first.map(|n| n as u32), pixels.size.map(|n| n as u32));
            *class = Class { table, depth: depth as u32, weights, first_row, first_column, rows, columns };
            first += depth * outputs;
        }
        let params = Params {
            classes,
            half: packed.half,
            outputs: outputs as u32,
            step: if way == Way::Forward { s as u32 } else { 1 },
            top: if way == Way::Forward { conv.padding.top as u32 } else { k as u32 },
            left: if way == Way::Forward { conv.padding.left as u32 } else { k as u32 },
            spread: if way == Way::Forward { 1 } else { s as u32 },
            ..between(source, target, epilogue)
        };
        self.tiled(params, pixels.len())
    }

    /// Runs a product in tiles of a suitable size, with its depth split if there are few tiles.
    fn tiled(&mut self, params: Params, classes: usize) -> Result<()> {
        let target = params.target;
        let pixels = params.classes.iter().map(|class| (class.rows * class.columns) as usize).max().unwrap_or(0);
        let depth = params.classes.iter().map(|class| class.depth as usize).max().unwrap_or(0);
        let across = |tile: usize| (self.batch * pixels).div_ceil(tile);
        let down = |tile: usize| (target.channels as usize).div_ceil(tile);
        let groups = |tile: usize| across(tile) * down(tile) * classes;
        let (kernel, tile) = if target.channels as usize >= LARGE_TILE && groups(LARGE_TILE) >= ENOUGH {
            (Kernel::Product64, LARGE_TILE)
        } else {
            (Kernel::Product32, SMALL_TILE)
        };
        let wanted = if groups(tile) < FEW { ENOUGH / groups(tile).max(1) } else { 1 };
        let splits = wanted.min(depth / LEAST_SPLIT).clamp(1, MOST_SPLITS);
        let grid = [across(tile) as u32, down(tile) as u32, (classes * splits) as u32];
        if splits == 1 {
            self.push(kernel, grid, params);
            return Ok(());
        }
        let entries = (target.channels * target.height * target.width) as usize;
        let scratch = self.take(Shape::new(splits * entries, 1, 1))?;
        let params = Params { scratch: scratch.view.offset, splits: splits as u32, ..params };
        self.push(kernel, grid, params);
        self.each(Kernel::GatherSplits, params);
        self.release(Some(scratch));
        Ok(())
    }

    /// The backward pass of a dense convolution to an image of at most [`IMAGE_CHANNELS`].
    pub(super) fn image(&mut self, conv: &Conv, source: View, target: View, epilogue: Epilogue) {
        let taps = conv.kernel * conv.kernel;
        let packed = self.packing.layer(conv.out_channels * taps * IMAGE_CHANNELS, || {
            let mut weights = vec![0.0; conv.out_channels * taps * IMAGE_CHANNELS];
            for (index, weight) in conv.weight.numbers().iter().enumerate() {
                let (filter, tap) = (index / taps, index % taps);
                let (output, input) = (filter / conv.in_channels, filter % conv.in_channels);
                weights[(output * taps + tap) * IMAGE_CHANNELS + input] = *weight;
            }
            weights
        });
        let mut params = Params { half: packed.half, ..windowed(conv, between(source, target, epilogue)) };
        params.classes[0].weights = packed.offset;
        self.spread(Kernel::ToImage, self.batch * (target.height * target.width) as usize, params);
    }

    /// A depthwise convolution, or its backward pass.
    pub(super) fn depthwise(&mut self, conv: &Conv, way: Way, source: View, target: View, epilogue: Epilogue) {
        let mut params = windowed(conv, between(source, target, epilogue));
        params.classes[0].weights = self.packing.numbers(&conv.weight);
        let kernel = if way == Way::Forward { Kernel::Depthwise } else { Kernel::DepthwiseBackward };
        self.each(kernel, params);
    }
}

/// Adds the parameters for a kernel that loops over the taps itself.
fn windowed(conv: &Conv, params: Params) -> Params {
    Params {
        kernel: conv.kernel as u32,
        step: conv.stride as u32,
        top: conv.padding.top as u32,
        left: conv.padding.left as u32,
        ..params
    }
}

fn forward(conv: &Conv, target: &View) -> Pixels {
    let k = conv.kernel;
    let taps = (0..k * k).map(|index| Tap { index, reads: [index / k, index % k] }).collect();
    Pixels { first: [0, 0], size: [target.height as usize, target.width as usize], taps }
}

fn backward(conv: &Conv, target: &View) -> Vec<Pixels> {
    let (k, s) = (conv.kernel, conv.stride);
    // Row `first + s·i` of the result reads row `i + reads − k` of the source through row `tap` of the kernel.
    let reads = |first: usize, padding: usize, tap: usize| {
        let from = (first + padding + s * k).checked_sub(tap)?;
        from.is_multiple_of(s).then_some(from / s)
    };
    let class = |first: [usize; 2]| {
        let taps = (0..k * k).filter_map(|index| {
            let row = reads(first[0], conv.padding.top, index / k)?;
            let column = reads(first[1], conv.padding.left, index % k)?;
            Some(Tap { index, reads: [row, column] })
        });
        let left = |size: u32, first: usize| (size as usize).saturating_sub(first).div_ceil(s);
        let size = [left(target.height, first[0]), left(target.width, first[1])];
        Pixels { first, size, taps: taps.collect() }
    };
    (0..s * s).map(|index| class([index / s, index % s])).collect()
}

/// Weights as `[channel and tap][output]`.
fn packed(conv: &Conv, way: Way, pixels: &Pixels, depth: usize, outputs: usize) -> Vec<f32> {
    let area = conv.kernel * conv.kernel;
    let (channels, own) = match way {
        Way::Forward => (conv.in_channels, conv.out_channels),
        Way::Backward => (conv.out_channels, conv.in_channels),
    };
    let numbers = conv.weight.numbers();
    let mut weights = vec![0.0; depth * outputs];
    for channel in 0..channels {
        for (number, tap) in pixels.taps.iter().enumerate() {
            let line = &mut weights[(channel * pixels.taps.len() + number) * outputs..][..own];
            for (output, weight) in line.iter_mut().enumerate() {
                let filter = match way {
                    Way::Forward => output * conv.in_channels + channel,
                    Way::Backward => channel * conv.in_channels + output,
                };
                *weight = numbers[filter * area + tap.index];
            }
        }
    }
    weights
}

/// The channel, row and column that each entry of the depth reads. Entries beyond the last have weight zero.
fn table(channels: usize, pixels: &Pixels, depth: usize) -> Vec<u32> {
    let entry = |channel: usize, tap: &Tap| (channel | tap.reads[0] << 16 | tap.reads[1] << 24) as u32;
    let entries = (0..channels).flat_map(|channel| pixels.taps.iter().map(move |tap| entry(channel, tap)));
    let mut table: Vec<u32> = entries.collect();
    table.resize(depth, 0);
    table
}
