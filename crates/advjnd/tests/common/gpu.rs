// SPDX-License-Identifier: MIT OR Apache-2.0
//! The GPU that tests run on.

#![allow(clippy::expect_used, reason = "a test fails by panicking")]
#![allow(dead_code, reason = "not every test needs everything")]

use std::sync::Arc;

use advjnd::net::gpu::{Gpu, adapters};

use super::skip::skip;

/// Adapter `$ADVJND_GPU`, or the first; where there is none, says that `test` is skipped.
pub fn gpu(test: &str) -> Option<Arc<Gpu>> {
    let index = std::env::var("ADVJND_GPU").map_or(0, |index| index.parse().expect("the number of an adapter"));
    let adapters = adapters();
    let Some(adapter) = adapters.get(index) else {
        skip(test, "no GPU and no driver that stands in for one (mesa-vulkan-drivers)");
        return None;
    };
    println!("{test}: on {} ({})", adapter.name, adapter.driver);
    Some(Gpu::open(index).expect("an adapter that opens"))
}
