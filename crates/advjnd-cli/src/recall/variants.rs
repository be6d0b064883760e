// SPDX-License-Identifier: MIT OR Apache-2.0
//! The ways in which the attacker looks at a face: as it is, mirrored, at half its size, with its brightness stretched.

use advjnd::Result;
use advjnd::attack::margin;
use advjnd::face::BBox;
use advjnd::frame::Rect;
use serde::{Deserialize, Serialize};

use super::attacker::Attacker;
use super::canvas::Canvas;
use super::pose::Pose;
use super::rounded;

/// How far around a face its surroundings reach, in sizes of the face to each side of its middle.
const AROUND: f32 = 1.8;
/// A face whose luma spans less than this, but for its extremes, is dim, and stretched to all there is.
const SPAN: f32 = 100.0;
/// Share of a face that may be darker, or brighter, than what is stretched.
const EXTREMES: f32 = 0.02;

/// A face to look at.
#[derive(Debug, Clone, Copy)]
pub struct Target<'a> {
    /// Where it is in the whole picture.
    pub pose: Pose,
    /// By how much its pixels are wider than they should be.
    pub aspect: f32,
    /// Who it is.
    pub enrolled: &'a [f32],
}

/// A picture as it went in or came out.
#[derive(Debug, Clone, Copy)]
pub struct Shot<'a> {
    /// As it is.
    pub whole: &'a Canvas,
    /// At half its size, as a codec left it; none: means of four pixels.
    pub half: Option<&'a Canvas>,
}

/// What one way to look gave.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Seen {
    /// Its name.
    pub variant: String,
    /// Least distance to the person before the protector; none: no landmarks were found,
    #[serde(serialize_with = "rounded::maybe")]
    pub clean: Option<f32>,
    /// and after.
    #[serde(serialize_with = "rounded::maybe")]
    pub output: Option<f32>,
    /// Whether both are within the threshold.
    pub known: bool,
}

/// The surroundings of a face, and the face in them.
struct View {
    name: String,
    canvas: Canvas,
    pose: Pose,
}

/// Looks at a face in every way, before and after.
///
/// # Errors
/// What detector and recogniser report.
pub fn look(attacker: &mut Attacker, target: &Target<'_>, clean: Shot<'_>, output: Shot<'_>) -> Result<Vec<Seen>> {
    let mut seen = Vec::new();
    for (before, after) in views(target, clean).into_iter().zip(views(target, output)) {
        let mut pairs = vec![(before, after)];
        if let Some((dark, bright)) = extremes(&pairs[0].0) {
            pairs.push(stretched(&pairs[0].0, &pairs[0].1, dark, bright));
        }
        for (before, after) in pairs {
            let [clean, output] = [before.least(attacker, target)?, after.least(attacker, target)?];
            let within = |distance: Option<f32>| distance.is_some_and(|d| d <= attacker.spec().verification_threshold);
            seen.push(Seen { variant: before.name, clean, output, known: within(clean) && within(output) });
        }
    }
    Ok(seen)
}

/// What is seen of a face as it is, at every size at which its landmarks are found.
///
/// # Errors
/// What detector and recogniser report.
pub fn enroll(attacker: &mut Attacker, picture: &Canvas, pose: &Pose) -> Result<Vec<Vec<f32>>> {
    let View { canvas, pose, .. } = cut(picture, pose, 1.0);
    attacker.look(&canvas, &pose)
}

/// Whether the attacker knows the face in the picture before the protector, in one way at least.
pub fn known_before(seen: &[Seen], threshold: f32) -> bool {
    seen.iter().any(|seen| seen.clean.is_some_and(|distance| distance <= threshold))
}

impl View {
    /// Least distance to the person, in units of the recogniser's metric; of cosines, 1 less the cosine.
    fn least(&self, attacker: &mut Attacker, target: &Target<'_>) -> Result<Option<f32>> {
        let embeddings = attacker.look(&self.canvas, &self.pose)?;
        let spec = attacker.spec();
        let distance = |own: &Vec<f32>| (1.0 + margin(spec, target.enrolled, own)) * spec.verification_threshold;
        Ok(embeddings.iter().map(distance).min_by(f32::total_cmp))
    }
}

fn views(target: &Target<'_>, shot: Shot<'_>) -> Vec<View> {
    let plain = cut(shot.whole, &target.pose, target.aspect);
    let half = match shot.half {
        Some(half) => cut(half, &target.pose.halved(), target.aspect),
        None => View { name: String::new(), canvas: plain.canvas.halved(), pose: plain.pose.halved() },
    };
    let mut views = Vec::new();
    for (view, name) in [(plain, ""), (half, "half ")] {
        let (canvas, pose) = (view.canvas.clone().mirrored(), view.pose.mirrored(view.canvas.width));
        let plain = if name.is_empty() { "plain" } else { name.trim_end() };
        views.push(View { name: plain.to_owned(), ..view });
        views.push(View { name: format!("{name}mirrored"), canvas, pose });
    }
    views
}

/// The surroundings of a face, its pixels square.
fn cut(picture: &Canvas, pose: &Pose, aspect: f32) -> View {
    let ([x, y], reach) = (pose.center, AROUND * pose.size);
    let rect = Rect::covering(x - reach, y - reach, x + reach, y + reach, picture.width, picture.height);
    let (canvas, pose) = (picture.part(rect), pose.within(rect.x, rect.y));
    let (canvas, pose) =
        if aspect == 1.0 || rect.is_empty() { (canvas, pose) } else { (canvas.widened(aspect), pose.widened(aspect)) };
    View { name: String::new(), canvas, pose }
}

/// The darkest and the brightest of a face, if that is not much.
fn extremes(view: &View) -> Option<(f32, f32)> {
    let side = view.pose.size;
    let [x, y] = view.pose.center;
    let face = BBox { x: x - side / 2.0, y: y - side / 2.0, width: side, height: side };
    let Canvas { width, height, .. } = view.canvas;
    let rect = Rect::covering(face.x, face.y, face.x + side, face.y + side, width, height);
    let mut luma: Vec<f32> = view.canvas.part(rect).luma().collect();
    luma.sort_by(f32::total_cmp);
    let last = luma.len().checked_sub(1)?;
    let at = |share: f32| luma[(share * last as f32) as usize];
    let (dark, bright) = (at(EXTREMES), at(1.0 - EXTREMES));
    (bright > dark && bright - dark < SPAN).then_some((dark, bright))
}

/// Both views with what lies between `dark` and `bright` stretched to everything.
fn stretched(before: &View, after: &View, dark: f32, bright: f32) -> (View, View) {
    let stretch = |view: &View| {
        let mut canvas = view.canvas.clone();
        canvas.change(|value| (value - dark) * 255.0 / (bright - dark));
        View { name: format!("{} brightened", view.name), canvas, pose: view.pose }
    };
    (stretch(before), stretch(after))
}
