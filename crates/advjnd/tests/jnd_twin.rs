// SPDX-License-Identifier: MIT OR Apache-2.0
//! The fast JND models against their naive twins, and what they do at the limits of their input.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use advjnd::Error;
use advjnd::jnd::{Chou, FreeEnergy, JndModel, Learned, Model, Namm, Pattern, Picture, Temporal};
use advjnd_lab::reference::jnd as reference;
use proptest::prelude::*;

/// Code values. Single against double precision: bg is relative to 1e-6, which the square root near black turns into
/// less than 1e-4, and a gradient sums up to 510 code values with weights up to 0.65.
const MAX_ERROR: f32 = 1e-3;

/// The same for a model that weights hundreds of samples by an exponential of their distances.
const MAX_ERROR_EXPECTATION: f32 = 5e-3;

/// Thresholds of up to some tens of code values, by another order of some thousand products.
const MAX_ERROR_LEARNED: f32 = 1e-3;

/// Of factors up to 4.8, by an exponential of up to 255 code values.
const MAX_ERROR_FACTOR: f32 = 1e-4;

/// A region of 1x1 to 40x40: luma, and what else a model looks at.
#[derive(Debug, Clone)]
struct Region {
    width: usize,
    height: usize,
    luma: Vec<f32>,
    rgb: Vec<[f32; 4]>,
    /// Luma of the frame before.
    before: Vec<f32>,
}

impl Region {
    /// Grey.
    fn grey(width: usize, height: usize, luma: Vec<f32>) -> Self {
        let rgb = luma.iter().map(|v| [*v, *v, *v, f32::NAN]).collect();
        Self { width, height, rgb, before: luma.clone(), luma }
    }

    fn constant(width: usize, height: usize, value: f32) -> Self {
        Self::grey(width, height, vec![value; width * height])
    }

    /// Thresholds, written over garbage so that a sample left out shows.
    fn map(&self, model: &mut dyn JndModel) -> advjnd::Result<Vec<f32>> {
        let mut jnd = vec![f32::NAN; self.width * self.height];
        let picture = Picture { luma: &self.luma, rgb: &self.rgb, width: self.width, height: self.height };
        model.map_picture(&picture, &mut jnd)?;
        Ok(jnd)
    }

    fn map_luma(&self, model: &mut dyn JndModel) -> advjnd::Result<Vec<f32>> {
        let mut jnd = vec![f32::NAN; self.width * self.height];
        model.map_luma(&self.luma, self.width, self.height, &mut jnd)?;
        Ok(jnd)
    }
}

/// Samples: any number in range, code values, two levels (the hardest edges), nearly flat, or a ramp with a step.
fn plane(width: usize, height: usize) -> BoxedStrategy<Vec<f32>> {
    let len = width * height;
    prop_oneof![
        prop::collection::vec(0.0f32..=255.0, len),
        prop::collection::vec((0u8..=255).prop_map(f32::from), len),
        prop::collection::vec(prop_oneof![Just(0.0f32), Just(255.0)], len),
        prop::collection::vec((0u8..=2).prop_map(|v| 90.0 + f32::from(v)), len),
        (0..width, 0.0f32..3.0, 0.0f32..120.0).prop_map(move |(edge, slope, step)| {
            (0..len)
                .map(|i| 10.0 + slope * (i / width) as f32 + if i % width >= edge { step } else { 0.0 })
                .map(|v: f32| v.min(255.0))
                .collect()
        }),
        (0.0f32..=255.0).prop_map(move |value| vec![value; len]),
    ]
    .boxed()
}

fn region() -> impl Strategy<Value = Region> {
    region_up_to(40)
}

/// For a twin that looks at 440 neighbours of every pixel.
fn small_region() -> impl Strategy<Value = Region> {
    region_up_to(12)
}

fn region_up_to(side: usize) -> impl Strategy<Value = Region> {
    (1..=side, 1..=side).prop_flat_map(|(width, height)| {
        (plane(width, height), plane(width, height), plane(width, height)).prop_map(move |(luma, before, other)| {
            let rgb = luma.iter().zip(&before).zip(&other).map(|((r, g), b)| [*r, *g, *b, f32::NAN]).collect();
            Region { width, height, luma, rgb, before }
        })
    })
}

fn largest_error(fast: &[f32], twin: &[f32]) -> f32 {
    assert_eq!(fast.len(), twin.len());
    fast.iter().zip(twin).map(|(a, b)| if a.is_nan() { f32::INFINITY } else { (a - b).abs() }).fold(0.0, f32::max)
}

fn models() -> [Box<dyn JndModel>; 7] {
    Model::ALL.map(Model::new_model)
}

proptest! {
    #[test]
    fn namm_equals_its_twin(region in region()) {
        let twin = reference::namm(&region.luma, region.width, region.height);
        let fast = region.map(&mut Namm::new()).unwrap();
        prop_assert!(largest_error(&fast, &twin) <= MAX_ERROR);
    }

    #[test]
    fn chou_equals_its_twin(region in region()) {
        let twin = reference::chou(&region.luma, region.width, region.height);
        let fast = region.map(&mut Chou::new()).unwrap();
        prop_assert!(largest_error(&fast, &twin) <= MAX_ERROR);
    }

    #[test]
    fn pattern_equals_its_twin(region in region()) {
        for (mut model, paper) in [(Pattern::new(), false), (Pattern::paper(), true)] {
            let twin = reference::pattern(&region.luma, region.width, region.height, paper);
            let fast = region.map(&mut model).unwrap();
            prop_assert!(largest_error(&fast, &twin) <= MAX_ERROR);
        }
    }

    #[test]
    fn free_energy_equals_its_twin(region in small_region()) {
        let twin = reference::free_energy(&region.luma, region.width, region.height);
        let fast = region.map(&mut FreeEnergy::new()).unwrap();
        prop_assert!(largest_error(&fast, &twin) <= MAX_ERROR_EXPECTATION);
    }

    #[test]
    fn temporal_masking_equals_its_twin(region in region()) {
        let Region { luma: now, before, .. } = &region;
        let twin = reference::temporal(now, before, region.width, region.height);
        let mut factors = vec![1.0; now.len()];
        Temporal::default().adapt(now, before, region.width, region.height, &mut factors).unwrap();
        prop_assert!(largest_error(&factors, &twin) <= MAX_ERROR_FACTOR);
    }

    #[test]
    fn learned_maps_equal_their_twin(region in region()) {
        for (mut model, hvs_sd) in [(Learned::rgb(), false), (Learned::hvs_sd(), true)] {
            let rgb: Vec<[f32; 3]> = region.rgb.iter().map(|[r, g, b, _]| [*r, *g, *b]).collect();
            let twin = reference::learned(hvs_sd, &rgb, region.width, region.height).unwrap();
            let fast = region.map(&mut model).unwrap();
            let least: Vec<f32> = twin.iter().map(|[r, g, b]| r.min(*g).min(*b)).collect();
            prop_assert!(largest_error(&fast, &least) <= MAX_ERROR_LEARNED, "{}", largest_error(&fast, &least));
        }
    }

    #[test]
    fn luma_alone_is_the_luma_of_a_picture(region in region()) {
        // Learned maps look at colours: luma alone is to them a grey picture.
        for (index, mut model) in models().into_iter().enumerate() {
            let picture = if index < 5 { region.clone() } else { Region::grey(region.width, region.height, region.luma.clone()) };
            let all = picture.map(&mut *model).unwrap();
            prop_assert_eq!(region.map_luma(&mut *model).unwrap(), all);
        }
    }

    #[test]
    fn scratch_of_another_region_changes_nothing(first in region(), second in region()) {
        for mut model in models() {
            first.map(&mut *model).unwrap();
            let after = second.map(&mut *model).unwrap();
            let mut fresh = models().into_iter().find(|m| m.name() == model.name()).unwrap();
            prop_assert_eq!(second.map(&mut *fresh).unwrap(), after);
        }
    }
}

#[test]
fn tiny_regions_have_thresholds() {
    for mut model in models() {
        for height in 1..=8 {
            for width in 1..=8 {
                let luma = (0..width * height).map(|i| (i * 37 % 256) as f32).collect();
                let jnd = Region::grey(width, height, luma).map(&mut *model).unwrap();
                assert!(jnd.iter().all(|v| v.is_finite() && *v > 0.0), "{} {width}x{height}", model.name());
            }
        }
    }
}

/// The program's constants lift black to 32 and take 0.7 of the adaptation.
#[test]
fn constant_regions_show_the_lifted_adaptation_of_pattern() {
    for (value, background) in [(0.0f32, 32.0f32), (127.0, 127.0)] {
        let threshold = 0.7 * (17.0 * (1.0 - (background / 127.0).sqrt()) + 3.0);
        let jnd = Region::constant(9, 5, value).map(&mut Pattern::new()).unwrap();
        assert!(jnd.iter().all(|v| (v - threshold).abs() < MAX_ERROR), "{value}");
    }
}

/// Without contrast only luminance adaptation is left: 20 at black, 3 at 127, 6 at white.
#[test]
fn constant_regions_show_luminance_adaptation() {
    for (value, threshold) in [(0.0, 20.0), (127.0, 3.0), (255.0, 6.0)] {
        let classical: [Box<dyn JndModel>; 3] =
            [Box::new(Chou::new()), Box::new(Namm::new()), Box::new(Pattern::paper())];
        for mut model in classical {
            let jnd = Region::constant(9, 5, value).map(&mut *model).unwrap();
            assert!(jnd.iter().all(|v| (v - threshold).abs() < MAX_ERROR), "{} at {value}", model.name());
        }
    }
}

/// Yang's Fig. 6: what a still hides falls to 0.8, and rises at changes, more so where it gets dark.
#[test]
fn temporal_masking_is_that_of_the_figure() {
    for (before, now, factor) in [(100.0, 100.0, 0.809), (255.0, 0.0, 4.8), (0.0, 255.0, 2.4), (100.0, 90.0, 0.812)] {
        let mut thresholds = vec![2.0; 63];
        Temporal::default().adapt(&[now; 63], &[before; 63], 9, 7, &mut thresholds).unwrap();
        assert!(thresholds.iter().all(|v| (v / 2.0 - factor).abs() < 1e-3), "{before} to {now}: {thresholds:?}");
    }
    let mut thresholds = vec![1.0; 63];
    assert!(Temporal::default().adapt(&[f32::NAN; 63], &[1.0; 63], 9, 7, &mut thresholds).is_err());
    assert!(Temporal::default().adapt(&[1.0; 62], &[1.0; 63], 9, 7, &mut thresholds).is_err());
    assert!(Temporal::default().adapt(&[1.0; 63], &[1.0; 63], 9, 7, &mut thresholds[1..]).is_err());
}

/// What is flat is what was expected: only adaptation and the foot of contrast masking are left, 3 and 0.77 at 127.
#[test]
fn constant_regions_hold_no_surprise() {
    let jnd = Region::constant(9, 5, 127.0).map(&mut FreeEnergy::new()).unwrap();
    assert!(jnd.iter().all(|v| (v - (3.0 + 0.77 - 0.3 * 0.77)).abs() < MAX_ERROR), "{jnd:?}");
}

#[test]
fn samples_out_of_range_count_as_its_ends() {
    for mut model in models() {
        for (beyond, end) in [(-1e30, 0.0), (-0.1, 0.0), (255.4, 255.0), (f32::MAX, 255.0)] {
            let [outside, inside] = [beyond, end].map(|value| {
                let mut region = Region::constant(12, 9, 100.0);
                (region.luma[40], region.rgb[41][2]) = (value, value);
                region
            });
            assert_eq!(outside.map(&mut *model).unwrap(), inside.map(&mut *model).unwrap());
        }
    }
}

#[test]
fn samples_that_are_not_finite_are_refused() {
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        for mut model in models() {
            let mut region = Region::constant(10, 7, 50.0);
            (region.luma[69], region.rgb[0][1]) = (bad, bad);
            assert!(matches!(region.map(&mut *model), Err(Error::NotFinite { .. })));
            assert!(matches!(region.map_luma(&mut *model), Err(Error::NotFinite { .. })));
        }
    }
}

#[test]
fn shapes_that_do_not_fit_are_refused() {
    for mut model in models() {
        let plane = vec![0.0; 12];
        for (width, height) in [(0, 5), (5, 0), (0, 0), (4, 4), (3, 3), (usize::MAX, 2)] {
            let mut out = vec![0.0; 12];
            let error = model.map_luma(&plane, width, height, &mut out).unwrap_err();
            assert!(matches!(error, Error::Input(_)), "{width}x{height}: {error}");
        }
        assert!(model.map_luma(&plane[..11], 4, 3, &mut [0.0; 12]).is_err());
        assert!(model.map_luma(&plane, 4, 3, &mut [0.0; 11]).is_err());
    }
}
