// SPDX-License-Identifier: MIT OR Apache-2.0
//! Networks on candle's operators, on any candle device: the slow and simple reference that tests hold the fast paths
//! to, and, by the cargo features `cuda` and `metal`, a path of its own.
//!
//! * `executor`: the walk through a graph, forward and back; `layer`: one operation; `activated`: what follows a sum.
//! * `table`, `upsample`: which entries belong together, as index tensors that lie on the device.
//! * `device`: devices of CUDA and Metal, to be [watched](super::watch).
//!
//! It does not use candle's autograd, which computes the gradient of the frozen kernels too, runs its transposed
//! convolution as a direct loop on the CPU and has no backward for overlapping max-pool windows. Nor does it use
//! candle's convolution, which loops over the groups of a depthwise one, and copies its result once more. A gradient
//! takes about three launches for each operation and direction, and brings up nothing but the chip and the cotangent.

mod activated;
#[cfg(any(feature = "cuda", feature = "metal"))]
mod device;
mod executor;
mod layer;
mod table;
mod upsample;

#[cfg(any(feature = "cuda", feature = "metal"))]
pub use device::CandleDevice;
pub use executor::{CandleExecutor, backend};

type CandleResult<T> = candle_core::Result<T>;
