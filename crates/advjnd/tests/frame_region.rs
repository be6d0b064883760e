// SPDX-License-Identifier: MIT OR Apache-2.0
//! Reading a region, writing a residual, covering: in every format.

#![allow(clippy::expect_used, reason = "a test fails by panicking")]

#[path = "common/samples.rs"]
mod samples;

use std::collections::BTreeMap;

use advjnd::frame::{Cover, Rect, Region, Resampling, Thumbnail, cover};
use advjnd::{Colorimetry, FrameMut, Matrix, PixelFormat, PlaneMut};
use proptest::prelude::*;
use samples::{Kind, place};

/// A frame in memory of its own, filled with noise.
struct Memory {
    format: PixelFormat,
    width: usize,
    height: usize,
    planes: Vec<(Vec<u8>, usize)>,
}

impl Memory {
    fn noise(format: PixelFormat, width: usize, height: usize, padding: usize, seed: u32) -> Self {
        let plane = |index: usize| {
            let (row, rows) = format.plane_size(index, width, height);
            let stride = row + padding;
            let hash = |i: usize| ((i as u32 ^ seed).wrapping_mul(2_654_435_761) >> 13) as u8;
            ((0..stride * rows).map(|i| 16 + hash(i + 7919 * index) % 220).collect(), stride)
        };
        Self { format, width, height, planes: (0..format.planes()).map(plane).collect() }
    }

    fn frame(&mut self, colorimetry: Colorimetry) -> FrameMut<'_> {
        let planes = self.planes.iter_mut().map(|(data, stride)| PlaneMut { data, stride: *stride }).collect();
        FrameMut::new(self.format, colorimetry, self.width, self.height, planes).expect("frame")
    }
}

fn formats() -> impl Strategy<Value = PixelFormat> {
    (0..PixelFormat::ALL.len()).prop_map(|index| PixelFormat::ALL[index])
}

proptest! {
    #[test]
    fn a_written_residual_is_read_back_as_quantized(
        format in formats(),
        (width, height) in (8usize..40, 8usize..40),
        full_range: bool,
        padding in 0usize..5,
        seed: u32,
    ) {
        let colorimetry = Colorimetry { matrix: Matrix::Bt709, full_range };
        let mut memory = Memory::noise(format, width, height, padding, seed);
        let rect = Rect { x: 2, y: 4, width: width - 3, height: height - 5 };
        let (mut before, mut after) = (Region::default(), Region::default());
        let mut frame = memory.frame(colorimetry);
        before.read(&frame, rect);
        let residual: Vec<f32> = (0..before.len()).map(|i| ((i * 37) % 23) as f32 - 11.0).collect();
        let bounds: Vec<f32> = (0..before.len()).map(|i| (i % 7) as f32).collect();
        let mut stored = vec![0.0; before.len()];
        before.quantize(&residual, &bounds, &mut stored);
        before.write(&mut frame, &residual, &bounds);
        after.read(&frame, rect);
        for i in 0..before.len() {
            // What clips at the ends of the range is not compared.
            let (old, new) = (before.luma[i], after.luma[i]);
            if (10.0..=245.0).contains(&old) && before.pixels[i][..3].iter().all(|v| (10.0..=245.0).contains(v)) {
                prop_assert!((new - old - stored[i]).abs() < 0.51, "{:?}: {} {} {}", format, old, new, stored[i]);
            }
            let slack = 0.5 * 255.0 / 219.0 + 1e-3;
            prop_assert!((new - old).abs() <= bounds[i] + slack, "{:?}: changed by {}", format, new - old);
        }
    }

    #[test]
    fn save_and_restore_undo_a_write(format in formats(), (width, height) in (6usize..30, 6usize..30), seed: u32) {
        let mut memory = Memory::noise(format, width, height, 3, seed);
        let clean = memory.planes.clone();
        let mut frame = memory.frame(Colorimetry::default());
        let mut region = Region::default();
        let rect = Rect { x: 2, y: 2, width: width - 4, height: height - 4 };
        region.read(&frame, rect);
        let mut saved = Vec::new();
        frame.save(rect, &mut saved);
        region.write(&mut frame, &vec![5.0; region.len()], &vec![9.0; region.len()]);
        frame.restore(rect, &saved);
        prop_assert_eq!(memory.planes, clean);
    }

    #[test]
    fn covers_stay_in_their_rectangle_and_hide(
        format in formats(),
        (width, height) in (1usize..60, 1usize..60),
        (x, y) in (-20.0f32..50.0, -20.0f32..50.0),
        (w, h) in (1.0f32..40.0, 1.0f32..40.0),
        how in prop_oneof![Just(Cover::Fill), Just(Cover::Pixelate), Just(Cover::Blur)],
    ) {
        let mut memory = Memory::noise(format, width, height, 2, 1);
        let clean = memory.planes.clone();
        let rect = Rect::covering(x, y, x + w, y + h, width, height);
        cover(&mut memory.frame(Colorimetry::default()), rect, how);
        let mut filled: BTreeMap<_, Vec<u8>> = BTreeMap::new();
        for (plane, ((data, stride), (clean, _))) in memory.planes.iter().zip(&clean).enumerate() {
            let (row, rows) = format.plane_size(plane, width, height);
            for (y, x) in (0..rows).flat_map(|y| (0..row).map(move |x| (y, x))) {
                let (place, at) = (place(format, plane, x, y), y * stride + x);
                let is_inside = place.pixels().any(|(x, y)| rect.contains(x, y));
                let same = data[at] == clean[at];
                prop_assert!(same || is_inside, "{:?}: {:?} changed outside {:?}", format, place, rect);
                if is_inside && place.kind != Kind::Other {
                    filled.entry((plane, place.kind == Kind::Color, place.channel)).or_default().push(data[at]);
                }
            }
        }
        if how == Cover::Fill {
            for values in filled.into_values() {
                prop_assert!(values.iter().all(|value| *value == values[0]), "{:?}: {:?}", format, values);
            }
        }
    }
}

#[test]
fn a_thumbnail_is_the_area_average() {
    let mut memory = Memory::noise(PixelFormat::Rgb, 8, 6, 0, 5);
    let pixels = memory.planes[0].0.clone();
    let mut thumbnail = Thumbnail::default();
    let window = Rect { x: 0, y: 0, width: 32, height: 32 };
    thumbnail.read(&memory.frame(Colorimetry::default()), (4, 3), window, Resampling::Average);
    for (x, y, channel) in [(0, 0, 0), (3, 2, 1), (1, 2, 2)] {
        let sample = |dx: usize, dy: usize| f32::from(pixels[((2 * y + dy) * 8 + 2 * x + dx) * 3 + 2 - channel]);
        let mean = (sample(0, 0) + sample(1, 0) + sample(0, 1) + sample(1, 1)) / 4.0;
        assert!((thumbnail.bgr[channel * 1024 + y * 32 + x] - mean).abs() < 1e-3);
    }
    assert_eq!(thumbnail.bgr[4], 0.0, "padding");
}

/// Golden numbers: `cv2.resize(numpy.uint8([[10, 50, 90], [30, 20, 250]]), (6, 4), interpolation=cv2.INTER_LINEAR)` of
/// OpenCV, on floats.
#[test]
fn an_enlarged_thumbnail_is_interpolated() {
    let source = [10u8, 50, 90, 30, 20, 250];
    let mut data: Vec<u8> = source.iter().flat_map(|value| [*value; 3]).collect();
    let planes = vec![PlaneMut { data: &mut data, stride: 9 }];
    let frame = FrameMut::new(PixelFormat::Rgb, Colorimetry::default(), 3, 2, planes).expect("frame");
    let mut thumbnail = Thumbnail::default();
    thumbnail.read(&frame, (6, 4), Rect { x: 0, y: 0, width: 6, height: 4 }, Resampling::Linear);
    let golden = [
        [10.000, 20.000, 40.000, 60.000, 80.000, 90.000],
        [15.000, 21.875, 35.625, 64.375, 108.125, 130.000],
        [25.000, 25.625, 26.875, 73.125, 164.375, 210.000],
        [30.000, 27.500, 22.500, 77.500, 192.500, 250.000],
    ];
    for (value, golden) in thumbnail.bgr.iter().zip(golden.into_iter().flatten()) {
        assert!((value - golden).abs() < 1e-3, "{value} {golden}");
    }
}

/// A window shows what lies under it in the whole picture, in every format, reduced and enlarged.
#[test]
fn a_window_shows_a_part_of_the_whole() {
    let ways = [((20, 14), Resampling::Average), ((20, 14), Resampling::Linear), ((61, 43), Resampling::Linear)];
    for (format, (size, resampling)) in PixelFormat::ALL.into_iter().flat_map(|format| ways.map(|way| (format, way))) {
        let mut memory = Memory::noise(format, 37, 26, 3, 7);
        let frame = memory.frame(Colorimetry::default());
        let (mut whole, mut part) = (Thumbnail::default(), Thumbnail::default());
        whole.read(&frame, size, Rect { x: 0, y: 0, width: 64, height: 64 }, resampling);
        let window = Rect { x: 9, y: 4, width: 30, height: 25 };
        part.read(&frame, size, window, resampling);
        for (at, value) in part.bgr.iter().enumerate() {
            let (channel, x, y) = (at / (30 * 25), at % 30, at / 30 % 25);
            let expected = whole.bgr[channel * 64 * 64 + (y + window.y) * 64 + x + window.x];
            assert!((value - expected).abs() < 1e-3, "{format:?} {size:?} {channel} {x},{y}");
        }
        part.read(&frame, size, Rect { x: 64, y: 64, width: 32, height: 32 }, resampling);
        assert!(part.bgr.iter().all(|value| *value == 0.0));
    }
}

#[test]
fn frames_that_do_not_fit_their_planes_are_refused() {
    let mut data = vec![0; 100];
    let refuse = |format, width, height, stride, data: &mut [u8]| {
        FrameMut::new(format, Colorimetry::default(), width, height, vec![PlaneMut { data, stride }])
            .expect_err("refused")
            .to_string()
    };
    assert!(refuse(PixelFormat::Rgb, 0, 5, 9, &mut data).contains("no pixel"));
    assert!(refuse(PixelFormat::I420, 4, 4, 4, &mut data).contains("3 planes"));
    assert!(refuse(PixelFormat::Rgb, 4, 4, 11, &mut data).contains("stride 11"));
    assert!(refuse(PixelFormat::Rgb, 4, 10, 12, &mut data).contains("100 bytes"));
    assert!(refuse(PixelFormat::Rgb, 4, 4, usize::MAX, &mut data).contains("bytes given"));
}
