// SPDX-License-Identifier: MIT OR Apache-2.0
//! Reproducible numbers.

#![allow(dead_code, reason = "every test program uses a part of it")]

/// A linear congruential generator (Knuth, MMIX); its high bits are the good ones.
pub struct Numbers(pub u64);

impl Numbers {
    /// The next 64 bits.
    pub fn step(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.0
    }

    /// A number below `limit`.
    pub fn below(&mut self, limit: u64) -> u64 {
        (self.step() >> 33) % limit
    }
}
