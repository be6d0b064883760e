//! Whether anything changed since the whole frame was last searched for faces: what shows the same has no new face.
//!
//! Compared are means of cells ([`FrameMut::cell_means`]), so that the noise of a camera is no change. A face that comes into
//! view changes some cell that it touches by more than [`CHANGE`], however slowly it comes, for the comparison is with the
//! frame that was searched, not with the last one.

use super::BBox;
use crate::frame::{CELL, FrameMut};

/// Mean of a cell that counts as changed, in code values: noise of σ = 5 stays below in a cell of 16², a face of the least
/// size in any light that shows it does not.
const CHANGE: f32 = 2.5;

/// What was to be seen, coarsely, when the whole frame was last searched, and what is now.
#[derive(Debug, Default)]
pub struct Glance {
    searched: Vec<f32>,
    now: Vec<f32>,
    columns: usize,
}

impl Glance {
    /// Looks at a frame.
    pub fn look(&mut self, frame: &FrameMut<'_>) {
        self.columns = frame.width().div_ceil(CELL);
        frame.cell_means(&mut self.now);
    }

    /// What was looked at last has been searched.
    pub fn keep(&mut self) {
        self.searched.clone_from(&self.now);
    }

    /// Nothing counts as searched.
    pub fn forget(&mut self) {
        self.searched.clear();
    }

    /// Whether anything outside of `known` places changed since the last search.
    pub fn changed(&self, known: &[BBox]) -> bool {
        if self.searched.len() != self.now.len() {
            return true;
        }
        let changed = |(index, (now, searched)): (usize, (&f32, &f32))| {
            let center = [index % self.columns, index / self.columns].map(|at| (at * CELL + CELL / 2) as f32);
            (now - searched).abs() > CHANGE && !known.iter().any(|place| place.contains(center))
        };
        self.now.iter().zip(&self.searched).enumerate().any(changed)
    }
}
