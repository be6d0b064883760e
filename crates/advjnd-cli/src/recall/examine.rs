// SPDX-License-Identifier: MIT OR Apache-2.0
//! One face, after the protector: touched, covered, known.

use advjnd::Result;
use advjnd::face::BBox;
use advjnd_media::Picture;
use serde::{Deserialize, Serialize};

use super::attacker::Attacker;
use super::canvas::Canvas;
use super::pose::Pose;
use super::touch::{State, Touch};
use super::variants::{Seen, Shot, Target, known_before, look};

/// A frame as it went in and as it came out.
#[derive(Debug, Clone, Copy)]
pub struct Exhibit<'a> {
    /// As it went in.
    pub clean: &'a Picture,
    /// As it came out.
    pub output: &'a Picture,
    /// Both at half their size, as a codec left them.
    pub halves: Option<[&'a Picture; 2]>,
}

/// What is known of a face beforehand.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// The box around it.
    pub bbox: BBox,
    /// What the attacker is told.
    pub pose: Pose,
    /// By how much a pixel is wider than it should be.
    pub aspect: f32,
    /// Who it is, if that is known.
    pub enrolled: Option<&'a [f32]>,
}

/// What became of a face.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// In a word.
    pub state: State,
    /// By its pixels.
    #[serde(flatten)]
    pub touch: Touch,
    /// Whether the attacker knows it in what went in; none: nobody looked, because it is covered or nobody is enrolled.
    pub known_before: Option<bool>,
    /// Whether the attacker knows it in what came out, in a way in which it knows it in what went in.
    pub known: bool,
    /// All ways in which the attacker looked.
    pub seen: Vec<Seen>,
}

/// Looks at a face; none where its middle lies outside the frame.
///
/// # Errors
/// What detector and recogniser report.
pub fn examine(attacker: &mut Attacker, exhibit: Exhibit<'_>, subject: &Subject<'_>) -> Result<Option<Outcome>> {
    let Some(touch) = Touch::of(exhibit.clean, exhibit.output, &subject.bbox) else { return Ok(None) };
    let state = touch.state();
    let mut outcome = Outcome { state, touch, known_before: None, known: false, seen: Vec::new() };
    let Some(enrolled) = subject.enrolled.filter(|_| state != State::Covered) else { return Ok(Some(outcome)) };
    let target = Target { pose: subject.pose, aspect: subject.aspect, enrolled };
    let [clean, output] = [exhibit.clean, exhibit.output].map(Canvas::of);
    let halves = exhibit.halves.map(|halves| halves.map(Canvas::of));
    let half = |index: usize| halves.as_ref().map(|halves| &halves[index]);
    let (clean, output) = (Shot { whole: &clean, half: half(0) }, Shot { whole: &output, half: half(1) });
    outcome.seen = look(attacker, &target, clean, output)?;
    outcome.known_before = Some(known_before(&outcome.seen, attacker.spec().verification_threshold));
    outcome.known = outcome.seen.iter().any(|seen| seen.known);
    Ok(Some(outcome))
}
