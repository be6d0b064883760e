// SPDX-License-Identifier: MIT OR Apache-2.0
//! Faces that can hardly be seen, beside one that fills the picture: cut by its edge, behind another head, small. They
//! are covered in the first frame, and what is no face is not.

use crate::attacker::Picture;
use crate::common;
use crate::common::skip::material;
use advjnd::face::BBox;
use advjnd::{Context, FaceReport, Settings};

/// A face of a photograph, where somebody marked it.
struct Neighbour {
    photograph: &'static str,
    bbox: BBox,
}

/// Share of the pixels in the middle of a box, and in the picture, that differ.
fn change(clean: &Picture, output: &Picture, bbox: &BBox) -> f32 {
    let middle = bbox.scaled(0.6);
    let inside = |at: &usize| middle.contains([(at % clean.width) as f32, (at / clean.width) as f32]);
    let inside: Vec<usize> = (0..clean.width * clean.height).filter(inside).collect();
    let differs = |at: &&usize| (clean.planes[**at].round() - output.planes[**at]).abs() > 0.5;
    inside.iter().filter(differs).count() as f32 / inside.len().max(1) as f32
}

/// Holds that each is touched in a first frame.
fn hold(test: &str, neighbours: &[Neighbour]) {
    for Neighbour { photograph, bbox } in neighbours {
        let Some(file) = material(test, &format!("faces/lfw_gray/{photograph}")) else { return };
        let clean = Picture::read(&common::image_at(&file));
        let (output, report) = clean.protected(&Settings::default(), &Context::default(), 1);
        let faces: Vec<&FaceReport> = report.faces.iter().collect();
        assert!(change(&clean, &output, bbox) > 0.5, "{photograph}: untouched; faces {faces:?}");
    }
}

const fn neighbour(photograph: &'static str, [x, y, width, height]: [f32; 4]) -> Neighbour {
    Neighbour { photograph, bbox: BBox { x, y, width, height } }
}

/// The whole face at the edge is seen too weakly to be believed, which took the place of the half that was believed.
#[test]
fn half_faces_are_covered_though_they_are_seen_weakly_as_whole_ones() {
    let faces = [neighbour("Amelia_Vega/Amelia_Vega_0005.jpg", [0.0, 146.0, 34.0, 90.0])];
    hold("half_faces_are_covered_though_they_are_seen_weakly_as_whole_ones", &faces);
}

/// At its own size the network does not believe it.
#[test]
fn half_faces_of_small_frames_are_covered() {
    let faces = [neighbour("Yukiko_Okudo/Yukiko_Okudo_0001.jpg", [0.0, 128.0, 40.0, 75.0])];
    hold("half_faces_of_small_frames_are_covered", &faces);
}

/// No two close looks agree where the landmarks are.
#[test]
fn faces_behind_other_heads_are_covered() {
    let faces = [neighbour("John_Manley/John_Manley_0006.jpg", [178.0, 45.0, 48.0, 75.0])];
    hold("faces_behind_other_heads_are_covered", &faces);
}

/// As large as in frames whose faces are found: enlarged, the frame shows it.
#[test]
fn small_faces_of_small_frames_are_covered() {
    let faces = [neighbour("George_Voinovich/George_Voinovich_0003.jpg", [5.0, 139.0, 22.0, 33.0])];
    hold("small_faces_of_small_frames_are_covered", &faces);
}

#[test]
fn nothing_is_covered_where_nobody_is() {
    for (width, height) in [(200, 150), (400, 360), (1280, 720)] {
        let clean = Picture::background(width, height);
        let (_, report) = clean.protected(&Settings::default(), &Context::default(), 20);
        assert!(report.faces.is_empty(), "{width}×{height}: {:?}", report.faces);
    }
}
