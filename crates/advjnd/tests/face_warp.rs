// SPDX-License-Identifier: MIT OR Apache-2.0
//! Alignment and warp: the fit, the twin, the exact adjoint.

#![allow(clippy::expect_used, reason = "a test fails by panicking")]

use std::f32::consts::FRAC_PI_2;

use advjnd::Pool;
use advjnd::face::{Landmarks, SimilarityTransform, Warp, warp};
use proptest::prelude::*;

/// Largest absolute difference of the operator and its twin on values of 0..=255: both add the same products in another
/// order, 4·8² of them at most.
const MAX_ERROR_TWIN: f32 = 0.02;
/// Relative difference of ⟨Ax, y⟩ and ⟨x, Aᵀy⟩: single-precision sums over some thousand products.
const MAX_ERROR_ADJOINT: f64 = 1e-4;

fn transforms() -> impl Strategy<Value = SimilarityTransform> {
    (0.2f32..5.0, -3.2f32..3.2, -20.0f32..40.0, -20.0f32..40.0).prop_map(|(scale, angle, tx, ty)| SimilarityTransform {
        a: scale * angle.cos(),
        b: scale * angle.sin(),
        tx,
        ty,
    })
}

/// A similarity that takes the centre of the target to some point of the source: at any angle, upright ones among them.
fn centred(source: (usize, usize), target: (usize, usize)) -> impl Strategy<Value = SimilarityTransform> {
    let angles = prop_oneof![-3.2f32..3.2, (-2i32..3).prop_map(|quarters| quarters as f32 * FRAC_PI_2), Just(0.0)];
    (-1.0f32..0.9, angles, 0.0f32..1.0, 0.0f32..1.0).prop_map(move |(scale, angle, x, y)| {
        let (a, b) = (10.0f32.powf(scale) * angle.cos(), 10.0f32.powf(scale) * angle.sin());
        let (u, v) = (target.0 as f32 / 2.0, target.1 as f32 / 2.0);
        let (x, y) = (x * source.0 as f32, y * source.1 as f32);
        SimilarityTransform { a, b, tx: x - a * u + b * v, ty: y - b * u - a * v }
    })
}

fn sizes() -> impl Strategy<Value = ((usize, usize), (usize, usize))> {
    ((2usize..70, 2usize..70), (1usize..50, 1usize..50))
}

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|value| value.to_bits()).collect()
}

fn noise(len: usize, seed: u32) -> Vec<f32> {
    let hash = |i: usize| (i as u32).wrapping_mul(2_654_435_761).wrapping_add(seed.wrapping_mul(40_503)) >> 8;
    (0..len).map(|i| (hash(i) % 256) as f32).collect()
}

proptest! {
    #[test]
    fn warp_equals_its_twin(
        transform in transforms(),
        source in (2usize..30, 2usize..30),
        target in (0usize..20, 0usize..20),
        seed: u32,
    ) {
        let image = noise(source.0 * source.1, seed);
        let mut plan = Warp::default();
        plan.plan(&transform, source, target);
        let mut fast = vec![0.0; plan.len()];
        plan.forward(&image, &mut fast);
        let slow = warp::reference::forward(&transform, &image, source, target);
        prop_assert_eq!(fast.len(), slow.len());
        for (fast, slow) in fast.iter().zip(&slow) {
            prop_assert!((fast - slow).abs() <= MAX_ERROR_TWIN, "{} {}", fast, slow);
        }
    }

    #[test]
    fn adjoint_is_exact(
        transform in transforms(),
        source in (2usize..30, 2usize..30),
        target in (1usize..20, 1usize..20),
        seed: u32,
    ) {
        let (x, y) = (noise(source.0 * source.1, seed), noise(target.0 * target.1, seed ^ 77));
        let mut plan = Warp::default();
        plan.plan(&transform, source, target);
        let (mut ax, mut aty) = (vec![0.0; y.len()], vec![0.0; x.len()]);
        plan.forward(&x, &mut ax);
        plan.adjoint_add(&y, &mut aty);
        let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>();
        let (left, right) = (dot(&ax, &y), dot(&x, &aty));
        prop_assert!((left - right).abs() <= MAX_ERROR_ADJOINT * left.abs().max(1.0), "{} {}", left, right);
    }

    #[test]
    fn parts_have_the_bytes_of_the_whole(
        (transform, source, target) in sizes().prop_flat_map(|(source, target)| {
            (centred(source, target), Just(source), Just(target))
        }),
        ragged in 0usize..5,
        seed: u32,
    ) {
        let (x, y) = (noise(source.0 * source.1, seed), noise(target.0 * target.1, seed ^ 77));
        let x: Vec<f32> = x.iter().map(|value| value / 7.0 - 11.0).collect();
        let mut plan = Warp::default();
        // With ragged rows, as under an oval.
        plan.plan_rows(&transform, source, target, |y| (y * ragged % target.0)..target.0);
        let (mut ax, mut x_aty) = (vec![0.0; y.len()], x.clone());
        plan.forward(&x, &mut ax);
        plan.adjoint_add(&y, &mut x_aty);
        let pixels: Vec<[f32; 4]> = x.iter().map(|value| [*value, 1.0, -value, 0.0]).collect();
        for threads in [1, 2, 3, 5] {
            let pool = Pool::new(threads).expect("threads");
            for count in [threads, 4 * threads] {
                let (mut own, mut many, mut sum) = (vec![f32::NAN; y.len()], vec![[f32::NAN; 4]; y.len()], x.clone());
                pool.for_each(&mut plan.forward_parts(&x, &mut own, count), |part| part());
                pool.for_each(&mut plan.forward_parts(&pixels, &mut many, count), |part| part());
                pool.for_each(&mut plan.adjoint_add_parts(&y, &mut sum, count), |part| part());
                prop_assert_eq!(bits(&own), bits(&ax));
                prop_assert_eq!(bits(&many.iter().map(|pixel| pixel[0]).collect::<Vec<_>>()), bits(&ax));
                prop_assert_eq!(bits(&sum), bits(&x_aty));
            }
        }
    }

    #[test]
    fn fit_recovers_a_similarity(transform in transforms()) {
        let template = [[38.0, 51.0], [73.0, 51.0], [56.0, 71.0], [41.0, 92.0], [70.0, 92.0]];
        let landmarks = Landmarks(template).map(|p| transform.inverse().apply(p));
        let fitted = SimilarityTransform::fit(&landmarks, &template).expect("a face");
        for (point, expected) in landmarks.0.iter().zip(&template) {
            let [x, y] = fitted.apply(*point);
            prop_assert!((x - expected[0]).hypot(y - expected[1]) < 0.05);
        }
    }
}

#[test]
fn an_unrotated_copy_is_exact() {
    let image = noise(20 * 10, 3);
    let mut plan = Warp::default();
    plan.plan(&SimilarityTransform::translation(4.0, 2.0), (20, 10), (16, 8));
    let mut copy = vec![0.0; plan.len()];
    plan.forward(&image, &mut copy);
    for (i, value) in copy.iter().enumerate() {
        assert_eq!(*value, image[(i / 16 + 2) * 20 + i % 16 + 4]);
    }
}

#[test]
fn shrinking_averages_over_area() {
    // A checkerboard of single pixels shrunk four times is grey; point samples would see stripes.
    let board: Vec<f32> = (0..64 * 64).map(|i| if (i % 64 + i / 64) % 2 == 0 { 255.0 } else { 0.0 }).collect();
    let mut plan = Warp::default();
    plan.plan(&SimilarityTransform { a: 4.0, b: 0.0, tx: 1.5, ty: 1.5 }, (64, 64), (15, 15));
    let mut small = vec![0.0; plan.len()];
    plan.forward(&board, &mut small);
    assert!(small.iter().all(|v| (v - 127.5).abs() < 1.0), "{small:?}");
}

#[test]
fn coinciding_landmarks_are_refused() {
    let error = SimilarityTransform::fit(&Landmarks([[5.0, 5.0]; 5]), &[[0.0, 0.0]; 5]).expect_err("no face");
    assert!(error.to_string().contains("cannot be aligned"));
    let nan = Landmarks([[f32::NAN, 1.0], [2.0, 1.0], [1.0, 2.0], [1.0, 3.0], [2.0, 3.0]]);
    SimilarityTransform::fit(&nan, &[[38.0, 51.0], [73.0, 51.0], [56.0, 71.0], [41.0, 92.0], [70.0, 92.0]])
        .expect_err("not a number");
}
