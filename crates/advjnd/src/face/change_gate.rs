// SPDX-License-Identifier: MIT OR Apache-2.0
//! Whether anything changed since the whole frame was last searched for faces. A frame that shows the same has no new
//! face.
//!
//! It compares means of cells ([`FrameMut::cell_means`]), so camera noise is not a change. A face that comes into view
//! changes some cell by more than [`CHANGE`], however slowly it comes, because the comparison is with the searched
//! frame, not with the last one.

use super::BBox;
use crate::frame::{CELL, FrameMut};

/// Change of a cell's mean that counts, in code values. Noise of σ = 5 stays below it in a cell of 16²; a face of the
/// smallest size exceeds it in any light that shows it.
const CHANGE: f32 = 2.5;

/// Mean change of all cells, in code values, from which a frame shows another scene. Moving cameras and people stay
/// below it; two unrelated pictures do not.
const CUT: f32 = 20.0;

/// Changes in at most this many places are searched one by one; more count as everywhere.
const MOST_PLACES: usize = 2;

/// Where something changed.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// Nowhere.
    Nowhere,
    /// In these places.
    Places(Vec<BBox>),
    /// In too many or too large places to search one by one.
    Everywhere,
}

/// A coarse picture of the frame as last searched, and of the current frame.
#[derive(Debug, Default)]
pub struct ChangeGate {
    searched: Vec<f32>,
    now: Vec<f32>,
    columns: usize,
}

impl ChangeGate {
    /// Takes the current frame.
    pub fn look(&mut self, frame: &FrameMut<'_>) {
        self.columns = frame.width().div_ceil(CELL);
        frame.cell_means(&mut self.now);
    }

    /// Marks the current frame as searched.
    pub fn keep(&mut self) {
        self.searched.clone_from(&self.now);
    }

    /// Forgets what was searched.
    pub fn forget(&mut self) {
        self.searched.clear();
    }

    /// Marks the changed cells as searched.
    pub fn keep_changes(&mut self) {
        for (now, searched) in self.now.iter().zip(&mut self.searched) {
            if differs(*now, *searched) {
                *searched = *now;
            }
        }
    }

    /// Whether anything outside the `known` places changed since the last search.
    pub fn changed(&self, known: &[BBox]) -> bool {
        let outside = |cell: BBox| !known.iter().any(|place| place.contains(cell.center()));
        self.searched.len() != self.now.len() || self.cells().any(outside)
    }

    /// Whether the frame shows another scene than the last one searched.
    pub fn is_cut(&self) -> bool {
        let changes = self.now.iter().zip(&self.searched).map(|(now, searched)| (now - searched).abs());
        self.searched.len() == self.now.len() && changes.sum::<f32>() > CUT * self.now.len() as f32
    }

    /// Where anything changed since the last search, in places of at most `reach` pixels.
    pub fn change(&self, reach: f32) -> Change {
        if self.searched.len() != self.now.len() {
            return Change::Everywhere;
        }
        let mut places: Vec<BBox> = Vec::new();
        for cell in self.cells() {
            let larger = |place: &BBox| Some(place.union(&cell)).filter(|place| place.width.max(place.height) <= reach);
            let found = places.iter().enumerate().find_map(|(at, place)| larger(place).map(|larger| (at, larger)));
            match found {
                Some((at, larger)) => places[at] = larger,
                None if places.len() < MOST_PLACES => places.push(cell),
                None => return Change::Everywhere,
            }
        }
        if places.is_empty() { Change::Nowhere } else { Change::Places(places) }
    }

    /// The cells that changed.
    fn cells(&self) -> impl Iterator<Item = BBox> + '_ {
        let pairs = self.now.iter().zip(&self.searched).enumerate();
        pairs.filter(|(_, (now, searched))| differs(**now, **searched)).map(|(index, _)| {
            let [x, y] = [index % self.columns, index / self.columns].map(|at| (at * CELL) as f32);
            BBox { x, y, width: CELL as f32, height: CELL as f32 }
        })
    }
}

fn differs(now: f32, searched: f32) -> bool {
    (now - searched).abs() > CHANGE
}

#[cfg(test)]
mod tests {
    #![allow(clippy::expect_used, reason = "a test fails by panicking")]

    use super::*;
    use crate::frame::{Colorimetry, PixelFormat, PlaneMut};

    const SIDE: usize = 96;

    fn look(gate: &mut ChangeGate, value: impl Fn(usize, usize) -> u8) {
        let mut data: Vec<u8> = (0..SIDE * SIDE).flat_map(|at| [value(at % SIDE, at / SIDE); 3]).collect();
        let planes = vec![PlaneMut { data: &mut data, stride: 3 * SIDE }];
        let frame = FrameMut::new(PixelFormat::Rgb, Colorimetry::default(), SIDE, SIDE, planes).expect("a frame");
        gate.look(&frame);
    }

    #[test]
    fn another_scene_is_a_cut_and_a_moving_camera_is_none() {
        let scene = |x: usize, y: usize| (x + y) as u8;
        let mut gate = ChangeGate::default();
        look(&mut gate, scene);
        assert!(!gate.is_cut(), "nothing was searched");
        gate.keep();
        look(&mut gate, |x, y| scene(x + 8, y));
        assert!(!gate.is_cut());
        look(&mut gate, |x, y| 255 - scene(x, y));
        assert!(gate.is_cut());
        gate.keep();
        assert!(!gate.is_cut());
    }
}
