// SPDX-License-Identifier: MIT OR Apache-2.0
//! Shape and light: the field is what its definition says, its adjoint is one, and its bounds hold.

#![allow(clippy::expect_used, reason = "a test fails by panicking")]

use advjnd::face::SimilarityTransform;
use advjnd::face::flow::{
    CONTROLS, Controls, EYE_DISTANCE, Extremes, Field, LIGHTS, OVAL_AXES, OVAL_CENTER, reference,
};
use advjnd::frame::{Colorimetry, FrameMut, Patch, PixelFormat, PlaneMut, Rect, Region};
use advjnd::net::ARCFACE_TEMPLATE;
use proptest::prelude::*;

/// Largest difference of a fast field from its twin: both sum the same 16 products in another order.
const MAX_ERROR: f32 = 2e-6;

fn controls(most: f32) -> impl Strategy<Value = Controls> {
    let flow = prop::collection::vec([-most..most, -most..most], CONTROLS * CONTROLS);
    let light = prop::collection::vec(-0.2f32..0.2, LIGHTS * LIGHTS);
    (flow, light).prop_map(|(flow, light)| {
        let mut controls = Controls::default();
        controls.flow.copy_from_slice(&flow);
        controls.light.copy_from_slice(&light);
        controls
    })
}

fn similarity() -> impl Strategy<Value = SimilarityTransform> {
    let (scale, angle, shift) = (0.4f32..3.0, -3.2f32..3.2, [-60.0f32..20.0, -60.0f32..20.0]);
    (scale, angle, shift).prop_map(|(scale, angle, [tx, ty])| {
        let (a, b) = (scale * angle.cos(), scale * angle.sin());
        // The middle of a region of 40×30 pixels near the middle of the oval.
        let [x, y] = [a * 20.0 - b * 15.0, b * 20.0 + a * 15.0];
        SimilarityTransform { a, b, tx: OVAL_CENTER[0] - x + tx / 2.0, ty: OVAL_CENTER[1] - y + ty / 2.0 }
    })
}

/// Points of the chip, half a sample apart, around the oval.
fn points() -> impl Iterator<Item = [f32; 2]> {
    let axis = |axis: usize| {
        let count = (4.0 * OVAL_AXES[axis]) as usize + 8;
        (0..count).map(move |index| OVAL_CENTER[axis] - OVAL_AXES[axis] - 2.0 + index as f32 / 2.0)
    };
    axis(1).flat_map(move |y| axis(0).map(move |x| [x, y]))
}

fn radius([x, y]: [f32; 2]) -> f32 {
    ((x - OVAL_CENTER[0]) / OVAL_AXES[0]).hypot((y - OVAL_CENTER[1]) / OVAL_AXES[1])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    #[test]
    fn the_field_is_its_definition(controls in controls(2.0), x in 0.0f32..112.0, y in 0.0f32..130.0) {
        let expected = reference::sample(&controls, [x, y]);
        let [dx, dy] = controls.displacement([x, y]);
        for (own, expected) in [dx, dy, controls.gain([x, y])].into_iter().zip(expected) {
            prop_assert!((own - expected).abs() <= MAX_ERROR, "{own}, not {expected}");
        }
    }

    #[test]
    fn the_adjoint_is_one(controls in controls(2.0), to_chip in similarity(), seed in 1u32..1000) {
        let (width, height) = (40, 30);
        let mut field = Field::default();
        field.plan(&to_chip, width, height);
        field.evaluate(&controls);
        let value = |at: usize| ((at as u32 + 1) * seed % 17) as f32 / 8.0 - 1.0;
        let slopes: Vec<[f32; 2]> = (0..width * height).map(|at| [value(at), value(3 * at + 1)]).collect();
        let lights: Vec<f32> = (0..width * height).map(|at| value(7 * at + 2)).collect();
        let mut back = Controls::default();
        field.adjoint_add(&slopes, &lights, &mut back);
        let dot = |a: f32, b: f32| f64::from(a) * f64::from(b);
        let forward = field.displacement.iter().flatten().zip(slopes.iter().flatten()).map(|(a, b)| dot(*a, *b));
        let forward: f64 = forward.chain(field.gain.iter().zip(&lights).map(|(a, b)| dot(*a, *b))).sum();
        let backward = controls.flow.iter().flatten().zip(back.flow.iter().flatten()).map(|(a, b)| dot(*a, *b));
        let backward: f64 = backward.chain(controls.light.iter().zip(&back.light).map(|(a, b)| dot(*a, *b))).sum();
        prop_assert!((forward - backward).abs() < 1e-3 * (1.0 + forward.abs()), "{forward} {backward}");
    }

    #[test]
    fn bounds_hold_and_the_rim_stays(
        mut controls in controls(6.0),
        length in 0.2f32..3.0,
        strain in 0.02f32..0.18,
    ) {
        controls.symmetrize();
        controls.hold_landmarks();
        controls.limit(Extremes { length, strain });
        let at = |point| controls.displacement(point);
        for point in points() {
            let [x, y] = at(point);
            prop_assert!(x.hypot(y) <= length, "{x} {y} at {point:?}");
            if radius(point) >= 1.0 {
                prop_assert!((x, y, controls.gain(point)) == (0.0, 0.0, 0.0), "{x} {y} at the rim, {point:?}");
            }
            // Any direction: the strain bounds how much two points next to each other are pulled apart.
            for step in [[0.5, 0.0], [0.0, 0.5], [0.35, 0.35], [0.35, -0.35]] {
                let next = at([point[0] + step[0], point[1] + step[1]]);
                let pulled = (next[0] - x).hypot(next[1] - y) / f32::hypot(step[0], step[1]);
                prop_assert!(pulled < 0.2, "{pulled} at {point:?}");
            }
        }
    }

    #[test]
    fn halves_are_alike_and_landmarks_keep_their_place_together(mut controls in controls(2.0)) {
        controls.symmetrize();
        for point in points() {
            let mirrored = [2.0 * OVAL_CENTER[0] - point[0], point[1]];
            let ([x, y], [mx, my]) = (controls.displacement(point), controls.displacement(mirrored));
            prop_assert!((x + mx).abs() < 1e-4 && (y - my).abs() < 1e-4, "{point:?}");
            prop_assert!((controls.gain(point) - controls.gain(mirrored)).abs() < 1e-5, "{point:?}");
        }
        controls.hold_landmarks();
        let middle = ARCFACE_TEMPLATE.iter().map(|point| point[1]).sum::<f32>() / 5.0;
        let (mut shift, mut growth) = (0.0, 0.0);
        for [x, y] in ARCFACE_TEMPLATE {
            let [dx, dy] = controls.displacement([x, y]);
            shift += dy / 5.0;
            growth += dx * (x - OVAL_CENTER[0]) + dy * (y - middle);
        }
        // The template's own halves differ by a fifth of a sample.
        prop_assert!(shift.abs() < 0.02 && growth.abs() / EYE_DISTANCE < 0.1, "{shift} {growth}");
    }
}

#[test]
fn controls_are_clamped_by_length() {
    let mut controls = Controls { flow: [[3.0, -4.0]; CONTROLS * CONTROLS], light: [-0.5; LIGHTS * LIGHTS] };
    controls.clamp(2.5, 0.1);
    assert!(controls.flow.iter().all(|[x, y]| (x - 1.5).abs() < 1e-6 && (y + 2.0).abs() < 1e-6));
    assert!(controls.light.iter().all(|gain| *gain == -0.1));
    assert!(controls.is_finite());
    controls.flow[3][1] = f32::NAN;
    assert!(!controls.is_finite());
}

#[test]
fn a_moved_point_is_where_the_picture_shows_it() {
    let mut controls = Controls { flow: [[1.0, -0.7]; CONTROLS * CONTROLS], light: [0.0; LIGHTS * LIGHTS] };
    controls.limit(Extremes { length: 1.4, strain: 0.18 });
    let mut field = Field::default();
    field.plan(&SimilarityTransform { a: 0.5, b: 0.1, tx: 3.0, ty: -2.0 }, 200, 240);
    field.evaluate(&controls);
    for point in [[100.0, 90.0], [120.0, 130.0], [60.0, 100.0]] {
        let [x, y] = field.moved(&controls, point);
        let [dx, dy] = field.displacement[y.round() as usize * 200 + x.round() as usize];
        assert!((x + dx - point[0]).hypot(y + dy - point[1]) < 0.1, "{point:?} is shown at {x} {y}");
    }
}

/// A frame of a smooth picture, and what it is made of.
struct Picture {
    format: PixelFormat,
    size: (usize, usize),
    planes: Vec<Vec<u8>>,
}

impl Picture {
    fn new(format: PixelFormat, size: (usize, usize)) -> Self {
        let plane = |index: usize| {
            let (row, rows) = format.plane_size(index, size.0, size.1);
            let value = |x: usize, y: usize| 120.0 + 70.0 * ((x + index) as f32 / 7.0).sin() * (y as f32 / 9.0).cos();
            (0..rows).flat_map(|y| (0..row).map(move |x| value(x, y) as u8)).collect()
        };
        Self { format, size, planes: (0..format.planes()).map(plane).collect() }
    }

    fn frame(&mut self) -> FrameMut<'_> {
        let (format, (width, height)) = (self.format, self.size);
        let strides = (0..format.planes()).map(|plane| format.plane_size(plane, width, height).0);
        let planes = self.planes.iter_mut().zip(strides).map(|(data, stride)| PlaneMut { data, stride }).collect();
        FrameMut::new(format, Colorimetry::default(), width, height, planes).expect("a frame")
    }
}

#[test]
fn a_patch_is_shown_written_and_put_back_in_every_format() {
    for format in PixelFormat::ALL {
        for size in [(64, 48), (61, 47)] {
            let mut picture = Picture::new(format, size);
            let before = picture.planes.clone();
            let rect = Rect { x: 10, y: 8, width: size.0 - 10, height: 33.min(size.1 - 8) };
            let mut field = Field::default();
            field.plan(&SimilarityTransform { a: 2.5, b: 0.3, tx: -4.0, ty: 10.0 }, rect.width, rect.height);
            let mut controls = Controls { flow: [[3.0, -2.0]; CONTROLS * CONTROLS], light: [0.1; LIGHTS * LIGHTS] };
            let (mut source, mut moved) = (Patch::default(), Patch::default());
            let (mut shown, mut read) = (Region::default(), Region::default());
            let mut frame = picture.frame();
            source.read(&frame, rect);
            shown.read(&frame, rect);
            field.evaluate(&controls);
            moved.deform(&source, &field.displacement, &field.gain);
            moved.show(&mut shown);
            moved.write_over(&source, &mut frame);
            read.read(&frame, rect);
            assert_eq!((&read.pixels, &read.luma), (&shown.pixels, &shown.luma), "{format:?} {size:?}: what it shows");
            let mut clean = Region::default();
            source.restore(&mut frame);
            clean.read(&frame, rect);
            let changed = clean.luma.iter().zip(&read.luma).filter(|(a, b)| a != b).count();
            assert!(changed > 100, "{format:?} {size:?}: {changed} pixels changed");
            for (index, (pixel, seen)) in clean.pixels.iter().zip(&read.pixels).enumerate() {
                let still = field.displacement[index] == [0.0; 2] && field.gain[index] == 0.0;
                assert!(!still || pixel == seen, "{format:?} {size:?}: pixel {index} outside the oval");
            }
            controls = Controls::default();
            field.evaluate(&controls);
            moved.deform(&source, &field.displacement, &field.gain);
            moved.show(&mut shown);
            assert_eq!((&clean.pixels, &clean.luma), (&shown.pixels, &shown.luma), "{format:?} {size:?}: no field");
            assert_eq!(picture.planes, before, "{format:?} {size:?}: put back");
        }
    }
}

/// The gradient that the protector takes for that of the controls, against differences of a linear function of the
/// luma.
#[test]
fn slopes_of_the_picture_are_the_gradient_of_the_flow() {
    let mut picture = Picture::new(PixelFormat::I420, (96, 96));
    let (frame, rect) = (picture.frame(), Rect { x: 0, y: 0, width: 96, height: 96 });
    let mut source = Patch::default();
    source.read(&frame, rect);
    let mut region = Region::default();
    region.read(&frame, rect);
    let mut field = Field::default();
    field.plan(&SimilarityTransform { a: 1.3, b: 0.0, tx: -6.0, ty: 3.0 }, 96, 96);
    let weight = |index: usize| ((index % 96) as f32 / 11.0).sin() * ((index / 96) as f32 / 13.0).cos();
    let luma = region.luma.clone();
    let mut value = |controls: &Controls| {
        let mut moved = Patch::default();
        field.evaluate(controls);
        moved.deform(&source, &field.displacement, &field.gain);
        moved.show(&mut region);
        region.luma.iter().enumerate().map(|(index, luma)| f64::from(weight(index) * luma)).sum::<f64>()
    };
    for (control, axis) in [(27, 0), (28, 1), (36, 0), (20, 1)] {
        let mut ends = [Controls::default(); 2];
        ends[0].flow[control][axis] = 2.0;
        ends[1].flow[control][axis] = -2.0;
        let difference = (value(&ends[0]) - value(&ends[1])) / 4.0;
        let mut own = Field::default();
        own.plan(&SimilarityTransform { a: 1.3, b: 0.0, tx: -6.0, ty: 3.0 }, 96, 96);
        let slope = |index: usize| {
            let (x, y) = ((index % 96).clamp(1, 94), (index / 96).clamp(1, 94));
            let at = |x: usize, y: usize| luma[y * 96 + x];
            [at(x + 1, y) - at(x - 1, y), at(x, y + 1) - at(x, y - 1)].map(|rise| weight(index) * rise / 2.0)
        };
        let slopes: Vec<_> = (0..96 * 96).map(slope).collect();
        let mut gradient = Controls::default();
        own.adjoint_add(&slopes, &vec![0.0; 96 * 96], &mut gradient);
        let expected = f64::from(gradient.flow[control][axis]);
        assert!((difference - expected).abs() < 0.15 * expected.abs() + 12.0, "{control}: {difference}, {expected}");
    }
}
