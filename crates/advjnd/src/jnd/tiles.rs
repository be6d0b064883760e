//! A side of a region cut into tiles that overlap, for the network of the learned maps, which sees only so far.
//!
//! All tiles of a side are equally long, so that one plan runs them all. They start where the engine's own blocks would, and
//! overlap by what the network sees beyond an edge: what is kept of the tiles is what it makes of the whole, bit by bit
//! where both run by the same algorithms.

use std::ops::Range;

use crate::net::thresholds::{BLIND, REDUCTION};

/// Lengths of tiles are multiples of this, in pixels.
pub(super) const MULTIPLE: usize = 8 * REDUCTION;
/// Tiles start at multiples of this: the blocks of Winograd's algorithm are four samples long.
const START: usize = 4 * REDUCTION;
/// Least overlap of two tiles.
const OVERLAP: usize = ((BLIND[0] + BLIND[1]) * REDUCTION).next_multiple_of(START);

/// How a side is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Side {
    length: usize,
    count: usize,
    /// Length of each tile, in pixels.
    pub(super) tile: usize,
}

/// One tile of a side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tile {
    /// Its first pixel.
    pub(super) start: usize,
    /// The samples of the network's output that are taken from it, counted from the start of the side.
    pub(super) kept: Range<usize>,
}

impl Side {
    /// A side of `length` pixels, a multiple of [`MULTIPLE`], in as few tiles as there can be of at most `most`, itself at
    /// least two multiples.
    pub(super) fn new(length: usize, most: usize) -> Self {
        let most = (most / MULTIPLE).max(2) * MULTIPLE;
        if length <= most {
            return Self { length, count: 1, tile: length };
        }
        let count = (length - OVERLAP).div_ceil(most - OVERLAP);
        let tile = (length + (count - 1) * OVERLAP).div_ceil(count).next_multiple_of(MULTIPLE);
        Self { length, count, tile }
    }

    /// The tiles, in order; what is kept of them is each sample of the side once.
    pub(super) fn tiles(self) -> impl Iterator<Item = Tile> {
        let Self { length, count, tile } = self;
        let start = move |index: usize| (length - tile) * index / (count - 1).max(1) / START * START;
        let first = move |index: usize| match index {
            0 => 0,
            _ if index == count => length / REDUCTION,
            _ => start(index) / REDUCTION + BLIND[0],
        };
        (0..count).map(move |index| Tile { start: start(index), kept: first(index)..first(index + 1) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiles_cover_a_side_with_what_they_know() {
        for length in (MULTIPLE..4000).step_by(MULTIPLE) {
            for most in [64, 96, 256, 384, 1000] {
                let side = Side::new(length, most);
                assert!(side.tile <= most && side.tile.is_multiple_of(MULTIPLE), "{side:?}, at most {most}");
                let mut next = 0;
                for Tile { start, kept } in side.tiles() {
                    assert!(start.is_multiple_of(START) && start + side.tile <= length, "{side:?}: {start}");
                    let (begin, end) = (start / REDUCTION, (start + side.tile) / REDUCTION);
                    assert_eq!(kept.start, next, "{side:?}");
                    assert!(begin == 0 || kept.start >= begin + BLIND[0], "{side:?}: {start}, {kept:?}");
                    assert!(end == length / REDUCTION || kept.end + BLIND[1] <= end, "{side:?}: {start}, {kept:?}");
                    assert!(kept.start < kept.end && kept.end <= end, "{side:?}: {start}, {kept:?}");
                    next = kept.end;
                }
                assert_eq!(next, length / REDUCTION, "{side:?}");
            }
        }
    }
}
