// SPDX-License-Identifier: MIT OR Apache-2.0
//! The twin of the learned maps: the network on candle's operators, the rest as defined.

use advjnd::Result;
use advjnd::net::Pass;
use advjnd::net::candle;
use advjnd::net::thresholds::{self, REDUCTION};
use bytes::Bytes;
use candle_core::Device;

/// The fast path repeats the right and lower edges up to multiples of this, and the network sees that.
const MULTIPLE: usize = 32;

/// Thresholds of R', G', B' by the network `hvs_sd`, or else by `rgb`.
pub fn learned(hvs_sd: bool, rgb: &[[f32; 3]], width: usize, height: usize) -> Result<Vec<[f32; 3]>> {
    let (name, file) = if hvs_sd { ("hvs-sd", thresholds::HVS_SD) } else { ("rgb", thresholds::RGB) };
    let (wide, high) = (width.next_multiple_of(MULTIPLE), height.next_multiple_of(MULTIPLE));
    let graph = thresholds::graph(name, &Bytes::from_static(file), high, wide)?;
    let mut executor = candle::backend(Device::Cpu).executor(&graph, 1)?;
    let mut input = Vec::with_capacity(3 * wide * high);
    let pixel = |x: usize, y: usize| rgb[y.min(height - 1) * width + x.min(width - 1)];
    for channel in 0..3 {
        input.extend((0..wide * high).map(|i| pixel(i % wide, i / wide)[channel]));
    }
    executor.forward(&input, Pass::Infer)?;
    let (small_width, small_height) = (wide / REDUCTION, high / REDUCTION);
    let output = executor.output(0);
    let at = |channel: usize, x: f64, y: f64| {
        let (x, y) = (x.max(0.0), y.max(0.0));
        let sample = |x: f64, y: f64| {
            let (x, y) = ((x as usize).min(small_width - 1), (y as usize).min(small_height - 1));
            f64::from(output[(channel * small_height + y) * small_width + x])
        };
        let (right, down) = (x.fract(), y.fract());
        let upper = (1.0 - right) * sample(x, y) + right * sample(x + 1.0, y);
        let lower = (1.0 - right) * sample(x, y + 1.0) + right * sample(x + 1.0, y + 1.0);
        (1.0 - down) * upper + down * lower
    };
    let place = |at: usize| (at as f64 + 0.5) / REDUCTION as f64 - 0.5;
    let softplus = |x: f64| x.max(0.0) + (-x.abs()).exp().ln_1p();
    Ok((0..width * height)
        .map(|i| [0, 1, 2].map(|channel| softplus(at(channel, place(i % width), place(i / width))) as f32))
        .collect())
}
