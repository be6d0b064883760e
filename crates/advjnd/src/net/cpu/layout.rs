// SPDX-License-Identifier: MIT OR Apache-2.0
//! Blocked layout: `[sample][channel / 16][row][column][channel % 16]`, with a frame of zeros around every plane.
//!
//! The frame (halo) is as wide as the widest reader needs, so that no kernel tests for borders. It starts as zero and
//! is never written: a small place with a frame is reused only by values of exactly the same layout. The entries of
//! other places may be reused by any value; if that spoils a large frame, a step clears it ([`spoiled`]). In an arena
//! other plans spoil every frame.

use std::ops::Range;

use super::simd::LANES;
use crate::net::graph::Shape;

/// Size in entries (1 MiB) from which it is worth a step that clears the frame to reuse a place.
const LARGE: usize = 1 << 18;

/// The zeros around a plane that readers may read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Halo {
    pub(super) top: usize,
    pub(super) left: usize,
    pub(super) bottom: usize,
    pub(super) right: usize,
}

impl Halo {
    /// The halo that a reader of these first to last `rows` and `columns` of `shape` needs.
    pub(super) fn reaching(shape: Shape, rows: (isize, isize), columns: (isize, isize)) -> Self {
        let before = |first: isize| first.min(0).unsigned_abs();
        let after = |last: isize, size: usize| (last + 1).saturating_sub_unsigned(size).max(0).unsigned_abs();
        Self {
            top: before(rows.0),
            left: before(columns.0),
            bottom: after(rows.1, shape.height),
            right: after(columns.1, shape.width),
        }
    }

    /// A halo wide enough for both.
    pub(super) fn union(self, other: Self) -> Self {
        Self {
            top: self.top.max(other.top),
            left: self.left.max(other.left),
            bottom: self.bottom.max(other.bottom),
            right: self.right.max(other.right),
        }
    }

    fn covers(self, other: Self) -> bool {
        self.union(other) == self
    }
}

/// The places of the vectors of a value: an offset and its steps, in entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Grid {
    pub(super) base: usize,
    pub(super) sample: usize,
    pub(super) block: usize,
    pub(super) row: usize,
    pub(super) pixel: usize,
}

impl Grid {
    /// Offset of a vector.
    pub(super) fn at(&self, sample: usize, block: usize, row: usize, column: usize) -> usize {
        self.base + sample * self.sample + block * self.block + row * self.row + column * self.pixel
    }

    /// Every `step`-th row and column from (`row`, `column`) on.
    pub(super) fn phase(&self, step: usize, row: usize, column: usize) -> Self {
        Self { base: self.at(0, 0, row, column), row: self.row * step, pixel: self.pixel * step, ..*self }
    }
}

/// A value in blocked layout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Blocked {
    pub(super) shape: Shape,
    pub(super) halo: Halo,
    pub(super) grid: Grid,
}

impl Blocked {
    /// Blocks of 16 channels.
    pub(super) fn blocks(&self) -> usize {
        blocks(self.shape.channels)
    }

    /// The entries it takes for `batch` samples, its frame included.
    fn entries(&self, batch: usize) -> Range<usize> {
        let Self { halo, grid, .. } = self;
        let start = grid.base - halo.top * grid.row - halo.left * grid.pixel;
        start..start + grid.sample * batch
    }

    /// Whether its plane and frame have the entries of those of `other`.
    fn lies_as(&self, other: &Self) -> bool {
        self.grid == other.grid && self.halo == other.halo
    }

    /// The upper left part of its first channels, of `shape`. The part's frame is zero only where it is the frame of
    /// the whole.
    pub(super) fn cropped(&self, shape: Shape) -> Self {
        let same = shape.height == self.shape.height && shape.width == self.shape.width;
        let halo = if same { self.halo } else { Halo { bottom: 0, right: 0, ..self.halo } };
        Self { shape, halo, grid: self.grid }
    }

    /// True if readers that need `halo` may read it.
    pub(super) fn reaches(&self, halo: Halo) -> bool {
        self.halo.covers(halo)
    }
}

/// Blocks that hold `channels` channels.
pub(super) fn blocks(channels: usize) -> usize {
    channels.div_ceil(LANES)
}

/// Indices of the places in `taken`, in order, whose frames must be cleared before they are written: those that share
/// entries with another layout, and, if all entries start `dirty`, the first place of every remaining layout.
pub(super) fn spoiled(taken: &[Blocked], batch: usize, dirty: bool) -> impl Iterator<Item = usize> {
    let spoils = move |place: &Blocked, other: &Blocked| {
        let (own, others) = (place.entries(batch), other.entries(batch));
        !place.lies_as(other) && own.start < others.end && others.start < own.end
    };
    let first = move |index: usize| !taken[..index].iter().any(|other| other.lies_as(&taken[index]));
    let framed = taken.iter().enumerate().filter(|(_, place)| place.halo != Halo::default());
    let must = move |(index, place): &(usize, &Blocked)| {
        taken.iter().any(|other| spoils(place, other)) || dirty && first(*index)
    };
    framed.filter(must).map(|(index, _)| index)
}

/// Allocates places for values, and frees them.
pub(super) struct Space {
    batch: usize,
    length: usize,
    /// Free small places with a frame.
    framed: Vec<Blocked>,
    /// Other free ranges, in no order; no two of them touch.
    free: Vec<Range<usize>>,
}

impl Space {
    pub(super) fn new(batch: usize) -> Self {
        Self { batch, length: 0, framed: Vec::new(), free: Vec::new() }
    }

    /// Number of entries needed so far.
    pub(super) fn length(&self) -> usize {
        self.length
    }

    /// A place for a value of `shape` with a frame of exactly `halo`.
    pub(super) fn take(&mut self, shape: Shape, halo: Halo) -> Blocked {
        let fits = |place: &Blocked| {
            let same_plane = place.shape.height == shape.height && place.shape.width == shape.width;
            same_plane && place.halo == halo && place.blocks() == blocks(shape.channels)
        };
        if let Some(index) = self.framed.iter().position(fits) {
            return Blocked { shape, ..self.framed.swap_remove(index) };
        }
        let row = (shape.width + halo.left + halo.right) * LANES;
        let block = row * (shape.height + halo.top + halo.bottom);
        let sample = block * blocks(shape.channels);
        let grid = Grid { base: halo.top * row + halo.left * LANES, sample, block, row, pixel: LANES };
        let mut place = Blocked { shape, halo, grid };
        let length = sample * self.batch;
        place.grid.base += if self.is_kept(&place) { self.take_plain(length) } else { self.take_free(length) };
        place
    }

    /// Whether a place is kept for values of the same layout.
    fn is_kept(&self, place: &Blocked) -> bool {
        place.halo != Halo::default() && place.grid.sample * self.batch < LARGE
    }

    /// The start of `length` free entries, from the smallest range they fit in; new entries if there is none.
    fn take_free(&mut self, length: usize) -> usize {
        let fitting = (0..self.free.len()).filter(|index| self.free[*index].len() >= length);
        if let Some(index) = fitting.min_by_key(|index| self.free[*index].len()) {
            let Range { start, end } = self.free.swap_remove(index);
            if start + length < end {
                self.free.push(start + length..end);
            }
            return start;
        }
        let last = self.free.iter().position(|entries| entries.end == self.length);
        let begun = last.map_or(0, |index| self.free.swap_remove(index).len());
        self.take_plain(length - begun) - begun
    }

    /// Allocates `length` entries for good.
    pub(super) fn take_plain(&mut self, length: usize) -> usize {
        let base = self.length;
        self.length += length.next_multiple_of(LANES);
        base
    }

    /// Frees a place.
    pub(super) fn give(&mut self, place: Blocked) {
        if self.is_kept(&place) {
            return self.framed.push(place);
        }
        let mut entries = place.entries(self.batch);
        self.free.retain(|other| {
            let touches = other.end == entries.start || other.start == entries.end;
            if touches {
                entries = other.start.min(entries.start)..other.end.max(entries.end);
            }
            !touches
        });
        self.free.push(entries);
    }
}
