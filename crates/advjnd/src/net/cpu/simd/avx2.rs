// SPDX-License-Identifier: MIT OR Apache-2.0
//! Two 256-bit registers.
#![allow(unsafe_code, reason = "vector instructions")]

use std::arch::x86_64::*;

use super::Isa;

/// AVX2, FMA and F16C.
#[derive(Clone, Copy)]
pub(in crate::net::cpu) struct Avx2;

/// A vector with all ones in entry `i` if bit `i` of the low eight `bits` is set.
#[inline(always)]
unsafe fn spread(bits: i32) -> __m256 {
    // SAFETY: the callers run with AVX2.
    unsafe {
        let lanes = _mm256_setr_epi32(1, 2, 4, 8, 16, 32, 64, 128);
        _mm256_castsi256_ps(_mm256_cmpeq_epi32(_mm256_and_si256(_mm256_set1_epi32(bits), lanes), lanes))
    }
}

// SAFETY of every block: the trait requires AVX2, FMA, F16C and pointers valid for a vector; the instructions take any
// alignment.
impl Isa for Avx2 {
    type Vector = [__m256; 2];
    const REGISTERS: usize = 8;

    #[inline(always)]
    unsafe fn splat(value: f32) -> [__m256; 2] {
        // SAFETY: see above.
        unsafe { [_mm256_set1_ps(value); 2] }
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> [__m256; 2] {
        // SAFETY: see above.
        unsafe { [_mm256_loadu_ps(from), _mm256_loadu_ps(from.add(8))] }
    }

    #[inline(always)]
    unsafe fn load_half(from: *const u16) -> [__m256; 2] {
        // SAFETY: see above.
        unsafe {
            let from = from.cast::<__m128i>();
            [_mm256_cvtph_ps(_mm_loadu_si128(from)), _mm256_cvtph_ps(_mm_loadu_si128(from.add(1)))]
        }
    }

    #[inline(always)]
    unsafe fn store(to: *mut f32, value: [__m256; 2]) {
        // SAFETY: see above.
        unsafe {
            _mm256_storeu_ps(to, value[0]);
            _mm256_storeu_ps(to.add(8), value[1]);
        }
    }

    #[inline(always)]
    unsafe fn add(a: [__m256; 2], b: [__m256; 2]) -> [__m256; 2] {
        // SAFETY: see above.
        unsafe { [_mm256_add_ps(a[0], b[0]), _mm256_add_ps(a[1], b[1])] }
    }

    #[inline(always)]
    unsafe fn sub(a: [__m256; 2], b: [__m256; 2]) -> [__m256; 2] {
        // SAFETY: see above.
        unsafe { [_mm256_sub_ps(a[0], b[0]), _mm256_sub_ps(a[1], b[1])] }
    }

    #[inline(always)]
    unsafe fn mul(a: [__m256; 2], b: [__m256; 2]) -> [__m256; 2] {
        // SAFETY: see above.
        unsafe { [_mm256_mul_ps(a[0], b[0]), _mm256_mul_ps(a[1], b[1])] }
    }

    #[inline(always)]
    unsafe fn mul_add(a: [__m256; 2], b: [__m256; 2], c: [__m256; 2]) -> [__m256; 2] {
        // SAFETY: see above.
        unsafe { [_mm256_fmadd_ps(a[0], b[0], c[0]), _mm256_fmadd_ps(a[1], b[1], c[1])] }
    }

    #[inline(always)]
    unsafe fn exceeds(a: [__m256; 2], b: [__m256; 2]) -> u16 {
        // SAFETY: see above.
        unsafe {
            let low = _mm256_movemask_ps(_mm256_cmp_ps::<_CMP_NLE_UQ>(a[0], b[0]));
            let high = _mm256_movemask_ps(_mm256_cmp_ps::<_CMP_NLE_UQ>(a[1], b[1]));
            (low | high << 8) as u16
        }
    }

    #[inline(always)]
    unsafe fn select(bits: u16, a: [__m256; 2], b: [__m256; 2]) -> [__m256; 2] {
        // SAFETY: see above.
        unsafe {
            let (low, high) = (spread(i32::from(bits)), spread(i32::from(bits >> 8)));
            [_mm256_blendv_ps(b[0], a[0], low), _mm256_blendv_ps(b[1], a[1], high)]
        }
    }

    #[inline(always)]
    unsafe fn prefetch(_: *const f32) {
        // Measured on an EPYC without AVX-512: the hardware prefetches by itself, and these instructions take slots
        // from loads.
    }

    #[inline(always)]
    unsafe fn prefetch_far(_: *const f32) {}
}
