// SPDX-License-Identifier: MIT OR Apache-2.0
//! The fast JND models against their naive twins, and what they do at the limits of their input.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use advjnd::Error;
use advjnd::jnd::{Chou, FreeEnergy, JndModel, Learned, Model, Namm, Pattern, Picture, Temporal, YCbCr};
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

/// A region of 1x1 to 40x40 with three planes.
#[derive(Debug, Clone)]
struct Region {
    width: usize,
    height: usize,
    planes: YCbCr<Vec<f32>>,
}

impl Region {
    fn constant(width: usize, height: usize, value: f32) -> Self {
        let plane = vec![value; width * height];
        Self { width, height, planes: YCbCr { y: plane.clone(), cb: plane.clone(), cr: plane } }
    }

    fn clean(&self) -> YCbCr<&[f32]> {
        YCbCr { y: &self.planes.y, cb: &self.planes.cb, cr: &self.planes.cr }
    }

    /// Thresholds, written over garbage so that a sample left out shows.
    fn map(&self, model: &mut dyn JndModel) -> advjnd::Result<YCbCr<Vec<f32>>> {
        let garbage = vec![f32::NAN; self.width * self.height];
        let mut jnd = YCbCr { y: garbage.clone(), cb: garbage.clone(), cr: garbage };
        let out = YCbCr { y: &mut jnd.y[..], cb: &mut jnd.cb, cr: &mut jnd.cr };
        model.map(self.clean(), self.width, self.height, out)?;
        Ok(jnd)
    }

    fn map_luma(&self, model: &mut dyn JndModel) -> advjnd::Result<Vec<f32>> {
        let mut jnd = vec![f32::NAN; self.width * self.height];
        model.map_luma(&self.planes.y, self.width, self.height, &mut jnd)?;
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
        (plane(width, height), plane(width, height), plane(width, height)).prop_map(move |(y, cb, cr)| Region {
            width,
            height,
            planes: YCbCr { y, cb, cr },
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
        let twin = reference::namm(region.clean(), region.width, region.height);
        let fast = region.map(&mut Namm::new()).unwrap();
        prop_assert!(largest_error(&fast.y, &twin.y) <= MAX_ERROR);
        prop_assert!(largest_error(&fast.cb, &twin.cb) <= MAX_ERROR);
        prop_assert!(largest_error(&fast.cr, &twin.cr) <= MAX_ERROR);
    }

    #[test]
    fn chou_equals_its_twin(region in region()) {
        let twin = reference::chou(&region.planes.y, region.width, region.height);
        let fast = region.map(&mut Chou::new()).unwrap();
        prop_assert!(largest_error(&fast.y, &twin) <= MAX_ERROR);
        prop_assert!(fast.cb.iter().chain(&fast.cr).all(|&v| v == 0.0));
    }

    #[test]
    fn pattern_equals_its_twin(region in region()) {
        for (mut model, paper) in [(Pattern::new(), false), (Pattern::paper(), true)] {
            let twin = reference::pattern(&region.planes.y, region.width, region.height, paper);
            let fast = region.map(&mut model).unwrap();
            prop_assert!(largest_error(&fast.y, &twin) <= MAX_ERROR);
            prop_assert!(fast.cb.iter().chain(&fast.cr).all(|&v| v == 0.0));
        }
    }

    #[test]
    fn free_energy_equals_its_twin(region in small_region()) {
        let twin = reference::free_energy(&region.planes.y, region.width, region.height);
        let fast = region.map(&mut FreeEnergy::new()).unwrap();
        prop_assert!(largest_error(&fast.y, &twin) <= MAX_ERROR_EXPECTATION);
    }

    #[test]
    fn temporal_masking_equals_its_twin(region in region()) {
        let YCbCr { y: now, cb: before, .. } = &region.planes;
        let twin = reference::temporal(now, before, region.width, region.height);
        let mut factors = vec![1.0; now.len()];
        Temporal::default().adapt(now, before, region.width, region.height, &mut factors).unwrap();
        prop_assert!(largest_error(&factors, &twin) <= MAX_ERROR_FACTOR);
    }

    #[test]
    fn learned_maps_equal_their_twin(region in region()) {
        for (mut model, hvs_sd) in [(Learned::rgb(), false), (Learned::hvs_sd(), true)] {
            let rgb: Vec<[f32; 3]> = (0..region.planes.y.len())
                .map(|i| [region.planes.y[i], region.planes.cb[i], region.planes.cr[i]])
                .collect();
            let twin = reference::learned(hvs_sd, &rgb, region.width, region.height).unwrap();
            let pixels: Vec<[f32; 4]> = rgb.iter().map(|[r, g, b]| [*r, *g, *b, f32::NAN]).collect();
            let picture =
                Picture { luma: &region.planes.y, rgb: &pixels, width: region.width, height: region.height };
            let mut fast = vec![f32::NAN; rgb.len()];
            model.map_picture(&picture, &mut fast).unwrap();
            let least: Vec<f32> = twin.iter().map(|[r, g, b]| r.min(*g).min(*b)).collect();
            prop_assert!(largest_error(&fast, &least) <= MAX_ERROR_LEARNED, "{}", largest_error(&fast, &least));
        }
    }

    #[test]
    fn luma_alone_is_the_luma_of_all(region in region()) {
        // Learned maps look at colours.
        for mut model in models().into_iter().take(5) {
            let all = region.map(&mut *model).unwrap();
            prop_assert_eq!(region.map_luma(&mut *model).unwrap(), all.y);
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
                let mut region = Region::constant(width, height, 128.0);
                for (i, value) in region.planes.y.iter_mut().enumerate() {
                    *value = (i * 37 % 256) as f32;
                }
                let jnd = region.map(&mut *model).unwrap();
                assert!(jnd.y.iter().all(|v| v.is_finite() && *v > 0.0), "{} {width}x{height}", model.name());
                assert!(jnd.cb.iter().chain(&jnd.cr).all(|v| v.is_finite() && *v >= 0.0));
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
        assert!(jnd.y.iter().all(|v| (v - threshold).abs() < MAX_ERROR), "{value}");
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
            assert!(jnd.y.iter().all(|v| (v - threshold).abs() < MAX_ERROR), "{} at {value}", model.name());
        }
        let jnd = Region::constant(9, 5, value).map(&mut Namm::new()).unwrap();
        assert!(jnd.cb.iter().chain(&jnd.cr).all(|v| (v - threshold).abs() < MAX_ERROR));
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
    assert!(jnd.y.iter().all(|v| (v - (3.0 + 0.77 - 0.3 * 0.77)).abs() < MAX_ERROR), "{:?}", jnd.y);
}

#[test]
fn samples_out_of_range_count_as_its_ends() {
    for mut model in models() {
        for (beyond, end) in [(-1e30, 0.0), (-0.1, 0.0), (255.4, 255.0), (f32::MAX, 255.0)] {
            let mut outside = Region::constant(12, 9, 100.0);
            outside.planes.y[40] = beyond;
            outside.planes.cb[41] = beyond;
            let mut inside = Region::constant(12, 9, 100.0);
            inside.planes.y[40] = end;
            inside.planes.cb[41] = end;
            assert_eq!(outside.map(&mut *model).unwrap(), inside.map(&mut *model).unwrap());
        }
    }
}

#[test]
fn samples_that_are_not_finite_are_refused() {
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        for mut model in models() {
            let mut region = Region::constant(10, 7, 50.0);
            region.planes.y[69] = bad;
            assert!(matches!(region.map(&mut *model), Err(Error::NotFinite { .. })));
            assert!(matches!(region.map_luma(&mut *model), Err(Error::NotFinite { .. })));
        }
        let mut region = Region::constant(10, 7, 50.0);
        region.planes.cr[0] = bad;
        let error = region.map(&mut Namm::new()).unwrap_err();
        assert!(error.to_string().contains("Cr"), "{error}");
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
        let clean = YCbCr { y: &plane[..], cb: &plane, cr: &plane };
        let (mut y, mut cb, mut cr) = ([0.0; 12], [0.0; 11], [0.0; 12]);
        assert!(model.map(clean, 4, 3, YCbCr { y: &mut y, cb: &mut cb, cr: &mut cr }).is_err());
    }
}
