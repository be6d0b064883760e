// SPDX-License-Identifier: MIT OR Apache-2.0
//! Products of matrices on AMX: tiles of 16 rows by 64 bytes, multiplied as bf16 and summed as `f32`.
//!
//! bf16 has 8 bits, so numbers are split: `high = bf16(x)`, `middle = bf16(x − high)`, `low = bf16(x − high − middle)`.
//! Two parts hold 16 bits, and so the 11 of half precision; three hold the 24 of `f32`. [`Parts`] says how many parts
//! rows and weights have. Products below the rounding of the rows are left out.
//!
//! Layouts, in `u16`; a step is 32 of the inner dimension:
//!
//! ```text
//! rows     [step][part][32 rows][32]
//! weights  [step][part][2 blocks][16 pairs][16 outputs][2]
//! ```
#![allow(unsafe_code, reason = "vector and tile instructions")]

use std::arch::asm;
use std::arch::x86_64::*;
use std::sync::OnceLock;

use half::bf16;

use super::simd::LANES;

/// Rows that are multiplied at a time, in two tiles.
pub(super) const ROWS: usize = 32;
/// Inner dimension of a step.
const STEP: usize = 2 * LANES;
/// Rows of a tile.
const TILE_ROWS: usize = 16;
/// Entries of a part of a step: of the rows as of the weights.
const PART: usize = ROWS * STEP;
/// Entries of a part of a step in `f32`, each in the place of two `u16`.
const PART_WORDS: usize = PART / 2;

/// Into how many parts rows and weights are split, and so what `row · weight` is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Parts {
    /// Two of both: `middle·high + high·high + high·middle`. Enough for a backward pass, which decides on no sign.
    Two,
    /// Rows three and weights two: `low·high + middle·high + high·high + high·middle + middle·middle`. As good as `f32`
    /// for weights in half precision.
    Three,
    /// Three of both: the same, and `high·low`. As good as `f32`.
    ThreeOfBoth,
}

/// Packed weights of a layer, in the layout above, and how they and the rows are split.
#[derive(Debug, Clone, Copy)]
pub(super) struct Split {
    /// Offset of the weights in the store.
    pub(super) offset: usize,
    pub(super) parts: Parts,
}

impl Parts {
    /// Entries of the rows of a step in `f32`.
    pub(super) fn row_words(self) -> usize {
        if self == Self::Two { 2 * PART_WORDS } else { 3 * PART_WORDS }
    }

    /// Entries of the weights of a step in `f32`.
    pub(super) fn weight_words(self) -> usize {
        if self == Self::ThreeOfBoth { 3 * PART_WORDS } else { 2 * PART_WORDS }
    }

    /// Number of words of [`packed`](Self::packed) weights.
    pub(super) fn words(self, groups: usize, inner: usize) -> usize {
        groups * inner.div_ceil(STEP) * self.weight_words()
    }

    /// The words, two `u16` each, of the `weights` of some groups of two blocks, `[group][inner][32]`. `inner` is at
    /// least 1, and filled up to whole steps with zeros.
    pub(super) fn packed(self, weights: &[f32], inner: usize) -> impl Iterator<Item = f32> {
        let (outputs, words) = (2 * LANES, self.weight_words());
        let groups = weights.chunks_exact(inner * outputs);
        groups.flat_map(move |group| {
            (0..inner.div_ceil(STEP) * words).map(move |word| {
                let (step, word) = (word / words, word % words);
                let (part, word) = (word / PART_WORDS, word % PART_WORDS);
                let (block, pair, lane) = (word / (LANES * LANES), word / LANES % LANES, word % LANES);
                let entry = [0, 1].map(|own| {
                    let first = (step * STEP + 2 * pair + own) * outputs;
                    let weight = group.get(first + block * LANES + lane).copied().unwrap_or(0.0);
                    let rest = (0..part).fold(weight, |rest, _| rest - bf16::from_f32(rest).to_f32());
                    bf16::from_f32(rest).to_bits()
                });
                f32::from_ne_bytes(bytemuck::cast(entry))
            })
        })
    }
}

/// True if the processor has AMX with bf16, and the system lets this process use it. Linux wants to be asked.
pub(super) fn runs_here() -> bool {
    static RUNS: OnceLock<bool> = OnceLock::new();
    *RUNS.get_or_init(|| {
        let vectors = is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("avx512bf16");
        vectors && has_tiles() && is_permitted()
    })
}

/// Bits 22 (AMX-BF16) and 24 (AMX-TILE) of leaf 7 (Intel 64 manual, volume 2A, CPUID).
fn has_tiles() -> bool {
    let tiles = 1 << 22 | 1 << 24;
    #[allow(unused_unsafe, reason = "the functions are safe from Rust 1.94 on")]
    // SAFETY: every processor of this architecture has the instruction.
    unsafe {
        __cpuid(0).eax >= 7 && __cpuid_count(7, 0).edx & tiles == tiles
    }
}

/// Asks Linux for the tiles. It refuses if a thread's alternate signal stack is too small for their state, and refuses
/// stacks that are too small (about 11 KiB) from then on.
#[cfg(target_os = "linux")]
fn is_permitted() -> bool {
    /// `ARCH_REQ_XCOMP_PERM` and the number of the tiles' state (Linux, Documentation/arch/x86/xstate.rst).
    const REQUEST_PERMISSION: libc::c_int = 0x1023;
    const TILE_DATA: libc::c_ulong = 18;
    // SAFETY: the call changes only which state the kernel lets this process use. Older kernels return an error.
    unsafe { libc::syscall(libc::SYS_arch_prctl, REQUEST_PERMISSION, TILE_DATA) == 0 }
}

#[cfg(not(target_os = "linux"))]
fn is_permitted() -> bool {
    false
}

/// The tiles of the calling thread, set up for a number of rows. Dropping it gives them back: switching a thread that
/// holds tiles costs more.
pub(super) struct Tiles {
    rows: usize,
}

#[repr(C, align(64))]
struct Configuration {
    palette: u8,
    start_row: u8,
    reserved: [u8; 14],
    row_bytes: [u16; 16],
    rows: [u8; 16],
}

impl Tiles {
    /// Tiles for `rows` rows, 1 to [`ROWS`].
    ///
    /// # Safety
    /// [`runs_here`], and this thread has no other `Tiles`.
    pub(super) unsafe fn new(rows: usize) -> Self {
        assert!((1..=ROWS).contains(&rows));
        let upper = rows.min(TILE_ROWS) as u8;
        let lower = rows.saturating_sub(TILE_ROWS).max(1) as u8;
        // Sums 0 to 3: upper rows by two blocks, lower rows by two blocks. 4, 5: rows. 6, 7: weights.
        let tiles = [upper, upper, lower, lower, upper, lower, 16, 16];
        let mut configuration =
            Configuration { palette: 1, start_row: 0, reserved: [0; 14], row_bytes: [0; 16], rows: [0; 16] };
        for (tile, rows) in tiles.into_iter().enumerate() {
            (configuration.row_bytes[tile], configuration.rows[tile]) = (64, rows);
        }
        // SAFETY: by contract; the instruction reads the 64 bytes of the configuration.
        unsafe { asm!("ldtilecfg [{}]", in(reg) &raw const configuration, options(nostack, readonly)) };
        Self { rows }
    }

    /// `sums = rows · weights` over `steps` steps: for each of the two blocks, a vector of 16 per row, one after the
    /// other; the second block is `block` entries after the first.
    ///
    /// # Safety
    /// The pointers are valid for the layouts above and the result, and `steps` is at least 1.
    pub(super) unsafe fn multiply(
        &self,
        parts: Parts,
        rows: *const f32,
        weights: *const f32,
        steps: usize,
        sums: *mut f32,
        block: usize,
    ) {
        // 4: the upper rows; 5: the lower ones. 0 to 3: their sums for both blocks.
        macro_rules! zero {
            (upper) => {
                "tilezero tmm0\ntilezero tmm1\n"
            };
            (both) => {
                concat!(zero!(upper), "tilezero tmm2\ntilezero tmm3\n")
            };
        }
        macro_rules! rows {
            (upper $part:literal) => { concat!("tileloadd tmm4, [{rows} + {line} + ", $part, "]\n") };
            (both $part:literal) => {
                concat!(rows!(upper $part), "tileloadd tmm5, [{rows} + {line} + 1024 + ", $part, "]\n")
            };
        }
        macro_rules! weights {
            ($part:literal) => {
                concat!(
                    "tileloadd tmm6, [{weights} + {line} + ",
                    $part,
                    "]\n",
                    "tileloadd tmm7, [{weights} + {line} + 1024 + ",
                    $part,
                    "]\n"
                )
            };
        }
        macro_rules! products {
            (upper) => {
                "tdpbf16ps tmm0, tmm4, tmm6\ntdpbf16ps tmm1, tmm4, tmm7\n"
            };
            (both) => {
                concat!(products!(upper), "tdpbf16ps tmm2, tmm5, tmm6\ntdpbf16ps tmm3, tmm5, tmm7\n")
            };
        }
        macro_rules! store {
            (upper) => {
                "tilestored [{sums} + {line}], tmm0\ntilestored [{second} + {line}], tmm1\n"
            };
            (both) => {
                concat!(
                    store!(upper),
                    "tilestored [{sums} + {line} + 1024], tmm2\ntilestored [{second} + {line} + 1024], tmm3\n"
                )
            };
        }
        // A product of `row part · weight part` follows the loads of what the registers do not hold yet.
        macro_rules! step {
            ($which:ident Two) => {
                concat!(
                    weights!(0), rows!($which 2048), products!($which), rows!($which 0), products!($which),
                    weights!(2048), products!($which), "add {rows}, 4096\n"
                )
            };
            ($which:ident Three) => {
                concat!(
                    weights!(0), rows!($which 4096), products!($which), rows!($which 2048), products!($which),
                    rows!($which 0), products!($which), weights!(2048), products!($which),
                    rows!($which 2048), products!($which), "add {rows}, 6144\n"
                )
            };
            ($which:ident ThreeOfBoth) => {
                concat!(
                    weights!(4096), rows!($which 0), products!($which), weights!(2048), products!($which),
                    rows!($which 2048), products!($which), weights!(0), products!($which),
                    rows!($which 4096), products!($which), rows!($which 0), products!($which), "add {rows}, 6144\n"
                )
            };
        }
        macro_rules! multiply {
            ($which:ident $parts:ident $weight_bytes:literal) => {
                // SAFETY: by contract; the tiles are set up for these shapes.
                unsafe {
                    asm!(
                        zero!($which),
                        "2:",
                        step!($which $parts),
                        concat!("add {weights}, ", $weight_bytes),
                        "dec {steps}",
                        "jnz 2b",
                        store!($which),
                        rows = inout(reg) rows => _,
                        weights = inout(reg) weights => _,
                        steps = inout(reg) steps => _,
                        sums = in(reg) sums,
                        second = in(reg) sums.wrapping_add(block),
                        line = in(reg) 64_usize,
                        out("tmm0") _, out("tmm1") _, out("tmm2") _, out("tmm3") _,
                        out("tmm4") _, out("tmm5") _, out("tmm6") _, out("tmm7") _,
                        options(nostack),
                    );
                }
            };
        }
        match (self.rows > TILE_ROWS, parts) {
            (false, Parts::Two) => multiply!(upper Two 4096),
            (false, Parts::Three) => multiply!(upper Three 4096),
            (false, Parts::ThreeOfBoth) => multiply!(upper ThreeOfBoth 6144),
            (true, Parts::Two) => multiply!(both Two 4096),
            (true, Parts::Three) => multiply!(both Three 4096),
            (true, Parts::ThreeOfBoth) => multiply!(both ThreeOfBoth 6144),
        }
    }
}

impl Drop for Tiles {
    fn drop(&mut self) {
        // SAFETY: whoever made the tiles vouched for the processor.
        unsafe { asm!("tilerelease", options(nomem, nostack, preserves_flags)) };
    }
}

/// Splits the row at each of `places`: chunks of 16 numbers, at these offsets from there, filled up to a whole step
/// with zeros. `rows` is in the layout above.
///
/// # Safety
/// [`runs_here`]; every chunk is valid for a vector, there are at most [`ROWS`] places, and `rows` has room for the
/// steps.
#[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
pub(super) unsafe fn gather(
    parts: Parts,
    chunks: &[isize],
    places: impl Iterator<Item = *const f32> + Clone,
    rows: *mut f32,
) {
    for (step, chunks) in chunks.chunks(2).enumerate() {
        for (row, place) in places.clone().enumerate() {
            // SAFETY: by contract.
            unsafe {
                let load = |chunk: &isize| _mm512_loadu_ps(place.wrapping_offset(*chunk));
                let numbers = [load(&chunks[0]), chunks.get(1).map_or(_mm512_setzero_ps(), load)];
                let to = rows.add(step * parts.row_words()).cast::<u16>().add(row * STEP);
                let rest = store_high(numbers, to);
                let rest = store_high(rest, to.add(PART));
                if parts != Parts::Two {
                    store_high(rest, to.add(2 * PART));
                }
            }
        }
    }
}

/// Stores `numbers` as bf16, and returns what that leaves of them.
///
/// # Safety
/// As for [`gather`]; `to` is valid for 32 entries.
#[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
#[inline]
unsafe fn store_high(numbers: [__m512; 2], to: *mut u16) -> [__m512; 2] {
    // SAFETY: 64 bytes without invalid values; the rest by contract.
    unsafe {
        let high: __m512i = std::mem::transmute(_mm512_cvtne2ps_pbh(numbers[1], numbers[0]));
        _mm512_storeu_si512(to.cast(), high);
        let halves = [_mm512_castsi512_si256(high), _mm512_extracti64x4_epi64::<1>(high)];
        let widened = halves.map(|half| _mm512_castsi512_ps(_mm512_slli_epi32::<16>(_mm512_cvtepu16_epi32(half))));
        [_mm512_sub_ps(numbers[0], widened[0]), _mm512_sub_ps(numbers[1], widened[1])]
    }
}

/// Whether [`Parts::packed`] can hold `weights`: bf16 would make the largest numbers infinite.
pub(super) fn can_split(weights: &[f32]) -> bool {
    weights.iter().all(|weight| weight.abs() <= bf16::MAX.to_f32())
}

#[cfg(test)]
mod tests {
    use half::f16;

    use super::*;

    /// Random rows and weights, and for every other output a weight that no two parts hold.
    #[test]
    fn products_of_parts_are_those_of_the_numbers() {
        if !runs_here() {
            eprintln!("this processor has no AMX");
            return;
        }
        let mut state = 1_u32;
        let mut number = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            1.0 + (state >> 9) as f32 / (1 << 23) as f32
        };
        for (parts, tolerance) in [(Parts::Two, 2e-5), (Parts::Three, 1e-6), (Parts::ThreeOfBoth, 1e-6)] {
            for (count, chunks) in [(1, 1), (16, 2), (17, 3), (32, 4)] {
                let (inner, outputs) = (chunks * LANES, 2 * LANES);
                let rows: Vec<f32> = (0..count * inner).map(|_| number()).collect();
                let mut weights: Vec<f32> = (0..inner * outputs).map(|_| number()).collect();
                weights.iter_mut().step_by(2).for_each(|weight| *weight = 1.0 + 1.0 / 512.0 + 1.0 / 524_288.0);
                if parts == Parts::Three {
                    weights.iter_mut().for_each(|weight| *weight = f16::from_f32(*weight).to_f32());
                }
                let offsets: Vec<isize> = (0..inner as isize).step_by(LANES).collect();
                let steps = inner.div_ceil(STEP);
                let mut split = vec![0.0; steps * parts.row_words()];
                let packed: Vec<f32> = parts.packed(&weights, inner).collect();
                assert_eq!(packed.len(), parts.words(1, inner));
                let mut sums = vec![0.0; ROWS * outputs];
                // SAFETY: the processor has AMX, and all sizes are those of the layouts.
                unsafe {
                    gather(parts, &offsets, rows.chunks(inner).map(<[f32]>::as_ptr), split.as_mut_ptr());
                    let tiles = Tiles::new(count);
                    tiles.multiply(parts, split.as_ptr(), packed.as_ptr(), steps, sums.as_mut_ptr(), ROWS * LANES);
                }
                for (row, numbers) in rows.chunks(inner).enumerate() {
                    for out in 0..outputs {
                        let column = weights.iter().skip(out).step_by(outputs);
                        let expected: f64 =
                            numbers.iter().zip(column).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum();
                        let found = f64::from(sums[(out / LANES * ROWS + row) * LANES + out % LANES]);
                        let error = (found / expected - 1.0).abs();
                        assert!(error <= tolerance, "{parts:?} {count}x{chunks}, {row} {out}: {found}, not {expected}");
                    }
                }
            }
        }
    }
}
