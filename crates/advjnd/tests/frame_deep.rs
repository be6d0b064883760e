// SPDX-License-Identifier: MIT OR Apache-2.0
//! Frames of ten bits: held, sample by sample, to what their description says.

#![allow(clippy::expect_used, reason = "a test fails by panicking")]

use advjnd::frame::{Cover, DeepFormat, Narrowed, Rect, cover};
use advjnd::{Colorimetry, PlaneMut};
use proptest::prelude::*;

/// Planes with strides: bytes of noise.
fn noise(format: DeepFormat, width: usize, height: usize, padding: usize, seed: u32) -> Vec<(Vec<u8>, usize)> {
    let plane = |index: usize| {
        let (samples, rows) = format.narrow().plane_size(index, width, height);
        let stride = 2 * samples + padding;
        let hash = |at: usize| ((at as u32 ^ seed).wrapping_mul(2_654_435_761) >> 13) as u8;
        ((0..stride * rows).map(|at| hash(at + 7919 * index)).collect(), stride)
    };
    (0..format.narrow().planes()).map(plane).collect()
}

fn borrowed(planes: &mut [(Vec<u8>, usize)]) -> Vec<PlaneMut<'_>> {
    planes.iter_mut().map(|(data, stride)| PlaneMut { data, stride: *stride }).collect()
}

/// The ten bits of a sample.
fn ten(format: DeepFormat, (data, stride): &(Vec<u8>, usize), x: usize, y: usize) -> u32 {
    let at = y * stride + 2 * x;
    let word = u32::from(data[at]) + 256 * u32::from(data[at + 1]);
    if format == DeepFormat::P010 { word / 64 } else { word % 1024 }
}

fn eight(ten: u32) -> u32 {
    ((f64::from(ten) / 4.0 + 0.5).floor() as u32).min(255)
}

proptest! {
    #[test]
    fn unchanged_blocks_keep_ten_bits_and_changed_ones_show_what_was_worked_on(
        format in (0..2usize).prop_map(|index| DeepFormat::ALL[index]),
        (width, height) in (1usize..70, 1usize..50),
        (x, y, wide, high) in (0usize..70, 0usize..50, 0usize..40, 0usize..40),
        padding in 0usize..5,
        seed: u32,
    ) {
        let mut planes = noise(format, width, height, padding, seed);
        let before = planes.clone();
        let mut narrowed = Narrowed::read(format, width, height, &borrowed(&mut planes)).expect("a frame");
        let (x, y) = (x.min(width - 1) & !1, y.min(height - 1) & !1);
        let rect = Rect { x, y, width: wide.min(width - x), height: high.min(height - y) };
        cover(&mut narrowed.frame(Colorimetry::default()).expect("a frame"), rect, Cover::Fill);
        let mut worked_on = Narrowed::read(format, width, height, &borrowed(&mut planes)).expect("a frame");
        cover(&mut worked_on.frame(Colorimetry::default()).expect("a frame"), rect, Cover::Fill);
        narrowed.write(&mut borrowed(&mut planes));
        // Reading again shows what was written, in eight bits.
        let mut again = Narrowed::read(format, width, height, &borrowed(&mut planes)).expect("a frame");
        let (mut first, mut second) = (Vec::new(), Vec::new());
        let whole = Rect { x: 0, y: 0, width, height };
        worked_on.frame(Colorimetry::default()).expect("a frame").save(whole, &mut first);
        again.frame(Colorimetry::default()).expect("a frame").save(whole, &mut second);
        prop_assert_eq!(first, second);
        for (index, (old, new)) in before.iter().zip(&planes).enumerate() {
            let (samples, rows) = format.narrow().plane_size(index, width, height);
            for (top, left) in (0..rows).step_by(16).flat_map(|top| (0..samples).step_by(16).map(move |left| (top, left))) {
                let places: Vec<_> = (top..(top + 16).min(rows))
                    .flat_map(|y| (left..(left + 16).min(samples)).map(move |x| (x, y)))
                    .collect();
                let changed = places.iter().any(|(x, y)| {
                    eight(ten(format, old, *x, *y)) != eight(ten(format, new, *x, *y))
                });
                for (x, y) in places {
                    let (old, new) = (ten(format, old, x, y), ten(format, new, x, y));
                    prop_assert!(if changed { new % 4 == 0 } else { new == old }, "{x},{y}: {old} became {new}");
                }
            }
            // What lies between the rows is not touched.
            for (old, new) in old.0.chunks(old.1).zip(new.0.chunks(new.1)) {
                prop_assert_eq!(&old[2 * samples..], &new[2 * samples..]);
            }
        }
    }
}

#[test]
fn planes_that_are_too_short_are_errors() {
    for format in DeepFormat::ALL {
        let mut planes = noise(format, 20, 10, 0, 1);
        planes[1].0.pop();
        assert!(Narrowed::read(format, 20, 10, &borrowed(&mut planes)).is_err());
        let mut planes = noise(format, 20, 10, 0, 1);
        planes[0].1 = 39;
        assert!(Narrowed::read(format, 20, 10, &borrowed(&mut planes)).is_err());
        planes.pop();
        assert!(Narrowed::read(format, 20, 10, &borrowed(&mut planes)).is_err());
        assert!(Narrowed::read(format, 0, 10, &[]).is_err());
    }
}
