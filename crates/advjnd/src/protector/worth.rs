// SPDX-License-Identifier: MIT OR Apache-2.0
//! How many iterations a face is worth: fewer, the longer they have not protected it.

/// Iterations that a face gets in any case: for a reserve beyond its margins, and where the last frames did not protect
/// it,
pub const LEAST_ITERATIONS: u32 = 4;
/// and once so many frames in a row did not; but for every eighth frame, which gets all of them.
const FRUITLESS_FRAMES: u32 = 30;
const HOPELESS_ITERATIONS: u32 = 2;
const ALL_AGAIN: u32 = 8;
/// Frames in a row that did not protect a face, each of which halves what the next gets.
const HALVINGS: u32 = 2;

/// What is learnt of one followed face.
#[derive(Debug, Clone, Copy, Default)]
pub struct Worth {
    /// Frames in a row that left it short of its margins although it had all iterations that it was allowed.
    fruitless: u32,
}

impl Worth {
    /// How many iterations the face is worth, `most` at most: half as many after each of the first frames in which they
    /// did not protect it, and hardly any once they have been of no use for long.
    pub fn allowance(&self, most: u32) -> u32 {
        if self.fruitless < FRUITLESS_FRAMES {
            return (most >> self.fruitless.min(HALVINGS)).max(LEAST_ITERATIONS).min(most);
        }
        if self.fruitless.is_multiple_of(ALL_AGAIN) { most } else { HOPELESS_ITERATIONS.min(most) }
    }

    /// Takes note of a frame in which so many `iterations`, of `most`, left it `protected` or not.
    pub fn learn(&mut self, iterations: u32, most: u32, protected: bool) {
        if protected {
            self.fruitless = 0;
        } else if iterations >= self.allowance(most) {
            self.fruitless = self.fruitless.saturating_add(1);
        }
    }
}
