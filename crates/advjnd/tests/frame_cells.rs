// SPDX-License-Identifier: MIT OR Apache-2.0
//! Means of cells against their plain definition, and what a glance takes for a change.

#![allow(clippy::expect_used, reason = "a test fails by panicking")]

use advjnd::face::{BBox, Change, ChangeGate};
use advjnd::frame::CELL;
use advjnd::{Colorimetry, FrameMut, PixelFormat, PlaneMut};
use proptest::prelude::*;

/// A frame of `format` over bytes that `value` gives by plane and place, with `padding` more bytes a row.
fn with_frame<R>(
    format: PixelFormat,
    (width, height, padding): (usize, usize, usize),
    value: impl Fn(usize, usize, usize) -> u8,
    work: impl FnOnce(&FrameMut<'_>, &[Vec<u8>]) -> R,
) -> R {
    let mut data: Vec<Vec<u8>> = (0..format.planes())
        .map(|plane| {
            let (row, rows) = format.plane_size(plane, width, height);
            (0..rows * (row + padding)).map(|at| value(plane, at % (row + padding), at / (row + padding))).collect()
        })
        .collect();
    let copy = data.clone();
    let planes = data.iter_mut().enumerate().map(|(plane, data)| {
        let (row, _) = format.plane_size(plane, width, height);
        PlaneMut { data, stride: row + padding }
    });
    let frame = FrameMut::new(format, Colorimetry::default(), width, height, planes.collect()).expect("a frame");
    work(&frame, &copy)
}

fn byte_of_green(format: PixelFormat) -> (usize, usize) {
    match format {
        PixelFormat::I420 | PixelFormat::Yv12 | PixelFormat::Nv12 | PixelFormat::Nv21 => (0, 1),
        PixelFormat::Y42b | PixelFormat::Nv16 | PixelFormat::Y444 | PixelFormat::Gray8 => (0, 1),
        PixelFormat::Yuy2 => (0, 2),
        PixelFormat::Uyvy => (1, 2),
        PixelFormat::Rgb | PixelFormat::Bgr => (1, 3),
        PixelFormat::Rgba | PixelFormat::Bgra | PixelFormat::Rgbx | PixelFormat::Bgrx => (1, 4),
        PixelFormat::Argb | PixelFormat::Abgr | PixelFormat::Xrgb | PixelFormat::Xbgr => (2, 4),
        other => panic!("the test does not know {other:?}"),
    }
}

proptest! {
    #[test]
    fn cells_are_means(
        format in prop::sample::select(PixelFormat::ALL.to_vec()),
        width in 1usize..100, height in 1usize..100, padding in 0usize..20, seed in any::<u64>(),
    ) {
        let hash = |plane: usize, x: usize, y: usize| {
            let mixed = (seed ^ ((plane << 40) | (x << 20) | y) as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
            (mixed >> 33) as u8
        };
        with_frame(format, (width, height, padding), hash, |frame, data| {
            let mut means = Vec::new();
            frame.cell_means(&mut means);
            let (offset, step) = byte_of_green(format);
            let stride = format.plane_size(0, width, height).0 + padding;
            let every = if step == 1 { 1 } else { 2 };
            let mut expected = Vec::new();
            for top in (0..height).step_by(CELL) {
                for left in (0..width).step_by(CELL) {
                    let rows = (top..(top + CELL).min(height)).step_by(every);
                    let cell: Vec<f64> = rows
                        .flat_map(|y| (left..(left + CELL).min(width)).map(move |x| y * stride + x * step + offset))
                        .map(|at| f64::from(data[0][at]))
                        .collect();
                    expected.push(cell.iter().sum::<f64>() / cell.len() as f64);
                }
            }
            assert_eq!(means.len(), expected.len());
            for (mean, expected) in means.iter().zip(&expected) {
                assert!((f64::from(*mean) - expected).abs() < 1e-3, "{mean}, not {expected}");
            }
        });
    }

    #[test]
    fn a_glance_sees_what_appears_and_not_what_is_known(x in 0usize..40, y in 0usize..40, shade in 120u8..=255) {
        let look = |glance: &mut ChangeGate, square: Option<(usize, usize)>| {
            let value = |plane: usize, column: usize, row: usize| match square {
                Some((x, y)) if plane == 0 && (x..x + 24).contains(&column) && (y..y + 24).contains(&row) => shade,
                _ => 100,
            };
            with_frame(PixelFormat::I420, (64, 64, 0), value, |frame, _| glance.look(frame));
        };
        let mut glance = ChangeGate::default();
        look(&mut glance, None);
        prop_assert!(glance.changed(&[]), "nothing has been searched yet");
        glance.keep();
        look(&mut glance, None);
        prop_assert!(!glance.changed(&[]));
        look(&mut glance, Some((x, y)));
        prop_assert!(glance.changed(&[]));
        let [x, y] = [x, y].map(|at| at as f32);
        let side = 24.0 + 2.0 * CELL as f32;
        let known = BBox { x: x - CELL as f32, y: y - CELL as f32, width: side, height: side };
        prop_assert!(!glance.changed(&[known]), "who is there is known");
        glance.forget();
        prop_assert!(glance.changed(&[known]));
    }

    #[test]
    fn a_change_is_in_a_few_small_places_or_everywhere(
        squares in prop::collection::vec((0usize..300, 0usize..300, 1usize..60), 0..5),
    ) {
        const REACH: f32 = 64.0;
        let look = |glance: &mut ChangeGate, squares: &[(usize, usize, usize)]| {
            let inside = |column: usize, row: usize| {
                squares.iter().any(|(x, y, side)| (*x..x + side).contains(&column) && (*y..y + side).contains(&row))
            };
            let value = |plane: usize, column: usize, row: usize| if plane == 0 && inside(column, row) { 250 } else { 50 };
            with_frame(PixelFormat::I420, (320, 320, 0), value, |frame, _| glance.look(frame));
        };
        let mut glance = ChangeGate::default();
        look(&mut glance, &[]);
        prop_assert_eq!(glance.change(REACH), Change::Everywhere);
        glance.keep();
        look(&mut glance, &squares);
        let whole = |(x, y, side): &(usize, usize, usize)| *side >= 16 && x + side <= 320 && y + side <= 320;
        match glance.change(REACH) {
            Change::Nowhere => prop_assert!(!squares.iter().any(whole)),
            Change::Places(places) => {
                prop_assert!(places.len() <= 2 && places.iter().all(|place| place.width.max(place.height) <= REACH));
                for (x, y, side) in squares.iter().filter(|square| whole(square)) {
                    let center = [x, y].map(|at| (at + side / 2) as f32);
                    let near = |place: &BBox| place.scaled(1.0 + 2.0 * CELL as f32 / place.size()).contains(center);
                    prop_assert!(places.iter().any(near), "{center:?} is in none of {places:?}");
                }
            }
            Change::Everywhere => prop_assert!(squares.iter().any(|(_, _, side)| *side > 32) || squares.len() > 1),
        }
        glance.keep_changes();
        prop_assert_eq!(glance.change(REACH), Change::Nowhere);
    }
}
