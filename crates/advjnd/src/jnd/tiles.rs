//! A region cut into tiles that overlap, for the network of the learned maps, which sees only so far.
//!
//! All tiles of a region are equally large, so that one plan runs them all. They start where the engine's own blocks would, and
//! overlap by what the network sees beyond an edge: what is kept of the tiles is what it makes of the whole, bit by bit
//! where both run by the same algorithms.

use std::ops::Range;

use crate::net::thresholds::{BLIND, REDUCTION};

/// Lengths of tiles are multiples of this, in pixels.
pub(super) const MULTIPLE: usize = 8 * REDUCTION;
/// Tiles start at multiples of this: the blocks of Winograd's algorithm are four samples long.
const START: usize = 4 * REDUCTION;
/// Shortest tile of a longer side.
const LEAST: usize = 2 * MULTIPLE;
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

/// The columns and rows of tiles of at most `pixels` pixels (no less than [`LEAST`] squared) that cover a region with the
/// least work; its sides are multiples of [`MULTIPLE`].
pub(super) fn cut(width: usize, height: usize, pixels: usize) -> [Side; 2] {
    let cuts = (LEAST..=width.max(LEAST)).step_by(MULTIPLE).map(|most| {
        let columns = Side::new(width, most);
        [columns, Side::new(height, pixels / columns.tile)]
    });
    let work = |[columns, rows]: &[Side; 2]| columns.count * columns.tile * rows.count * rows.tile;
    cuts.filter(|[columns, rows]| columns.tile * rows.tile <= pixels)
        .min_by_key(work)
        .unwrap_or([width, height].map(|length| Side::new(length, LEAST)))
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
    /// A side of `length` pixels in as few tiles as there can be of at most `most`, or [`LEAST`].
    fn new(length: usize, most: usize) -> Self {
        let most = most.max(LEAST) / MULTIPLE * MULTIPLE;
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

    #[test]
    fn regions_are_cut_into_tiles_of_the_size_asked_for() {
        for pixels in [0, 64 * 64, 100_000, 270_336, usize::MAX] {
            for (width, height) in [(32, 32), (32, 1920), (640, 640), (1088, 1088), (3840, 64), (3840, 2176)] {
                let [columns, rows] = cut(width, height, pixels);
                let tile = columns.tile * rows.tile;
                assert!(tile <= pixels.max(LEAST * LEAST), "{width}x{height}: {columns:?}, {rows:?}");
                assert!(tile == width * height || width * height > pixels, "{width}x{height}: {columns:?}, {rows:?}");
            }
        }
    }
}
