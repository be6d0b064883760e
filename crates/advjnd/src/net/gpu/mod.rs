// SPDX-License-Identifier: MIT OR Apache-2.0
//! Networks on a GPU, by Vulkan, Metal or Direct3D 12.
//!
//! ```text
//! graph ─► plan: nodes ─► dispatches + packed weights + places ─► executor ─► one submit and one wait for each run
//! ```
//!
//! * `adapter`, `device`: available and open GPUs; `kernel`: the compiled shaders of `kernels/`.
//! * `plan`: kernel, place and epilogue of every operation; `params`: the parameters of a kernel; `space`, `weights`:
//!   the places of values and weights.
//! * `executor`: a plan with its buffers; `transfer`: uploads and downloads.
//!
//! [`watch`](super::watch) decides whether its results are trusted.
//!
//! All values lie in one buffer, so a kernel may read and write any of them, and places are reused. WebGPU's default
//! limits suffice. There are no atomics and no sums in random order: the same input gives the same bytes on the same
//! device, but not the bytes of another device or of the CPU.

mod adapter;
mod device;
mod executor;
mod kernel;
mod params;
mod plan;
mod retreat;
mod space;
mod transfer;
mod weights;

pub use adapter::{Adapter, adapters};
pub use device::Gpu;
pub use executor::{Cost, GpuExecutor};
