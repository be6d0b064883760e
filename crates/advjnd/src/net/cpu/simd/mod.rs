// SPDX-License-Identifier: MIT OR Apache-2.0
//! Vectors of 16 numbers on each instruction set, and the choice among them.
//!
//! Kernels are written once, generic over [`Isa`], and instantiated per [`Level`] inside functions with the instruction
//! set's `target_feature`. [`Level::best`] asks the processor.

#![allow(unsafe_code, reason = "vector instructions")]

#[cfg(target_arch = "x86_64")]
pub(super) mod avx2;
#[cfg(target_arch = "x86_64")]
pub(super) mod avx512;
pub(super) mod portable;

/// Entries of a vector, and channels of a block.
pub const LANES: usize = 16;

/// An instruction set for which the engine has kernels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// Plain loops over arrays; on AArch64 they compile to NEON.
    Portable,
    /// x86-64 with AVX2, FMA and F16C.
    Avx2,
    /// x86-64 with AVX-512 F.
    Avx512,
    /// x86-64 with AVX-512 BF16 and AMX's tiles of bf16, on Linux.
    Amx,
}

impl Level {
    /// Every level this processor can run, the best last.
    pub fn available() -> Vec<Self> {
        [Self::Portable, Self::Avx2, Self::Avx512, Self::Amx].into_iter().filter(|level| level.runs_here()).collect()
    }

    /// The best level of this processor.
    pub fn best() -> Self {
        [Self::Amx, Self::Avx512, Self::Avx2].into_iter().find(|level| level.runs_here()).unwrap_or(Self::Portable)
    }

    /// True if this processor can run it.
    pub fn runs_here(self) -> bool {
        match self {
            Self::Portable => true,
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => {
                is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") && is_x86_feature_detected!("f16c")
            }
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => is_x86_feature_detected!("avx512f"),
            #[cfg(target_arch = "x86_64")]
            Self::Amx => super::amx::runs_here(),
            #[cfg(not(target_arch = "x86_64"))]
            Self::Avx2 | Self::Avx512 | Self::Amx => false,
        }
    }

    /// Number of vectors in which a register tile can accumulate without spilling.
    pub(super) fn accumulators(self) -> usize {
        match self {
            Self::Avx512 | Self::Amx => 28,
            Self::Avx2 | Self::Portable => 6,
        }
    }
}

/// Operations on a vector of [`LANES`] numbers.
///
/// # Safety
/// Every method requires a processor with the instruction set; pointers must be valid for [`LANES`] entries, of any
/// alignment.
pub(super) trait Isa: Copy {
    type Vector: Copy;
    /// Vectors that fit in the processor's registers.
    const REGISTERS: usize;
    unsafe fn splat(value: f32) -> Self::Vector;
    unsafe fn load(from: *const f32) -> Self::Vector;
    /// Loads [`LANES`] half-precision numbers; the result for an infinity or a NaN is unspecified.
    unsafe fn load_half(from: *const u16) -> Self::Vector;
    unsafe fn store(to: *mut f32, value: Self::Vector);
    unsafe fn add(a: Self::Vector, b: Self::Vector) -> Self::Vector;
    unsafe fn sub(a: Self::Vector, b: Self::Vector) -> Self::Vector;
    unsafe fn mul(a: Self::Vector, b: Self::Vector) -> Self::Vector;
    /// `a·b + c`.
    unsafe fn mul_add(a: Self::Vector, b: Self::Vector, c: Self::Vector) -> Self::Vector;
    /// Bit `i` is set if `a[i]` is greater than `b[i]` or either is NaN, so that a NaN is passed on and noticed.
    unsafe fn exceeds(a: Self::Vector, b: Self::Vector) -> u16;
    /// `a[i]` where bit `i` is set, else `b[i]`.
    unsafe fn select(bits: u16, a: Self::Vector, b: Self::Vector) -> Self::Vector;
    /// Prefetches the cache line at `from`, which need not be valid.
    unsafe fn prefetch(from: *const f32);
    /// Prefetches it into the second level of cache only.
    unsafe fn prefetch_far(from: *const f32);
}

/// Defines `$name(level, arguments…)`, which runs `$generic::<I>(arguments…)` compiled for the level's instruction set.
macro_rules! per_level {
    ($vis:vis unsafe fn $name:ident($($argument:ident: $type:ty),* $(,)?) = $generic:path;) => {
        /// # Safety
        /// The processor must support `level`; otherwise as for the generic function.
        $vis unsafe fn $name(level: $crate::net::cpu::simd::Level, $($argument: $type),*) {
            use $generic as generic;
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx512f")]
            unsafe fn avx512($($argument: $type),*) {
                // SAFETY: the function's own contract, and its features are those of the type argument.
                unsafe { generic::<$crate::net::cpu::simd::avx512::Avx512>($($argument),*) }
            }
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2,fma,f16c")]
            unsafe fn avx2($($argument: $type),*) {
                // SAFETY: the function's own contract, and its features are those of the type argument.
                unsafe { generic::<$crate::net::cpu::simd::avx2::Avx2>($($argument),*) }
            }
            // SAFETY: the caller vouches for the level, and the contract is passed on.
            unsafe {
                match level {
                    #[cfg(target_arch = "x86_64")]
                    $crate::net::cpu::simd::Level::Avx512 | $crate::net::cpu::simd::Level::Amx => {
                        avx512($($argument),*)
                    }
                    #[cfg(target_arch = "x86_64")]
                    $crate::net::cpu::simd::Level::Avx2 => avx2($($argument),*),
                    _ => generic::<$crate::net::cpu::simd::portable::Portable>($($argument),*),
                }
            }
        }
    };
}
pub(super) use per_level;
