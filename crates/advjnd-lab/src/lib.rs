// SPDX-License-Identifier: MIT OR Apache-2.0
//! The laboratory of [`advjnd`]: published attacks, image metrics, and slow references that the product is tested
//! against.
//!
//! Tests, benches and the program `advjnd` use this crate. The GStreamer plugin does not.

pub mod attack;
pub mod metrics;
pub mod reference;
