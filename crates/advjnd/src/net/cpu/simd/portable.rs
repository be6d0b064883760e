// SPDX-License-Identifier: MIT OR Apache-2.0
//! An array of 16: any processor, and NEON on AArch64 by the compiler's own vectoriser.
#![allow(unsafe_code, reason = "the trait's methods read and write through pointers")]

use std::array::from_fn;

use super::{Isa, LANES};

/// Plain Rust.
#[derive(Clone, Copy)]
pub(in crate::net::cpu) struct Portable;

impl Isa for Portable {
    type Vector = [f32; LANES];
    const REGISTERS: usize = 8;

    #[inline(always)]
    unsafe fn splat(value: f32) -> [f32; LANES] {
        [value; LANES]
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> [f32; LANES] {
        // SAFETY: the trait requires a pointer valid for a vector.
        unsafe { from.cast::<[f32; LANES]>().read_unaligned() }
    }

    #[inline(always)]
    unsafe fn load_half(from: *const u16) -> [f32; LANES] {
        // SAFETY: the trait requires a pointer valid for a vector.
        let halves = unsafe { from.cast::<[i16; LANES]>().read_unaligned() };
        // Exponents of halves are biased by 15, those of floats by 127; the product is right for subnormal halves too.
        let rebias = f32::from_bits((127 + 112) << 23);
        from_fn(|lane| f32::from_bits((i32::from(halves[lane]) << 13) as u32 & 0x8fff_e000) * rebias)
    }

    #[inline(always)]
    unsafe fn store(to: *mut f32, value: [f32; LANES]) {
        // SAFETY: the trait requires a pointer valid for a vector.
        unsafe { to.cast::<[f32; LANES]>().write_unaligned(value) }
    }

    #[inline(always)]
    unsafe fn add(a: [f32; LANES], b: [f32; LANES]) -> [f32; LANES] {
        from_fn(|lane| a[lane] + b[lane])
    }

    #[inline(always)]
    unsafe fn sub(a: [f32; LANES], b: [f32; LANES]) -> [f32; LANES] {
        from_fn(|lane| a[lane] - b[lane])
    }

    #[inline(always)]
    unsafe fn mul(a: [f32; LANES], b: [f32; LANES]) -> [f32; LANES] {
        from_fn(|lane| a[lane] * b[lane])
    }

    #[inline(always)]
    unsafe fn mul_add(a: [f32; LANES], b: [f32; LANES], c: [f32; LANES]) -> [f32; LANES] {
        if cfg!(any(target_arch = "aarch64", target_feature = "fma")) {
            from_fn(|lane| a[lane].mul_add(b[lane], c[lane]))
        } else {
            from_fn(|lane| a[lane] * b[lane] + c[lane])
        }
    }

    #[inline(always)]
    unsafe fn exceeds(a: [f32; LANES], b: [f32; LANES]) -> u16 {
        (0..LANES)
            .fold(0, |bits, lane| bits | u16::from(a[lane] > b[lane] || a[lane].is_nan() || b[lane].is_nan()) << lane)
    }

    #[inline(always)]
    unsafe fn select(bits: u16, a: [f32; LANES], b: [f32; LANES]) -> [f32; LANES] {
        from_fn(|lane| if bits >> lane & 1 == 1 { a[lane] } else { b[lane] })
    }

    #[inline(always)]
    unsafe fn prefetch(_: *const f32) {}

    #[inline(always)]
    unsafe fn prefetch_far(_: *const f32) {}
}
