// SPDX-License-Identifier: MIT OR Apache-2.0
//! Scenes whose face and place are known, and somebody who turns, scales, mirrors and brightens a frame before he
//! looks.

use advjnd::face::{Detection, Detector, SimilarityTransform, Warp};
use advjnd::net::{Backend, Embedder, Network, Recognizer, RecognizerSpec};
use advjnd::{Colorimetry, Context, FrameMut, FrameReport, Models, PixelFormat, PlaneMut, Pool, Protector, Settings};

use crate::common;

/// A picture: planar RGB, 0..=255.
#[derive(Clone)]
pub struct Picture {
    pub width: usize,
    pub height: usize,
    pub planes: Vec<f32>,
}

/// Where a face lies in a scene.
#[derive(Debug, Clone, Copy)]
pub struct Place {
    pub center: [f32; 2],
    /// Pixels, of the detector's box.
    pub size: f32,
    /// Degrees, clockwise.
    pub roll: f32,
}

impl Picture {
    pub fn read(image: &image::RgbImage) -> Self {
        let plane = |channel: usize| image.pixels().map(move |pixel| f32::from(pixel.0[channel]));
        Self {
            width: image.width() as usize,
            height: image.height() as usize,
            planes: (0..3).flat_map(plane).collect(),
        }
    }

    /// Grey with coarse and fine texture.
    pub fn background(width: usize, height: usize) -> Self {
        let hash = |x: usize, y: usize| ((x * 7919 + y * 104_729 + x * y * 31) % 97) as f32 / 97.0;
        let value = |at: usize| {
            let (x, y) = (at % width, at / width);
            100.0 + 40.0 * hash(x / 24, y / 24) + 12.0 * hash(x, y)
        };
        let plane: Vec<f32> = (0..width * height).map(value).collect();
        Self { width, height, planes: [&plane[..], &plane[..], &plane[..]].concat() }
    }

    /// Textured grey with the face of a picture of `tests/data` in the middle.
    pub fn scene(name: &str) -> Self {
        let portrait = Self::read(&common::picture(name));
        let of = Attacker::new().place(&portrait);
        let mut scene = Self::background(360, 320);
        scene.lay(&portrait, &of, &Place { center: [180.0, 160.0], size: 130.0, roll: 0.0 });
        // As the frame stores it.
        scene.map(|value| value)
    }

    /// The picture as `to_source` shows it; black around it.
    pub fn warped(&self, to_source: &SimilarityTransform, width: usize, height: usize) -> Self {
        let mut warp = Warp::default();
        warp.plan(to_source, (self.width, self.height), (width, height));
        let mut planes = vec![0.0; 3 * width * height];
        for (from, to) in
            self.planes.chunks_exact(self.width * self.height).zip(planes.chunks_exact_mut(width * height))
        {
            warp.forward(from, to);
        }
        Self { width, height, planes }
    }

    /// Lays the face of `portrait`, at `of` there, into this picture at `to`: an oval of it, a size and a half around.
    pub fn lay(&mut self, portrait: &Self, of: &Place, to: &Place) {
        let to_portrait = turn(to, of);
        let face = portrait.warped(&to_portrait, self.width, self.height);
        let pixels = self.width * self.height;
        for at in 0..pixels {
            let [x, y] = to_portrait.apply([(at % self.width) as f32, (at / self.width) as f32]);
            let radius = ((x - of.center[0]) / (0.75 * of.size)).hypot((y - of.center[1]) / (0.9 * of.size));
            let share = ((1.0 - radius) / 0.1).clamp(0.0, 1.0);
            for channel in 0..3 {
                let value = &mut self.planes[channel * pixels + at];
                *value += share * (face.planes[channel * pixels + at] - *value);
            }
        }
    }

    pub fn map(mut self, f: impl Fn(f32) -> f32) -> Self {
        self.planes.iter_mut().for_each(|value| *value = f(*value).round().clamp(0.0, 255.0));
        self
    }

    pub fn mirrored(mut self) -> Self {
        self.planes.chunks_exact_mut(self.width).for_each(<[_]>::reverse);
        self
    }

    pub fn bytes(&self) -> Vec<u8> {
        let pixels = self.width * self.height;
        (0..3 * pixels).map(|at| self.planes[at % 3 * pixels + at / 3].round().clamp(0.0, 255.0) as u8).collect()
    }

    pub fn with_frame<R>(&self, work: impl FnOnce(&mut FrameMut<'_>) -> R) -> (Self, R) {
        let mut data = self.bytes();
        let planes = vec![PlaneMut { data: &mut data, stride: 3 * self.width }];
        let mut frame =
            FrameMut::new(PixelFormat::Rgb, Colorimetry::default(), self.width, self.height, planes).expect("a frame");
        let result = work(&mut frame);
        let pixels = self.width * self.height;
        let planes = (0..3 * pixels).map(|at| f32::from(data[at % pixels * 3 + at / pixels])).collect();
        (Self { planes, ..*self }, result)
    }

    /// The picture after `frames` equal frames, and the last report.
    pub fn protected(&self, settings: &Settings, context: &Context<'_>, frames: usize) -> (Self, FrameReport) {
        let mut protector = Protector::new(Models::embedded().expect("models"), 2, 0).expect("protector");
        let mut last = None;
        for _ in 0..frames {
            let (output, report) = self.with_frame(|frame| protector.process(frame, context, settings));
            last = Some((output, report.expect("report")));
        }
        last.expect("a frame")
    }
}

/// The similarity transform that takes one place to another.
fn turn(from: &Place, to: &Place) -> SimilarityTransform {
    let (sin, cos) = (to.roll - from.roll).to_radians().sin_cos();
    let scale = to.size / from.size;
    let (a, b) = (scale * cos, scale * sin);
    let [x, y] = from.center;
    SimilarityTransform { a, b, tx: to.center[0] - (a * x - b * y), ty: to.center[1] - (b * x + a * y) }
}

/// What he does before he looks.
#[derive(Debug, Clone, Copy, Default)]
pub struct Trick {
    pub mirrored: bool,
    /// Faces halved, as a preview would have them.
    pub halved: bool,
    /// The range of values stretched.
    pub brightened: bool,
}

pub struct Attacker {
    detector: Detector,
    recognizer: Recognizer,
    spec: RecognizerSpec,
}

impl Attacker {
    pub fn new() -> Self {
        let backend = Backend::Cpu(Pool::new(2).expect("threads"));
        let yunet = crate::common::model("yunet_2023mar");
        let dlib = crate::common::model("dlib_resnet29");
        let detector = Detector::new(&advjnd::net::DetectorNet::graph(&yunet).expect("model"), &backend);
        let recognizer = Recognizer::load(Network::DlibResnet29, &dlib, &backend).expect("model");
        Self { detector, recognizer, spec: Network::DlibResnet29.spec().expect("spec") }
    }

    /// The best face of a picture.
    pub fn find(&mut self, picture: &Picture) -> Option<Detection> {
        let detector = &mut self.detector;
        let (_, faces) = picture.with_frame(|frame| detector.detect(frame, 24, 0.3).expect("detection"));
        let middle = [picture.width as f32 / 2.0, picture.height as f32 / 2.0];
        let near = |face: &Detection| {
            let [x, y] = face.bbox.center();
            (x - middle[0]).hypot(y - middle[1]) < 0.6 * face.bbox.size()
        };
        faces.into_iter().find(near)
    }

    /// The place of the one face of a portrait.
    pub fn place(&mut self, portrait: &Picture) -> Place {
        let detector = &mut self.detector;
        let (_, faces) = portrait.with_frame(|frame| detector.detect(frame, 24, 0.6).expect("detection"));
        let face = faces.first().expect("a face");
        Place { center: face.bbox.center(), size: face.bbox.size(), roll: 0.0 }
    }

    /// The embedding of the face at `place`, straightened, if he finds one.
    pub fn embed(&mut self, picture: &Picture, place: &Place, trick: Trick) -> Option<Vec<f32>> {
        let mut size = place.size;
        if trick.halved {
            size /= 2.0;
        }
        // Small faces enlarged, as recognisers do; larger ones as they are, up to 160 pixels.
        let side = 320;
        let seen = Place { center: [side as f32 / 2.0; 2], size: size.min(160.0), roll: 0.0 };
        let mut view = picture.warped(&turn(&seen, place), side, side);
        if trick.mirrored {
            view = view.mirrored();
        }
        if trick.brightened {
            let middle = Picture { planes: view.planes.clone(), ..view };
            let mut values: Vec<f32> = middle.planes.iter().copied().filter(|value| *value > 0.0).collect();
            values.sort_by(f32::total_cmp);
            let at = |share: f32| values[(share * (values.len() - 1) as f32) as usize];
            let (low, high) = (at(0.01), at(0.99));
            view = view.map(|value| (value - low) * 255.0 / (high - low).max(1.0));
        }
        let face = self.find(&view)?;
        let to_chip = SimilarityTransform::fit(&face.landmarks, &self.spec.template).ok()?;
        let chip = view.warped(&to_chip.inverse(), self.spec.chip_size, self.spec.chip_size);
        let mut embedding = vec![0.0; self.spec.embedding_len];
        self.recognizer.embed(&chip.planes, &mut embedding).expect("an embedding");
        Some(embedding)
    }

    /// Least distance to `enrolled` of the face at `place` over all tricks that bring it out.
    pub fn distance(&mut self, picture: &Picture, place: &Place, enrolled: &[f32], tricks: &[Trick]) -> f32 {
        let mut least = f32::INFINITY;
        for trick in tricks {
            if let Some(embedding) = self.embed(picture, place, *trick) {
                let square: f32 = embedding.iter().zip(enrolled).map(|(a, b)| (a - b).powi(2)).sum();
                least = least.min(square.sqrt());
            }
        }
        least
    }

    pub fn threshold(&self) -> f32 {
        self.spec.verification_threshold
    }
}
