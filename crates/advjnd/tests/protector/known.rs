// SPDX-License-Identifier: MIT OR Apache-2.0
//! A face whose place is known, and what an attacker makes of it who was told who it is.

use advjnd::{Context, FaceReport, Settings, Verdict};

use crate::attacker::{Attacker, Picture, Place, Trick};
use crate::common;

/// Frames in which a face is protected before it is judged.
pub const FRAMES: usize = 12;
pub const PLAIN: Trick = Trick { mirrored: false, halved: false, brightened: false };
pub const MIRRORED: Trick = Trick { mirrored: true, ..PLAIN };

pub struct Scene {
    pub attacker: Attacker,
    pub portrait: Picture,
    pub face: Place,
    pub enrolled: Vec<f32>,
}

impl Scene {
    pub fn new() -> Self {
        Self::of(&common::picture("astronaut.png"))
    }

    /// Of the best face in `image`.
    pub fn of(image: &image::RgbImage) -> Self {
        let (portrait, mut attacker) = (Picture::read(image), Attacker::new());
        let face = attacker.place(&portrait);
        let enrolled = attacker.embed(&portrait, &face, PLAIN).expect("a face");
        Self { attacker, portrait, face, enrolled }
    }

    pub fn at(&self, width: usize, height: usize, place: &Place) -> Picture {
        let mut scene = Picture::background(width, height);
        scene.lay(&self.portrait, &self.face, place);
        scene
    }

    /// The tricks that know the face in the clean picture: of others nothing can be said.
    pub fn tricks(&mut self, clean: &Picture, place: &Place, tricks: &[Trick]) -> Vec<Trick> {
        let known = |trick: &&Trick| {
            self.attacker.distance(clean, place, &self.enrolled, &[**trick]) < self.attacker.threshold()
        };
        tricks.iter().filter(known).copied().collect()
    }

    /// Protects `clean` and holds the verdict to what is known afterwards; whether the face is shown.
    pub fn hold(&mut self, name: &str, clean: &Picture, place: &Place, settings: &Settings, tricks: &[Trick]) -> bool {
        let tricks = self.tricks(clean, place, tricks);
        assert!(!tricks.is_empty(), "{name}: nobody knows the clean face, so the test says nothing");
        let (output, report) = clean.protected(settings, &Context::default(), FRAMES);
        self.judge(name, (clean, &output), place, &report.faces, &tricks)
    }

    pub fn judge(
        &mut self,
        name: &str,
        (clean, output): (&Picture, &Picture),
        place: &Place,
        faces: &[FaceReport],
        tricks: &[Trick],
    ) -> bool {
        let touched = change(clean, output, place);
        assert!(touched > 0.02, "{name}: untouched; faces {faces:?}");
        let distance = self.attacker.distance(output, place, &self.enrolled, tricks);
        assert!(distance > self.attacker.threshold(), "{name}: known at {distance}; faces {faces:?}");
        faces.iter().any(|face| face.verdict == Verdict::Protected && face.bbox.contains(place.center))
    }
}

/// Share of the pixels about a face's middle that differ.
pub fn change(clean: &Picture, output: &Picture, place: &Place) -> f32 {
    let half = 0.3 * place.size;
    let inside = |at: usize| {
        let (x, y) = ((at % clean.width) as f32, (at / clean.width) as f32);
        (x - place.center[0]).abs() <= half && (y - place.center[1]).abs() <= half
    };
    let inside: Vec<usize> = (0..clean.width * clean.height).filter(|at| inside(*at)).collect();
    let differs = |at: &&usize| (clean.planes[**at].round() - output.planes[**at]).abs() > 0.5;
    inside.iter().filter(differs).count() as f32 / inside.len().max(1) as f32
}
