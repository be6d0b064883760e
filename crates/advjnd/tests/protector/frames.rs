// SPDX-License-Identifier: MIT OR Apache-2.0
//! Frames of any size, format and stride at the core's own entry: what is not reported is not touched, and nothing
//! panics.

use std::sync::{Mutex, OnceLock};

use crate::common;
use crate::samples::{Kind, place};
use advjnd::face::{BBox, Landmarks};
use advjnd::frame::Rect;
use advjnd::jnd::Model;
use advjnd::{
    Colorimetry, Context, FailPolicy, FrameMut, FrameReport, GivenFace, Matrix, Models, PixelFormat, PlaneMut,
    Protector, Settings,
};
use image::imageops::{FilterType, resize};
use proptest::prelude::*;

/// Any byte, of nobody's.
fn noise(at: usize, seed: u32) -> u8 {
    ((at as u32 ^ seed).wrapping_mul(2_654_435_761) >> 24) as u8
}

/// A frame in memory of its own: planes one after the other, with `padding` behind each row and `GAP` bytes behind
/// each plane.
#[derive(Clone)]
struct Frame {
    format: PixelFormat,
    width: usize,
    height: usize,
    padding: [usize; 3],
    planes: Vec<Vec<u8>>,
}

/// Bytes behind a plane.
const GAP: usize = 13;

impl Frame {
    /// Noise in and around the pixels, and a grey portrait of `side` pixels at (`left`, `top`), as far as it fits.
    fn new(
        format: PixelFormat,
        (width, height): (usize, usize),
        padding: [usize; 3],
        (left, top, side): (usize, usize, u32),
        seed: u32,
    ) -> Self {
        static PORTRAIT: OnceLock<image::RgbImage> = OnceLock::new();
        let portrait = PORTRAIT.get_or_init(|| common::picture("chips/astronaut.png"));
        let portrait = resize(portrait, side, side, FilterType::Triangle);
        let grey = |x: usize, y: usize| {
            let at = (x.checked_sub(left)? as u32, y.checked_sub(top)? as u32);
            portrait.get_pixel_checked(at.0, at.1).map(|pixel| pixel.0[1])
        };
        let plane = |plane: usize| {
            let (row, rows) = format.plane_size(plane, width, height);
            let stride = row + padding[plane];
            let mut data: Vec<u8> = (0..stride * rows + GAP).map(|at| noise(at, seed)).collect();
            for (y, line) in data.chunks_exact_mut(stride).take(rows).enumerate() {
                for (x, byte) in line[..row].iter_mut().enumerate() {
                    let place = place(format, plane, x, y);
                    let is_color = place.kind == Kind::Color;
                    *byte = if is_color { 128 } else { grey(place.x, place.y).unwrap_or(*byte) };
                }
            }
            data
        };
        Self { format, width, height, padding, planes: (0..format.planes()).map(plane).collect() }
    }

    fn process(
        &mut self,
        protector: &mut Protector,
        colorimetry: Colorimetry,
        context: &Context<'_>,
        settings: &Settings,
    ) -> advjnd::Result<FrameReport> {
        let (format, width, height) = (self.format, self.width, self.height);
        let strides = self.padding.into_iter().enumerate();
        let planes = self.planes.iter_mut().zip(strides).map(|(data, (plane, padding))| {
            let stride = format.plane_size(plane, width, height).0 + padding;
            PlaneMut { data, stride }
        });
        let mut frame = FrameMut::new(format, colorimetry, width, height, planes.collect())?;
        protector.process(&mut frame, context, settings)
    }

    /// Whether enough of a face to be told from noise lies in the frame, and all of it is as it was `before`.
    fn shows(&self, before: &Self, bbox: &BBox) -> bool {
        let (right, bottom) = (bbox.x + bbox.width, bbox.y + bbox.height);
        let Rect { x, y, width, height } = Rect::covering(bbox.x, bbox.y, right, bottom, self.width, self.height);
        let (row, _) = self.format.plane_size(0, self.width, self.height);
        let step = self.format.plane_size(0, 2, 1).0 / 2;
        let line = |frame: &Self, y: usize| {
            frame.planes[0][y * (row + frame.padding[0])..][x * step..(x + width) * step].to_vec()
        };
        width.min(height) >= 16 && (y..y + height).all(|y| line(self, y) == line(before, y))
    }

    /// The first byte that differs from `before` though no face of `report` says so, told in words.
    fn touched_beyond(&self, before: &Self, report: &FrameReport) -> Option<String> {
        let Self { format, width, height, .. } = *self;
        for (plane, (new, old)) in self.planes.iter().zip(&before.planes).enumerate() {
            let (row, rows) = format.plane_size(plane, width, height);
            let stride = row + self.padding[plane];
            for at in (0..new.len()).filter(|&at| new[at] != old[at]) {
                let (x, y) = (at % stride, at / stride);
                if x >= row || y >= rows {
                    return Some(format!("byte {at} of plane {plane}, beside the pixels"));
                }
                let place = place(format, plane, x, y);
                // A sample of chroma is that of up to four pixels.
                let near = |face: &advjnd::FaceReport| place.pixels().any(|(x, y)| face.region.contains(x, y));
                if !report.faces.iter().any(near) {
                    let regions: Vec<_> = report.faces.iter().map(|face| face.region).collect();
                    return Some(format!("{place:?} of plane {plane}, outside of {regions:?}"));
                }
            }
        }
        None
    }
}

fn sides() -> impl Strategy<Value = usize> {
    prop_oneof![1usize..=400, 120usize..=400, 1usize..=33]
}

/// A face as somebody else may mark it: anywhere, of any size, with landmarks or without.
fn given_face() -> impl Strategy<Value = GivenFace> {
    let far = prop_oneof![-500.0f32..900.0, -1e9f32..1e9];
    let size = prop_oneof![0.0f32..300.0, 0.0f32..3.0, 0.0f32..1e9];
    let bbox = (far.clone(), far, size.clone(), size);
    let bbox = bbox.prop_map(|(x, y, width, height)| BBox { x, y, width, height });
    let point = prop::array::uniform2(-500.0f32..900.0);
    let landmarks = prop_oneof![
        Just(None),
        Just(Some(None)),
        prop::array::uniform5(point).prop_map(|points| Some(Some(Landmarks(points))))
    ];
    (bbox, landmarks).prop_map(|(bbox, landmarks)| GivenFace {
        bbox,
        landmarks: landmarks.map(|own| own.unwrap_or_else(|| Landmarks::guess(&bbox))),
    })
}

/// Whose faces a frame has: those that are found, or those of a list with that of the portrait in front.
fn faces() -> impl Strategy<Value = Option<(bool, Vec<GivenFace>)>> {
    prop::option::of((any::<bool>(), prop::collection::vec(given_face(), 0..3)))
}

fn settings() -> impl Strategy<Value = Settings> {
    let policy = prop::sample::select(vec![FailPolicy::Fill, FailPolicy::Pixelate, FailPolicy::Blur]);
    let model = prop::sample::select(vec![Model::Rgb, Model::Chou, Model::PatternPaper]);
    let shape = prop_oneof![Just([0.0; 2]), [0.0f32..9.0, 0.0f32..25.0]];
    (policy, model, 0u32..3, 0.0f32..20.0, any::<bool>(), shape).prop_map(
        |(fail_policy, jnd_model, max_iterations, jnd_scale, temporal_masking, [reshape, relight])| Settings {
            fail_policy,
            jnd_model,
            max_iterations,
            jnd_scale,
            temporal_masking,
            reshape,
            relight,
            ..Settings::default()
        },
    )
}

fn colorimetry() -> impl Strategy<Value = Colorimetry> {
    let matrix = prop::sample::select(vec![Matrix::Bt601, Matrix::Bt709, Matrix::Bt2020]);
    (matrix, any::<bool>()).prop_map(|(matrix, full_range)| Colorimetry { matrix, full_range })
}

/// Protectors of one thread and of two; a case takes one over as the case before left it.
fn protectors() -> &'static [Mutex<Protector>; 2] {
    static PROTECTORS: OnceLock<[Mutex<Protector>; 2]> = OnceLock::new();
    PROTECTORS.get_or_init(|| {
        [1, 2].map(|threads| Mutex::new(Protector::new(Models::embedded().unwrap(), threads, 0).unwrap()))
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn frames_of_any_size_and_stride_change_where_the_report_says(
        format in prop::sample::select(PixelFormat::ALL.to_vec()),
        size in (sides(), sides()),
        padding in prop::array::uniform3(0usize..70),
        (left, top, side) in (0usize..200, 0usize..200, 60u32..260),
        faces in faces(),
        settings in settings(),
        colorimetry in colorimetry(),
        threads in 0usize..2,
        reset: bool,
        seed: u32,
    ) {
        let before = Frame::new(format, size, padding, (left, top, side), seed);
        let place = BBox { x: left as f32, y: top as f32, width: side as f32, height: side as f32 }.scaled(0.7);
        let given = faces.map(|(shown, mut others)| {
            if shown {
                others.insert(0, GivenFace { bbox: place, landmarks: None });
            }
            others
        });
        let context = Context { faces: given.as_deref(), ..Context::default() };
        let mut protector = protectors()[threads].lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if reset {
            protector.reset();
        }
        for _ in 0..2 {
            let mut after = before.clone();
            let report = after.process(&mut protector, colorimetry, &context, &settings);
            let report = report.map_err(|error| TestCaseError::fail(error.to_string()))?;
            // A face that somebody marked, in this case or in one before, may be none that can be aligned.
            prop_assert!(report.fault.is_none() || given.is_some() || !reset, "{:?}", report.fault);
            let touched = after.touched_beyond(&before, &report);
            prop_assert!(touched.is_none(), "changed: {}", touched.unwrap_or_default());
            for face in &report.faces {
                let Rect { x, y, width, height } = face.region;
                prop_assert!(x + width <= size.0 && y + height <= size.1, "{:?}", face);
                prop_assert!(!after.shows(&before, &face.bbox), "nothing hides {:?}", face);
            }
        }
    }

    #[test]
    fn planes_that_are_too_short_are_refused_and_not_touched(
        format in prop::sample::select(PixelFormat::ALL.to_vec()),
        size in (1usize..60, 1usize..60),
        padding in prop::array::uniform3(0usize..9),
        missing in 1usize..40,
        seed: u32,
    ) {
        let mut frame = Frame::new(format, size, padding, (0, 0, 8), seed);
        let plane = seed as usize % format.planes();
        let (row, rows) = format.plane_size(plane, size.0, size.1);
        let needed = (row + padding[plane]) * (rows - 1) + row;
        frame.planes[plane].truncate(needed.saturating_sub(missing));
        let before = frame.clone();
        let mut protector = protectors()[0].lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let refused = frame.process(&mut protector, Colorimetry::default(), &Context::default(), &Settings::default());
        prop_assert!(matches!(refused, Err(advjnd::Error::Input(_))));
        prop_assert_eq!(frame.planes, before.planes);
    }
}
