// SPDX-License-Identifier: MIT OR Apache-2.0
//! A protector whose networks are on a stage, and the pictures it is shown.

#[allow(dead_code, reason = "not every test needs everything")]
#[path = "../common/staged.rs"]
pub mod staged;

use std::sync::Arc;
use std::time::Duration;

use advjnd::{
    Colorimetry, Context, FrameMut, FrameReport, Models, PixelFormat, PlaneMut, Protector, Result, Settings, Verdict,
};
use staged::Stage;

use crate::common;

/// Rows of RGB.
#[derive(Clone)]
pub struct Picture {
    pub width: usize,
    pub height: usize,
    pub pixels: Vec<u8>,
}

impl Picture {
    pub fn astronaut() -> Self {
        let picture = common::picture("astronaut.png");
        Self { width: picture.width() as usize, height: picture.height() as usize, pixels: picture.into_raw() }
    }

    pub fn grey(&self) -> Self {
        Self { pixels: vec![90; self.pixels.len()], ..*self }
    }

    /// `count` times side by side.
    pub fn repeated(&self, count: usize) -> Self {
        let rows = self.pixels.chunks_exact(3 * self.width);
        Self {
            width: count * self.width,
            height: self.height,
            pixels: rows.flat_map(|row| row.repeat(count)).collect(),
        }
    }

    pub fn at(&self, [x, y]: [f32; 2]) -> [u8; 3] {
        let start = 3 * (y as usize * self.width + x as usize);
        [0, 1, 2].map(|channel| self.pixels[start + channel])
    }
}

/// A protector with one recogniser, on a stage.
pub struct Scene {
    pub stage: Arc<Stage>,
    pub protector: Protector,
}

impl Scene {
    pub fn new() -> Self {
        let stage = Stage::new();
        let models = Models::open(None, &["dlib_resnet29".to_owned()]).expect("models");
        let mut protector = Protector::with_backend(models, stage.backend(), 0).expect("protector");
        protector.set_clock(stage.clock.clone());
        Self { stage, protector }
    }

    fn try_frame(
        &mut self,
        picture: &Picture,
        context: &Context<'_>,
        settings: &Settings,
    ) -> Result<(Picture, FrameReport)> {
        let mut output = picture.clone();
        let planes = vec![PlaneMut { data: &mut output.pixels, stride: 3 * picture.width }];
        let colorimetry = Colorimetry::default();
        let mut frame =
            FrameMut::new(PixelFormat::Rgb, colorimetry, picture.width, picture.height, planes).expect("frame");
        let report = self.protector.process(&mut frame, context, settings)?;
        Ok((output, report))
    }

    pub fn frame(&mut self, picture: &Picture, context: &Context<'_>, settings: &Settings) -> (Picture, FrameReport) {
        self.try_frame(picture, context, settings).expect("a frame")
    }

    /// The report of a frame that may take so many milliseconds; fails if a face in it goes out as it came.
    pub fn timed(&mut self, picture: &Picture, milliseconds: u64, settings: &Settings) -> FrameReport {
        let context = Context { budget: Some(Duration::from_millis(milliseconds)), ..Context::default() };
        let (output, report) = self.frame(picture, &context, settings);
        for face in report.faces.iter().filter(|face| face.verdict != Verdict::Protected) {
            let nose = face.landmarks.0[2];
            assert_ne!(output.at(nose), picture.at(nose), "{face:?} goes out as it came");
        }
        report
    }
}

/// What the one face of a report got.
pub fn only(report: &FrameReport) -> (Verdict, u32) {
    assert_eq!(report.faces.len(), 1, "{report:?}");
    (report.faces[0].verdict, report.faces[0].iterations)
}
