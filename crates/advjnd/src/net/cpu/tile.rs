// SPDX-License-Identifier: MIT OR Apache-2.0
//! The register tile: the one inner loop of every dense convolution, matrix product and Winograd product.
//!
//! A tile is `R × Q` pixels by `B` blocks of 16 output channels, all sums in registers. The inner dimension is a list
//! of chunks: runs of scalars contiguous in memory, at the same offset from every pixel. 16 channels of one tap are a
//! chunk in blocked layout; a kernel row of all channels is one in interleaved layout. Each scalar is broadcast and
//! multiplied with `B` vectors of packed weights, which are read once, in order:
//!
//! ```text
//! for chunk, for k in chunk:  sum[r][q][b] += pixel(r, q)[chunk + k] · weights[chunk][k][b]
//! ```
//!
//! Sizes are constants so that sums stay in registers: with AVX-512, 28 sums, 2 weights and 1 scalar fill 31 of 32.
#![allow(unsafe_code, reason = "vectors are loaded and stored through pointers")]
#![allow(clippy::needless_range_loop, reason = "indices run over several arrays and pointers at once")]

use super::memory::WeightsAt;
use super::simd::portable::Portable;
use super::simd::{Isa, LANES, Level};
use super::sink::{Finish, Sink, finish};

/// How many entries ahead weights are prefetched into the first level of cache: its few buffers hide the latency of the
/// second level.
const NEAR: usize = 12 * LANES;
/// How many entries ahead weights are prefetched into the second level, to hide the latency of the third.
const FAR: usize = 128 * LANES;

/// One tile: its sources and its target.
pub(super) struct Tile<'a> {
    /// The scalars of the first pixel, offset 0.
    pub(super) source: *const f32,
    /// Entries from one row of pixels to the next.
    pub(super) source_row: usize,
    /// Packed weights `[chunk][k][B][16]`.
    pub(super) weights: WeightsAt,
    /// Entries from a pixel to each chunk.
    pub(super) chunks: &'a [isize],
    /// Scalars in a chunk.
    pub(super) chunk_len: usize,
    /// Where the first sum goes.
    pub(super) sink: Sink,
}

/// Computes one tile.
///
/// # Safety
/// All pointers must be valid for the sizes of the function, and the processor must have its instruction set.
pub(super) type TileFn = unsafe fn(&Tile<'_>);

#[inline(always)]
unsafe fn tile<I: Isa, const R: usize, const Q: usize, const B: usize, const P: usize>(job: &Tile<'_>) {
    // SAFETY: passed on.
    unsafe { if job.weights.half { sums::<I, R, Q, B, P, true>(job) } else { sums::<I, R, Q, B, P, false>(job) } }
}

#[inline(always)]
unsafe fn sums<I: Isa, const R: usize, const Q: usize, const B: usize, const P: usize, const HALF: bool>(
    tile: &Tile<'_>,
) {
    // SAFETY: by the contract of `TileFn`.
    unsafe {
        let sink = &tile.sink;
        let mut sums = [[[I::splat(0.0); B]; Q]; R];
        if !sink.bias.is_null() {
            let bias: [I::Vector; B] = std::array::from_fn(|block| I::load(sink.bias.add(block * LANES)));
            sums = [[bias; Q]; R];
        }
        let mut weights = 0;
        for &chunk in tile.chunks {
            let source = tile.source.offset(chunk);
            for k in 0..tile.chunk_len {
                let factors: [I::Vector; B] =
                    std::array::from_fn(|block| tile.weights.load::<I, HALF>(weights + block * LANES));
                for block in 0..B {
                    I::prefetch(tile.weights.ahead::<HALF>(weights + NEAR + block * LANES));
                    I::prefetch_far(tile.weights.ahead::<HALF>(weights + FAR + block * LANES));
                }
                for r in 0..R {
                    for q in 0..Q {
                        let scalar = I::splat(*source.add(r * tile.source_row + q * P + k));
                        for b in 0..B {
                            sums[r][q][b] = I::mul_add(scalar, factors[b], sums[r][q][b]);
                        }
                    }
                }
                weights += B * LANES;
            }
        }
        if !sink.residual.is_null() {
            let grid = &sink.residual_grid;
            for b in 0..B.min(sink.residual_blocks) {
                for r in 0..R {
                    for q in 0..Q {
                        let residual = sink.residual.add(r * grid.row + q * grid.pixel + b * grid.block);
                        sums[r][q][b] = I::add(sums[r][q][b], I::load(residual));
                    }
                }
            }
        }
        macro_rules! each {
            ($finish:expr) => {{
                let grid = &sink.signs_grid;
                for r in 0..R {
                    for q in 0..Q {
                        for b in 0..B {
                            let signs = sink.signs.wrapping_add(r * grid.row + q * grid.pixel + b * grid.block);
                            let slope = sink.slope.wrapping_add(b * LANES);
                            sums[r][q][b] = finish::<I>(sums[r][q][b], $finish, slope, signs);
                        }
                    }
                }
            }};
        }
        match sink.finish {
            Finish::Keep => {}
            Finish::Relu => each!(Finish::Relu),
            Finish::Rectify => each!(Finish::Rectify),
            Finish::Prelu(slope) => each!(Finish::Prelu(slope)),
            Finish::ReluDerivative => each!(Finish::ReluDerivative),
            Finish::PreluDerivative(slope) => each!(Finish::PreluDerivative(slope)),
        }
        for r in 0..R {
            for q in 0..Q {
                for b in 0..B {
                    let offset = r * sink.grid.row + q * sink.grid.pixel + b * sink.grid.block;
                    I::store(sink.target.add(offset), sums[r][q][b]);
                }
            }
        }
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
unsafe fn tile_avx512<const R: usize, const Q: usize, const B: usize, const P: usize>(job: &Tile<'_>) {
    // SAFETY: by the contract of `TileFn`.
    unsafe { tile::<super::simd::avx512::Avx512, R, Q, B, P>(job) }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma,f16c")]
unsafe fn tile_avx2<const R: usize, const Q: usize, const B: usize, const P: usize>(job: &Tile<'_>) {
    // SAFETY: by the contract of `TileFn`.
    unsafe { tile::<super::simd::avx2::Avx2, R, Q, B, P>(job) }
}

unsafe fn tile_portable<const R: usize, const Q: usize, const B: usize, const P: usize>(job: &Tile<'_>) {
    // SAFETY: by the contract of `TileFn`.
    unsafe { tile::<Portable, R, Q, B, P>(job) }
}

macro_rules! table {
    ($function:ident, $pitch:expr, $r:expr, $q:expr, $b:expr; $($P:literal: $($R:literal x [$($Q:literal)*] x $B:literal),*;)*) => {
        match ($pitch, $r, $q, $b) {
            $($($(($P, $R, $Q, $B) => Some($function::<$R, $Q, $B, $P> as TileFn),)*)*)*
            _ => None,
        }
    };
}

/// The function for tiles of `rows × columns` pixels by `blocks` blocks, pixels `pitch` entries apart; `None` if there
/// is none.
fn tile_function(level: Level, pitch: usize, rows: usize, columns: usize, blocks: usize) -> Option<TileFn> {
    match level {
        #[cfg(target_arch = "x86_64")]
        Level::Avx512 | Level::Amx => table!(tile_avx512, pitch, rows, columns, blocks;
            16: 1 x [1 2 3 4 5 6 7 8 9 10 11 12 13 14] x 1, 1 x [1 2 3 4 5 6 7 8 9 10 11 12 13 14] x 2,
                2 x [2 3 4 5 6 7] x 1, 2 x [2 3 4 5 6 7] x 2, 3 x [3 4] x 1, 3 x [3 4] x 2, 4 x [3 4] x 1, 4 x [3] x 2;
            32: 1 x [1 2 3 4 5 6 7 8 9 10 11 12 13 14] x 1, 1 x [1 2 3 4 5 6 7 8 9 10 11 12 13 14] x 2,
                2 x [2 3 4] x 1, 2 x [2 3 4] x 2, 3 x [3 4] x 1, 3 x [3 4] x 2, 4 x [3 4] x 1;
            3: 1 x [1 2 3 4 5 6 7 8 9 10 11 12 13 14] x 1, 1 x [1 2 3 4 5 6 7 8 9 10 11 12 13 14] x 2;
            6: 1 x [1 2 3 4 5 6 7 8 9 10 11 12 13 14] x 1, 1 x [1 2 3 4 5 6 7 8 9 10 11 12 13 14] x 2;),
        #[cfg(target_arch = "x86_64")]
        Level::Avx2 => table!(tile_avx2, pitch, rows, columns, blocks;
            16: 1 x [1 2 3 4 5 6] x 1, 2 x [2 3] x 1; 32: 1 x [1 2 3 4 5 6] x 1;
            3: 1 x [1 2 3 4 5 6] x 1; 6: 1 x [1 2 3 4 5 6] x 1;),
        _ => table!(tile_portable, pitch, rows, columns, blocks;
            16: 1 x [1 2 3 4 5 6] x 1, 2 x [2 3] x 1; 32: 1 x [1 2 3 4 5 6] x 1;
            3: 1 x [1 2 3 4 5 6] x 1; 6: 1 x [1 2 3 4 5 6] x 1;),
    }
}

/// A partition of a grid of pixels into tiles.
pub(super) struct Tiling {
    rows: Vec<(usize, usize)>,
    columns: Vec<(usize, usize)>,
    functions: Vec<TileFn>,
}

/// A tile of a [`Tiling`]: its first row and column, and its function.
pub(super) struct Place {
    pub(super) row: usize,
    pub(super) column: usize,
    pub(super) function: TileFn,
}

impl Tiling {
    /// The cheapest partition of `rows × columns` pixels into tiles with a function; `None` for an unknown pitch.
    ///
    /// The cost of a tile is in cycles per `k`: a cycle does two multiply-adds and two loads; a weight vector from the
    /// second level of cache takes 2.4 cycles.
    pub(super) fn new(level: Level, pitch: usize, rows: usize, columns: usize, blocks: usize) -> Option<Self> {
        let mut best: Option<(f64, Self)> = None;
        for height in 1..=rows.min(4) {
            for width in 1..=columns.min(14) {
                let Some(tiling) = Self::of_tiles(level, pitch, (rows, height), (columns, width), blocks) else {
                    continue;
                };
                let cost = tiling.cost(blocks);
                if best.as_ref().is_none_or(|(least, _)| cost < *least) {
                    best = Some((cost, tiling));
                }
            }
        }
        best.map(|(_, tiling)| tiling)
    }

    fn of_tiles(
        level: Level,
        pitch: usize,
        rows: (usize, usize),
        columns: (usize, usize),
        blocks: usize,
    ) -> Option<Self> {
        let (rows, columns) = (even_parts(rows.0, rows.1), even_parts(columns.0, columns.1));
        let mut functions = Vec::with_capacity(rows.len() * columns.len());
        for &(_, height) in &rows {
            for &(_, width) in &columns {
                if height * width * blocks > level.accumulators() {
                    return None;
                }
                functions.push(tile_function(level, pitch, height, width, blocks)?);
            }
        }
        Some(Self { rows, columns, functions })
    }

    fn cost(&self, blocks: usize) -> f64 {
        let of = |height: usize, width: usize| {
            let pixels = (height * width) as f64;
            let blocks = blocks as f64;
            let multiply = (pixels * blocks / 2.0).max(4.0);
            let load = (pixels + blocks) / 2.0;
            multiply.max(load).max(2.4 * blocks) + 0.1 * multiply.min(load)
        };
        self.rows.iter().flat_map(|row| self.columns.iter().map(move |column| of(row.1, column.1))).sum()
    }

    /// Rows of tiles.
    pub(super) fn strips(&self) -> usize {
        self.rows.len()
    }

    /// The tiles of strip `strip`.
    pub(super) fn strip(&self, strip: usize) -> impl Iterator<Item = Place> + '_ {
        let functions = &self.functions[strip * self.columns.len()..];
        let row = self.rows[strip].0;
        self.columns.iter().zip(functions).map(move |(column, function)| Place {
            row,
            column: column.0,
            function: *function,
        })
    }
}

/// `total` in parts of at most `limit`, as even as possible: (start, length).
pub(super) fn even_parts(total: usize, limit: usize) -> Vec<(usize, usize)> {
    let count = total.div_ceil(limit.max(1));
    (0..count).map(|part| (part * total / count, (part + 1) * total / count - part * total / count)).collect()
}
