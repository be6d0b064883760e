// SPDX-License-Identifier: MIT OR Apache-2.0
//! How many iterations a face is worth: the longer they have not protected it, the fewer.

/// Least iterations per frame, to build a reserve beyond the margins, also while recent frames did not protect the
/// face.
pub const LEAST_ITERATIONS: u32 = 4;
/// After this many frames in a row without success, only two iterations remain, except every eighth frame, which gets
/// all.
const FRUITLESS_FRAMES: u32 = 30;
const HOPELESS_ITERATIONS: u32 = 2;
const ALL_AGAIN: u32 = 8;
/// How many of the first frames without success halve the iterations of the next frame.
const HALVINGS: u32 = 2;

/// The history of one followed face.
#[derive(Debug, Clone, Copy, Default)]
pub struct Worth {
    /// Frames in a row that left it short of its margins although it had its full allowance.
    fruitless: u32,
}

impl Worth {
    /// How many iterations the face is worth, `most` at most. The first frames without success halve the number; after
    /// many, hardly any remain.
    pub fn allowance(&self, most: u32) -> u32 {
        if self.fruitless < FRUITLESS_FRAMES {
            return (most >> self.fruitless.min(HALVINGS)).max(LEAST_ITERATIONS).min(most);
        }
        if self.fruitless.is_multiple_of(ALL_AGAIN) { most } else { HOPELESS_ITERATIONS.min(most) }
    }

    /// Records that `iterations`, of `most`, left it `protected` or not.
    pub fn learn(&mut self, iterations: u32, most: u32, protected: bool) {
        if protected {
            self.fruitless = 0;
        } else if iterations >= self.allowance(most) {
            self.fruitless = self.fruitless.saturating_add(1);
        }
    }
}
