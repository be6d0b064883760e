// SPDX-License-Identifier: MIT OR Apache-2.0
//! Networks on a GPU, by Vulkan, Metal or Direct3D 12.
//!
//! ```text
//! graph ─► plan: nodes ─► dispatches + packed weights + places ─► executor ─► one submit and one wait for each pass
//! ```
//!
//! * `adapter`, `device`: what there is, and what was opened; `kernel`: the compiled shaders of `kernels/`.
//! * `plan`: kernel, place and epilogue of every operation; `params`: what a kernel is told; `space`, `weights`: where
//!   values and weights lie.
//! * `executor`: a plan with its buffers; `transfer`: what goes up and comes down.
//!
//! Whether what it computes is believed is the matter of [`watch`](super::watch).
//!
//! All values lie in one buffer, so a kernel may read and write any of them, and places are used again. WebGPU's
//! default limits suffice. There are no atomics and no sums in an order of chance: the same input gives the same bytes
//! on the same device, but not the bytes of another, nor those of the CPU.

mod adapter;
mod device;
mod executor;
mod kernel;
mod params;
mod plan;
mod space;
mod transfer;
mod weights;

pub use adapter::{Adapter, adapters};
pub use device::Gpu;
pub use executor::{Cost, GpuExecutor};
