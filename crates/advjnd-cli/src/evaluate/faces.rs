// SPDX-License-Identifier: MIT OR Apache-2.0
//! The faces of a clip as it was before it was protected: found frame by frame, followed by place, embedded, and the
//! person's enrolment.
//!
//! Nothing of the filter's own tracker is used. A face continues the track whose last place is nearest, unless most of
//! the recognisers take it for another person than that track's mean: then it begins a new one.

use std::ops::ControlFlow;
use std::time::Duration;

use advjnd::attack::margin;
use advjnd::face::{BBox, Detection, Detector, ExtraPass, Landmarks};
use advjnd::frame::Rect;
use advjnd::net::RecognizerSpec;
use advjnd::{FrameMut, Result};
use advjnd_media::{Picture, Pictures};

use super::panel::Panel;
use crate::pooling::{mean_of, pool};

/// Detector score from which something is a face.
const SCORE: f32 = 0.6;
/// Narrowest face that is looked at, pixels.
pub const MIN_FACE: f32 = 32.0;
/// A track that was not seen for so many frames has ended.
const PATIENCE: usize = 15;
/// The longer side to which face pipelines commonly bring a frame, pixels.
const COMMON_SIDE: usize = 640;
/// How far a face may have moved since it was last seen, as a share of its width.
const REACH: f32 = 0.6;

/// Which faces of a clip are embedded, and which tracks count.
#[derive(Clone, Copy)]
pub struct Sampling<'a> {
    /// Those of every so many frames,
    pub every: usize,
    /// and the first of each track.
    pub first: bool,
    /// Tracks with fewer embedded faces have no mean to speak of.
    pub least_looks: usize,
    /// Whether a face in a frame is none of those that count.
    pub skip: &'a dyn Fn(usize, &BBox) -> bool,
}

/// The embeddings of a face, by recogniser.
pub type Embeddings = Vec<Vec<f32>>;

/// What finds faces, and what recognises them.
pub struct Eyes {
    pub detector: Detector,
    pub panel: Panel,
    /// Whether small frames are enlarged to a long side of 640 pixels, at most twice, as face pipelines commonly do.
    pub enlarges: bool,
    /// Whether a protected face is aligned by the landmarks of the clean one, and not by those that are found anew.
    pub keeps_landmarks: bool,
}

impl Eyes {
    /// The faces of a frame, from `least` pixels up.
    ///
    /// # Errors
    /// What the detector reports.
    pub fn find(&mut self, frame: &FrameMut<'_>, least: f32) -> Result<Vec<Detection>> {
        if self.enlarges && frame.long_side() < COMMON_SIDE {
            return self.detector.detect_extra(frame, ExtraPass::Enlarged, false, least as u32, SCORE);
        }
        self.detector.detect(frame, least as u32, SCORE)
    }
}

/// One face of one frame.
#[derive(Debug, Clone)]
pub struct Sighting {
    /// Index of the frame.
    pub frame: usize,
    /// When it is shown.
    pub time: Duration,
    /// Index of the track.
    pub track: usize,
    /// Box, pixels of the clip.
    pub bbox: BBox,
    /// Landmarks, pixels of the clip.
    pub landmarks: Landmarks,
    /// Clean embeddings by recogniser; none in a frame that is only followed.
    pub embeddings: Embeddings,
}

/// The faces of a clip before it was protected.
#[derive(Debug, Default)]
pub struct Clean {
    /// Number of frames.
    pub frames: usize,
    /// Width and height of a frame, pixels.
    pub size: [usize; 2],
    /// Faces in the order of the frames, of tracks that are long enough.
    pub sightings: Vec<Sighting>,
    /// Number of tracks.
    pub tracks: usize,
    /// What stands for the person of a track, by recogniser.
    pub enrolled: Vec<Embeddings>,
}

impl Clean {
    /// Reads the clip, embeds the faces that are sampled, and enrols each person with the mean of its track.
    /// `step` is called after each frame, with the sightings in it, and says whether to go on; a frame with which it
    /// does not counts for nothing.
    pub fn read(
        frames: &mut impl Pictures,
        sampling: Sampling<'_>,
        eyes: &mut Eyes,
        mut step: impl FnMut(&mut Eyes, &mut Picture, &[Sighting]) -> Result<ControlFlow<()>>,
    ) -> Result<Self> {
        let specs: Vec<RecognizerSpec> = eyes.panel.specs().cloned().collect();
        let (mut trails, mut sightings) = (Vec::new(), Vec::new());
        let (mut count, mut size) = (0, [0, 0]);
        while let Some(mut picture) = frames.pull()? {
            size = [picture.width, picture.height];
            let (index, time) = (count, picture.time);
            let before = sightings.len();
            let frame = picture.frame()?;
            for face in eyes.find(&frame, MIN_FACE)? {
                let is_none = face.bbox.width < MIN_FACE || rect_of(&face.bbox, size).is_empty();
                if is_none || (sampling.skip)(index, &face.bbox) {
                    continue;
                }
                let mut embeddings = Vec::new();
                let is_new = |trails: &[Trail]| !trails.iter().any(|trail| trail.reaches(index, &face.bbox));
                if index % sampling.every == 0 || sampling.first && is_new(&trails) {
                    embeddings = eyes.panel.embed(&frame, &face.landmarks)?;
                }
                let track = follow(&mut trails, index, &face.bbox, &specs, &embeddings);
                sightings.push(Sighting {
                    frame: index,
                    time,
                    track,
                    bbox: face.bbox,
                    landmarks: face.landmarks,
                    embeddings,
                });
            }
            if step(eyes, &mut picture, &sightings[before..])?.is_break() {
                sightings.truncate(before);
                break;
            }
            count += 1;
        }
        let mut clean = Self { frames: count, size, sightings, tracks: 0, enrolled: Vec::new() };
        clean.keep(trails, sampling.least_looks);
        Ok(clean)
    }

    /// Enrols each person with the photograph, of those embedded in `photographs`, that is most like its track.
    pub fn enrol(&mut self, photographs: &[Embeddings], specs: &[RecognizerSpec]) {
        for enrolled in &mut self.enrolled {
            let apart = |photograph: &Embeddings| -> f32 {
                let pairs = specs.iter().zip(&*enrolled).zip(photograph);
                pairs.map(|((spec, mean), own)| margin(spec, mean, own)).sum()
            };
            let nearest = photographs.iter().min_by(|a, b| apart(a).total_cmp(&apart(b)));
            if let Some(nearest) = nearest.cloned() {
                *enrolled = nearest;
            }
        }
    }

    /// Keeps the tracks that are long enough.
    fn keep(&mut self, trails: Vec<Trail>, least_looks: usize) {
        let mut number = Vec::new();
        for trail in trails {
            let kept = trail.looks >= least_looks;
            number.push(kept.then_some(self.tracks));
            if kept {
                self.tracks += 1;
                self.enrolled.push(trail.sums.iter().map(|sum| mean_of(sum, trail.looks)).collect());
            }
        }
        self.sightings.retain_mut(|sighting| {
            let kept = number.get(sighting.track).copied().flatten();
            sighting.track = kept.unwrap_or_default();
            kept.is_some()
        });
    }
}

/// The faces of a clip, and what the element has done about them.
#[derive(Clone, Copy)]
pub struct Treated<'a> {
    pub clean: &'a Clean,
    /// By sighting: whether it is covered.
    pub covered: &'a [bool],
}

/// The box of a face as far as it lies in a frame of `size`.
pub fn rect_of(bbox: &BBox, [width, height]: [usize; 2]) -> Rect {
    Rect::covering(bbox.x, bbox.y, bbox.x + bbox.width, bbox.y + bbox.height, width, height)
}

/// A track while it is followed.
struct Trail {
    frame: usize,
    bbox: BBox,
    looks: usize,
    /// Sum of its embeddings, each as it is pooled, by recogniser.
    sums: Vec<Vec<f32>>,
}

/// The track that a face belongs to, which then ends with it.
fn follow(
    trails: &mut Vec<Trail>,
    frame: usize,
    bbox: &BBox,
    specs: &[RecognizerSpec],
    embeddings: &[Vec<f32>],
) -> usize {
    let fits = |trail: &&mut Trail| trail.reaches(frame, bbox) && trail.is(specs, embeddings);
    let candidates = trails.iter_mut().enumerate().filter(|(_, trail)| fits(trail));
    let nearest = candidates.min_by(|(_, a), (_, b)| a.distance(bbox).total_cmp(&b.distance(bbox)));
    let (index, trail) = match nearest {
        Some((index, trail)) => (index, trail),
        None => {
            let sums = specs.iter().map(|spec| vec![0.0; spec.embedding_len]).collect();
            trails.push(Trail { frame, bbox: *bbox, looks: 0, sums });
            let index = trails.len() - 1;
            (index, &mut trails[index])
        }
    };
    (trail.frame, trail.bbox) = (frame, *bbox);
    if !embeddings.is_empty() {
        trail.looks += 1;
        for ((sum, embedding), spec) in trail.sums.iter_mut().zip(embeddings).zip(specs) {
            pool(spec, sum, embedding);
        }
    }
    index
}

impl Trail {
    fn distance(&self, bbox: &BBox) -> f32 {
        let ([x, y], [other_x, other_y]) = (bbox.center(), self.bbox.center());
        (x - other_x).hypot(y - other_y)
    }

    /// Whether a face in a frame may be its next.
    fn reaches(&self, frame: usize, bbox: &BBox) -> bool {
        let lives = frame > self.frame && frame - self.frame <= PATIENCE;
        lives && self.distance(bbox) < REACH * bbox.width
    }

    /// Whether at least half of the recognisers take a face for its person; so where there is nothing to compare.
    fn is(&self, specs: &[RecognizerSpec], embeddings: &[Vec<f32>]) -> bool {
        if self.looks == 0 || embeddings.is_empty() {
            return true;
        }
        let pairs = self.sums.iter().zip(embeddings).zip(specs);
        let known = pairs.filter(|((sum, own), spec)| margin(spec, &mean_of(sum, self.looks), own) <= 0.0).count();
        2 * known >= specs.len()
    }
}

/// The largest face of a picture, embedded by every recogniser; none if there is no face.
pub fn enrolment(picture: &mut Picture, eyes: &mut Eyes) -> Result<Option<Embeddings>> {
    let frame = picture.frame()?;
    let faces = eyes.find(&frame, MIN_FACE)?;
    let Some(largest) = faces.iter().max_by(|a, b| a.bbox.size().total_cmp(&b.bbox.size())) else { return Ok(None) };
    eyes.panel.embed(&frame, &largest.landmarks).map(Some)
}
