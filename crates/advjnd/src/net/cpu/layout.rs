//! Blocked layout: `[sample][channel / 16][row][column][channel % 16]`, with a frame of zeros around every plane.
//!
//! The frame (halo) is as wide as the widest reader needs, so that no kernel tests for borders. It is zero from the start
//! and nobody writes it: a buffer is reused only by values of exactly the same layout, or, if it has no frame, by others
//! without one.

use std::ops::Range;

use super::simd::LANES;
use crate::net::graph::Shape;

/// Zeros around a plane that readers may read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Halo {
    pub(super) top: usize,
    pub(super) left: usize,
    pub(super) bottom: usize,
    pub(super) right: usize,
}

impl Halo {
    /// What a reader of rows `first_row..=last_row` and columns `first_column..=last_column` of `shape` needs.
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

    /// Wide enough for both.
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

/// Where the vectors of a value lie: an offset and its steps, in entries.
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

    /// The entries it takes, of `batch` samples, its frame included.
    fn entries(&self, batch: usize) -> Range<usize> {
        let Self { halo, grid, .. } = self;
        let start = grid.base - halo.top * grid.row - halo.left * grid.pixel;
        start..start + grid.sample * batch
    }

    /// The upper left part of the first channels, of `shape`; its frame is zero only where it is the whole's.
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

/// Gives out places for values, and takes them back.
pub(super) struct Space {
    batch: usize,
    length: usize,
    free: Vec<Blocked>,
    /// What is left of places without a frame that shorter values took.
    rests: Vec<Range<usize>>,
}

impl Space {
    pub(super) fn new(batch: usize) -> Self {
        Self { batch, length: 0, free: Vec::new(), rests: Vec::new() }
    }

    /// Entries needed so far.
    pub(super) fn length(&self) -> usize {
        self.length
    }

    /// A place for a value of `shape` with a frame of exactly `halo`.
    pub(super) fn take(&mut self, shape: Shape, halo: Halo) -> Blocked {
        let fits = |free: &Blocked| {
            let same_plane = free.shape.height == shape.height && free.shape.width == shape.width;
            same_plane && free.halo == halo && free.blocks() == blocks(shape.channels)
        };
        if let Some(index) = self.free.iter().position(fits) {
            return Blocked { shape, ..self.free.swap_remove(index) };
        }
        let row = (shape.width + halo.left + halo.right) * LANES;
        let block = row * (shape.height + halo.top + halo.bottom);
        let sample = block * blocks(shape.channels);
        let length = sample * self.batch;
        let reused = if halo == Halo::default() { self.take_used(length) } else { None };
        let base = reused.unwrap_or_else(|| self.take_plain(length)) + halo.top * row + halo.left * LANES;
        Blocked { shape, halo, grid: Grid { base, sample, block, row, pixel: LANES } }
    }

    /// The start of `length` entries that nobody uses any more and that are no frame, from the least place they fit.
    fn take_used(&mut self, length: usize) -> Option<usize> {
        let batch = self.batch;
        let rests = self.rests.iter().cloned().map(|entries| (entries, true)).enumerate();
        let free = self.free.iter().map(|place| (place.entries(batch), false)).enumerate();
        let free = free.filter(|(index, _)| self.free[*index].halo == Halo::default());
        let fitting = rests.chain(free).filter(|(_, (entries, _))| entries.len() >= length);
        let (index, (entries, is_rest)) = fitting.min_by_key(|(_, (entries, _))| entries.len())?;
        if is_rest {
            self.rests.swap_remove(index);
        } else {
            self.free.swap_remove(index);
        }
        if entries.len() > length {
            self.rests.push(entries.start + length..entries.end);
        }
        Some(entries.start)
    }

    /// `length` entries that are never given out again.
    pub(super) fn take_plain(&mut self, length: usize) -> usize {
        let base = self.length;
        self.length += length.next_multiple_of(LANES);
        base
    }

    /// Takes a place back.
    pub(super) fn give(&mut self, place: Blocked) {
        self.free.push(place);
    }
}
