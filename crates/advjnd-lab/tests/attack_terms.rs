// SPDX-License-Identifier: MIT OR Apache-2.0
//! The terms of the attacks' objectives: values worked out by hand, gradients against central differences, adjoints.

#![allow(clippy::expect_used, reason = "a test fails by panicking")]

#[path = "common/attack.rs"]
mod attack;

use advjnd::attack::{Dodge, ViewSampler, margin};
use advjnd::net::{ARCFACE_TEMPLATE, Metric, RecognizerSpec};
use advjnd_lab::attack::adversarial::{ARCFACE_TEMPERATURE, Adversarial, Goal, Loss, RESERVE, Task};
use advjnd_lab::attack::chip::Chip;
use advjnd_lab::attack::diversity::Diversity;
use advjnd_lab::attack::perceptual::{Betas, CHANNEL_WEIGHTS, JndGradient, Perceptual, Reading, Reduction, Thresholds};
use advjnd_lab::attack::regularizers::{Structure, add_total_variation};
use advjnd_lab::attack::sobel::Direction;
use advjnd_lab::attack::visibility::{MOST, Visibility};
use advjnd_lab::metrics::{Plane, ssim};
use attack::{assert_gradient, numbers};
use proptest::prelude::*;

const WIDTH: usize = 6;
const HEIGHT: usize = 5;
const LEN: usize = 3 * WIDTH * HEIGHT;

/// Largest difference of a gradient from central differences, as a share of its largest entry: f32 values of order 1,
/// over steps of 1e-3.
const GRADIENT_TOLERANCE: f32 = 5e-3;
/// Largest difference of the two sides of an adjoint, relative: rounding of f32 sums.
const ADJOINT_TOLERANCE: f64 = 1e-5;

fn dot(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
}

fn assert_adjoint(left: f64, right: f64, scale: f64) {
    assert!((left - right).abs() <= ADJOINT_TOLERANCE * scale.max(1.0), "{left} and {right}");
}

fn loss(perceptual: &mut Perceptual, betas: Betas, delta: &[f32]) -> f64 {
    perceptual.add_to(betas, delta, &mut vec![0.0; delta.len()])
}

#[test]
fn l1_and_l2_are_those_of_the_paper() {
    // Two pixels. Red: 0.10 over a threshold of 0.04. Green: below it. Blue: −0.06 over 0.02.
    let (clean, jnd) = ([0.5; 6], [0.04, 0.04, 0.04, 0.04, 0.02, 0.02]);
    let delta = [0.1, 0.0, 0.03, 0.0, -0.06, 0.0];
    let chip = Chip::new(&clean, &jnd, 2, 1).expect("chip");
    let sum = Reading { reduction: Reduction::Sum, ..Reading::default() };
    let mut printed = Perceptual::new(&chip, Thresholds::Jnd, CHANNEL_WEIGHTS, sum);
    let [l1, l2] = [Betas { l1: 1.0, ..Betas::default() }, Betas { l2: 1.0, ..Betas::default() }];
    assert!((loss(&mut printed, l1, &delta) - (3.0 * 0.06 + 1.0 * 0.04)).abs() < 1e-6);
    assert!((loss(&mut printed, l2, &delta) - (3.0 * 0.06f64.powi(2) + 0.04f64.powi(2))).abs() < 1e-6);
    let mut without = Perceptual::new(&chip, Thresholds::Zero, CHANNEL_WEIGHTS, sum);
    assert!((loss(&mut without, l1, &delta) - (3.0 * 0.1 + 5.0 * 0.03 + 0.06)).abs() < 1e-6);
    let mut mean = Perceptual::new(&chip, Thresholds::Zero, CHANNEL_WEIGHTS, Reading::default());
    assert!((6.0 * loss(&mut mean, l1, &delta) - (3.0 * 0.1 + 5.0 * 0.03 + 0.06)).abs() < 1e-6);
    let bytes = Reading { pixel_range: 255.0, ..sum };
    let mut bytes = Perceptual::new(&chip, Thresholds::Jnd, CHANNEL_WEIGHTS, bytes);
    assert!((loss(&mut bytes, l1, &delta) - 255.0 * (3.0 * 0.06 + 0.04)).abs() < 1e-3);
}

#[test]
fn g_compares_sobel_gradients() {
    // A red ramp of 0.1 a pixel along rows: 8 × 0.1 inside, half of that at the two ends. Nothing along columns.
    let (clean, jnd) = (vec![0.5; 3 * 4 * 3], vec![0.0; 3 * 4 * 3]);
    let chip = Chip::new(&clean, &jnd, 4, 3).expect("chip");
    let delta: Vec<f32> = (0..36).map(|i| if i < 12 { 0.1 * (i % 4) as f32 } else { 0.0 }).collect();
    let sum = Reading { reduction: Reduction::Sum, ..Reading::default() };
    let g = Betas { gradient: 1.0, ..Betas::default() };
    let found = loss(&mut Perceptual::new(&chip, Thresholds::Jnd, CHANNEL_WEIGHTS, sum), g, &delta);
    assert!((found - 3.0 * 3.0 * (0.4 + 0.8 + 0.8 + 0.4)).abs() < 1e-5, "{found}");
    // The same ramp as a threshold, falling: as printed it adds its slope, by magnitude it hides the ramp.
    let falling: Vec<f32> = delta.iter().enumerate().map(|(i, d)| if i < 12 { 0.3 - d } else { 0.0 }).collect();
    let chip = Chip::new(&clean, &falling, 4, 3).expect("chip");
    let magnitude = loss(&mut Perceptual::new(&chip, Thresholds::Jnd, CHANNEL_WEIGHTS, sum), g, &delta);
    assert!(magnitude.abs() < 1e-5, "{magnitude}");
    let signed = Reading { jnd_gradient: JndGradient::Signed, ..sum };
    let signed = loss(&mut Perceptual::new(&chip, Thresholds::Jnd, CHANNEL_WEIGHTS, signed), g, &delta);
    assert!((signed - 2.0 * found).abs() < 1e-5, "{signed}");
}

#[test]
fn below_the_threshold_nothing_is_lost_and_no_gradient_is_not_a_number() {
    let (clean, jnd) = (vec![0.5; LEN], vec![0.0; LEN]);
    let chip = Chip::new(&clean, &jnd, WIDTH, HEIGHT).expect("chip");
    let mut gradient = vec![0.0; LEN];
    let mut perceptual = Perceptual::new(&chip, Thresholds::Jnd, CHANNEL_WEIGHTS, Reading::default());
    let betas = Betas { l1: 1500.0, l2: 1500.0, gradient: 1500.0 };
    assert_eq!(perceptual.add_to(betas, &vec![0.0; LEN], &mut gradient), 0.0);
    assert_eq!(gradient, vec![0.0; LEN]);
}

#[test]
fn structure_is_the_ssim_of_the_metrics() {
    let (width, height) = (24, 17);
    let bytes: Vec<u8> = numbers(5, 3 * width * height, 60.0, 180.0).iter().map(|v| *v as u8).collect();
    let other: Vec<u8> =
        bytes.iter().zip(numbers(6, bytes.len(), -9.0, 9.0)).map(|(v, d)| (f32::from(*v) + d) as u8).collect();
    let [clean, adversarial]: [Vec<f32>; 2] =
        [&bytes, &other].map(|b| b.iter().map(|v| f32::from(*v) / 255.0).collect());
    let delta: Vec<f32> = adversarial.iter().zip(&clean).map(|(z, x)| z - x).collect();
    let jnd = vec![0.0; clean.len()];
    let chip = Chip::new(&clean, &jnd, width, height).expect("chip");
    let found = 1.0 - Structure::new(chip).add_to(1.0, &delta, &mut vec![0.0; delta.len()]);
    let plane = |bytes: &[u8], channel: usize| bytes[channel * width * height..][..width * height].to_vec();
    let expected: f64 = (0..3)
        .map(|channel| {
            let [x, z] = [plane(&bytes, channel), plane(&other, channel)];
            let [x, z] = [&x, &z].map(|data| Plane::new(data, width, height, width).expect("plane"));
            ssim(x, z).expect("ssim") / 3.0
        })
        .sum();
    assert!((found - expected).abs() < 1e-4, "{found}, not {expected}");
}

#[test]
fn visibility_weighs_a_change_by_what_its_pixel_hides() {
    let (width, height) = (4, 2);
    let clean = vec![0.5; 3 * 8];
    // Mean 0.02; the third pixel hides next to nothing.
    let hidden = [0.01, 0.03, 0.0001, 0.0399, 0.02, 0.02, 0.02, 0.02];
    let jnd = [hidden; 3].concat();
    let visibility = Visibility::new(&Chip::new(&clean, &jnd, width, height).expect("chip"));
    let of = |channels: &[usize], pixel: usize| {
        let mut delta = vec![0.0; 24];
        channels.iter().for_each(|channel| delta[8 * channel + pixel] = 0.1);
        visibility.add_to(1.0, &delta, &mut [0.0; 24])
    };
    // Grey is luma alone; blue is 0.114 of luma, half of Cb, −0.081312 of Cr.
    let grey = 0.01 / 8.0;
    for (pixel, weight) in [(0, 4.0), (1, 4.0 / 9.0), (2, f64::from(MOST)), (4, 1.0)] {
        let found = of(&[0, 1, 2], pixel);
        assert!((found - weight * grey).abs() < 1e-4 * found, "pixel {pixel}: {found}");
    }
    let blue = grey * (0.114f64.powi(2) + 0.25 + 0.081_312f64.powi(2));
    assert!((of(&[2], 4) - blue).abs() < 1e-4 * blue);

    let bare = Visibility::new(&Chip::new(&clean, &[0.0; 24], width, height).expect("chip"));
    let mut gradient = vec![0.0; 24];
    let found = bare.add_to(1.0, &[0.1; 24], &mut gradient);
    assert!((found - 0.01).abs() < 1e-6 && gradient.iter().all(|g| g.is_finite() && *g > 0.0), "{found}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn the_gradient_of_visibility_is_that_of_its_value(seed in any::<u64>()) {
        let (clean, jnd) = (numbers(seed, LEN, 0.2, 0.8), numbers(seed ^ 1, LEN, 0.0, 0.06));
        let visibility = Visibility::new(&Chip::new(&clean, &jnd, WIDTH, HEIGHT).expect("chip"));
        let delta = numbers(seed ^ 2, LEN, -0.1, 0.1);
        assert_gradient(&delta, 1e-2, GRADIENT_TOLERANCE, |delta, gradient| visibility.add_to(3.0, delta, gradient));
    }

    #[test]
    fn the_perceptual_gradient_is_that_of_its_value(
        seed in any::<u64>(),
        betas in prop_oneof![Just([1.0f32, 0.0, 0.0]), Just([0.0, 1.0, 0.0]), Just([0.0, 0.0, 1.0]), Just([2.0, 30.0, 0.5])],
        sum in any::<bool>(),
        signed in any::<bool>(),
        zero in any::<bool>(),
        pixel_range in prop_oneof![Just(1.0f32), Just(255.0)],
    ) {
        let (clean, jnd) = (numbers(seed, LEN, 0.0, 1.0), numbers(seed ^ 1, LEN, 0.0, 0.06));
        let chip = Chip::new(&clean, &jnd, WIDTH, HEIGHT).expect("chip");
        let reading = Reading {
            reduction: if sum { Reduction::Sum } else { Reduction::Mean },
            jnd_gradient: if signed { JndGradient::Signed } else { JndGradient::Magnitude },
            pixel_range,
        };
        let thresholds = if zero { Thresholds::Zero } else { Thresholds::Jnd };
        let betas = Betas { l1: betas[0], l2: betas[1], gradient: betas[2] };
        let mut perceptual = Perceptual::new(&chip, thresholds, CHANNEL_WEIGHTS, reading);
        let delta = numbers(seed ^ 2, LEN, -0.1, 0.1);
        assert_gradient(&delta, 1e-3, GRADIENT_TOLERANCE, |delta, gradient| perceptual.add_to(betas, delta, gradient));
    }

    #[test]
    fn the_regularizers_gradients_are_those_of_their_values(
        seed in any::<u64>(),
        width in 11usize..14,
        height in 11usize..13,
    ) {
        let len = 3 * width * height;
        let (clean, jnd, delta) = (numbers(seed, len, 0.2, 0.8), vec![0.0; len], numbers(seed ^ 2, len, -0.1, 0.1));
        let structure = Structure::new(Chip::new(&clean, &jnd, width, height).expect("chip"));
        assert_gradient(&delta, 1e-2, 2e-2, |delta, gradient| structure.add_to(3.0, delta, gradient));
        assert_gradient(&delta, 1e-2, GRADIENT_TOLERANCE, |delta, gradient| {
            add_total_variation(3.0, delta, width, height, gradient)
        });
    }

    #[test]
    fn the_adversarial_gradient_is_that_of_its_loss(
        seed in any::<u64>(),
        dodge in any::<bool>(),
        bounded in any::<bool>(),
        identification in any::<bool>(),
        cosine in any::<bool>(),
    ) {
        const DIMENSIONS: usize = 6;
        let gallery: Vec<Vec<f32>> = (0..4).map(|person| numbers(seed ^ (9 + person), DIMENSIONS, -1.0, 1.0)).collect();
        let spec = spec(if cosine { Metric::Cosine } else { Metric::Euclidean }, DIMENSIONS);
        let task = if identification {
            Task::Identification { gallery: &gallery, label: 1, temperature: 0.25 }
        } else {
            Task::Verification { spec: &spec, reference: &gallery[0], away: &[], temperature: 0.25 }
        };
        let adversarial = Adversarial { goal: if dodge { Goal::Dodge } else { Goal::Impersonate }, task };
        adversarial.check(DIMENSIONS).expect("fits");
        let loss = if bounded { Loss::Bounded } else { Loss::Plain };
        let embedding = numbers(seed ^ 4, DIMENSIONS, 0.3, 1.0);
        // Steps long enough for the rounding of a loss in f32, in a curved loss.
        assert_gradient(&embedding, 5e-3, 2e-2, |embedding, gradient| {
            f64::from(adversarial.judge(loss, embedding, gradient).loss)
        });
    }

    #[test]
    fn a_verification_dodge_moves_as_the_products_does(seed in any::<u64>(), cosine in any::<bool>(), temperature in 0.01f32..1.0) {
        const DIMENSIONS: usize = 6;
        let spec = spec(if cosine { Metric::Cosine } else { Metric::Euclidean }, DIMENSIONS);
        let [reference, away, embedding] = [1, 2, 3].map(|salt| numbers(seed ^ salt, DIMENSIONS, -1.0, 1.0));
        let task = Task::Verification { spec: &spec, reference: &reference, away: &[], temperature };
        let mut ours = [0.0; DIMENSIONS];
        let adversarial = Adversarial { goal: Goal::Dodge, task };
        let judgement = adversarial.leaving(&away).judge(Loss::Plain, &embedding, &mut ours);
        let mut products = [0.0; DIMENSIONS];
        let dodge = Dodge { spec: &spec, references: [&reference; 2], away: &away };
        prop_assert_eq!(judgement.margin, dodge.margin_and_cotangent(&embedding, &mut products));
        // A loss falls where the product's value rises; the loop looks at the direction alone.
        let cosine = -dot(&ours, &products) / (dot(&ours, &ours) * dot(&products, &products)).sqrt();
        prop_assert!(cosine > 1.0 - 1e-6, "{cosine}");
    }

    #[test]
    fn the_sobel_operator_has_its_adjoint(seed in any::<u64>(), width in 1usize..9, height in 1usize..9) {
        let (x, y) = (numbers(seed, width * height, -1.0, 1.0), numbers(seed ^ 1, width * height, -1.0, 1.0));
        for direction in Direction::BOTH {
            let (mut forward, mut back) = (vec![0.0; x.len()], vec![0.0; x.len()]);
            direction.apply(&x, width, height, &mut forward);
            direction.add_adjoint(&y, width, height, &mut back);
            assert_adjoint(dot(&forward, &y), dot(&x, &back), x.len() as f64);
        }
    }

    #[test]
    fn random_views_have_their_adjoint(seed in any::<u64>(), side in 1usize..40, resize_rate in 1.0f32..2.0) {
        let (x, y) = (numbers(seed, 3 * side * side, -1.0, 1.0), numbers(seed ^ 1, 3 * side * side, -1.0, 1.0));
        let diversity = Diversity { probability: 1.0, resize_rate };
        if let Some(view) = diversity.sample(side, &mut ViewSampler::new(seed, 0)) {
            let (mut forward, mut back) = (vec![0.0; x.len()], vec![0.0; x.len()]);
            view.apply(&x, &mut forward);
            view.adjoint(&y, &mut back);
            assert_adjoint(dot(&forward, &y), dot(&x, &back), x.len() as f64);
        } else {
            prop_assert!((resize_rate * side as f32) < (side + 1) as f32);
        }
    }
}

fn spec(metric: Metric, embedding_len: usize) -> RecognizerSpec {
    RecognizerSpec {
        name: "none".into(),
        chip_size: 8,
        template: ARCFACE_TEMPLATE,
        embedding_len,
        metric,
        verification_threshold: 0.4,
        false_accept_rate: 0.001,
        codec_loss: 1.0,
    }
}

#[test]
fn a_view_is_the_picture_smaller_on_black() {
    let side = 32;
    let white = vec![1.0; side * side];
    let mut view = vec![0.0; white.len()];
    let sampler = &mut ViewSampler::new(4, 0);
    for _ in 0..20 {
        let drawn = Diversity::PUBLISHED.sample(side, sampler);
        let Some(drawn) = drawn else { continue };
        drawn.apply(&white, &mut view);
        let covered = view.iter().sum::<f32>() / white.len() as f32;
        // Between 32² and 34² of 35² pixels.
        assert!((0.82..0.96).contains(&covered), "{covered}");
        assert!(view.iter().all(|v| (-1e-6..=1.0 + 1e-6).contains(v)));
    }
    let draws = (0..1000).filter(|_| Diversity::PUBLISHED.sample(side, sampler).is_some()).count();
    assert!((430..570).contains(&draws), "{draws} views of 1000 at probability 0.5");
}

#[test]
fn a_judgement_tells_success() {
    let gallery = vec![vec![1.0, 0.0], vec![0.0, 1.0]];
    let mut cotangent = [0.0; 2];
    let task = Task::Identification { gallery: &gallery, label: 0, temperature: ARCFACE_TEMPERATURE };
    for (goal, sign) in [(Goal::Dodge, -1.0), (Goal::Impersonate, 1.0)] {
        let adversarial = Adversarial { goal, task };
        assert_eq!(adversarial.judge(Loss::Plain, &[1.0, 0.0], &mut cotangent).margin, sign);
        assert_eq!(adversarial.judge(Loss::Plain, &[0.0, 2.0], &mut cotangent).margin, -sign);
        // The label so sure that 1 − p is zero in f32: the plain loss has a gradient still.
        adversarial.judge(Loss::Plain, &[1.0, 0.0], &mut cotangent);
        assert!(cotangent.iter().all(|c| c.is_finite()) && cotangent[1] != 0.0, "{cotangent:?}");
    }
    let spec = spec(Metric::Cosine, 2);
    for (goal, sign) in [(Goal::Dodge, 1.0), (Goal::Impersonate, -1.0)] {
        let task = Task::Verification { spec: &spec, reference: &gallery[0], away: &[], temperature: 0.5 };
        let judgement = Adversarial { goal, task }.judge(Loss::Bounded, &[0.6, 0.8], &mut cotangent);
        assert_eq!(judgement.margin, sign * margin(&spec, &gallery[0], &[0.6, 0.8]));
        assert!((judgement.loss - 2.0 * (RESERVE - judgement.margin).max(0.0)).abs() < 1e-6);
    }
    // At its own reference a dodge has a direction only if it is given one.
    for (away, moves) in [(&[][..], false), (&[0.0, 1.0][..], true)] {
        let task = Task::Verification { spec: &spec, reference: &gallery[0], away, temperature: 1.0 };
        Adversarial { goal: Goal::Dodge, task }.judge(Loss::Bounded, &[1.0, 0.0], &mut cotangent);
        assert_eq!(cotangent != [0.0; 2], moves, "{cotangent:?}");
    }
}

#[test]
fn what_does_not_fit_is_refused() {
    Chip::new(&[0.5; 12], &[0.0; 12], 2, 2).expect("fits");
    for (clean, jnd, width) in [
        (vec![0.5; 11], vec![0.0; 12], 2),
        (vec![128.0; 12], vec![0.0; 12], 2),
        (vec![0.5; 12], vec![-0.1; 12], 2),
        (vec![], vec![], 0),
    ] {
        Chip::new(&clean, &jnd, width, 2).expect_err("does not fit");
    }
    let gallery = vec![vec![1.0, 0.0], vec![0.0, 1.0]];
    for (label, temperature) in [(2, 1.0), (0, 0.0), (0, f32::NAN)] {
        let task = Task::Identification { gallery: &gallery, label, temperature };
        Adversarial { goal: Goal::Dodge, task }.check(2).expect_err("does not fit");
    }
    Diversity { probability: 1.5, resize_rate: 1.1 }.check().expect_err("not a probability");
}
