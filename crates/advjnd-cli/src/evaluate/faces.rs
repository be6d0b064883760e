// SPDX-License-Identifier: MIT OR Apache-2.0
//! The faces of a clip as it was before it was protected: found frame by frame, followed by place, embedded, and the
//! person's enrolment.
//!
//! Nothing of the filter's own tracker is used. A face continues the track whose last place is nearest, unless most of
//! the recognisers take it for another person than that track's mean: then it begins a new one.

use std::time::Duration;

use advjnd::Result;
use advjnd::attack::margin;
use advjnd::face::{BBox, ChipCutter, Detector, Landmarks};
use advjnd::frame::Rect;
use advjnd::net::RecognizerSpec;
use advjnd_media::{Frames, Picture};

use super::panel::Panel;
use crate::pooling::{mean_of, pool};

/// Detector score from which something is a face.
pub const SCORE: f32 = 0.6;
/// Narrowest face that is looked at, pixels.
pub const MIN_FACE: f32 = 32.0;
/// A track that was not seen for so many frames has ended.
const PATIENCE: usize = 15;
/// How far a face may have moved since it was last seen, as a share of its width.
const REACH: f32 = 0.6;

/// Which faces of a clip are embedded, and which tracks count.
#[derive(Debug, Clone, Copy)]
pub struct Sampling {
    /// Those of every so many frames,
    pub every: usize,
    /// and the first of each track.
    pub first: bool,
    /// Tracks with fewer embedded faces have no mean to speak of.
    pub least_looks: usize,
}

/// What finds faces, and what recognises them.
pub struct Eyes {
    pub detector: Detector,
    pub panel: Panel,
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
    pub embeddings: Vec<Vec<f32>>,
}

/// The faces of a clip before it was protected.
#[derive(Debug)]
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
    pub enrolled: Vec<Vec<Vec<f32>>>,
}

impl Clean {
    /// Reads the clip, embeds the faces that are sampled, and enrols each person: with the embeddings of
    /// `photograph`, by recogniser, or else with the mean of its track. `step` is called after each frame.
    pub fn read(
        frames: &mut Frames,
        sampling: Sampling,
        eyes: &mut Eyes,
        photograph: Option<&[Vec<f32>]>,
        step: impl Fn(),
    ) -> Result<Self> {
        let specs: Vec<RecognizerSpec> = eyes.panel.specs().cloned().collect();
        let (mut trails, mut sightings, mut cutter) = (Vec::new(), Vec::new(), ChipCutter::default());
        let (mut count, mut size) = (0, [0, 0]);
        while let Some(mut picture) = frames.pull()? {
            size = [picture.width, picture.height];
            let (index, time) = (count, picture.time);
            let frame = picture.frame()?;
            for face in eyes.detector.detect(&frame, MIN_FACE as u32, SCORE)? {
                if face.bbox.width < MIN_FACE || rect_of(&face.bbox, size).is_empty() {
                    continue;
                }
                let mut embeddings = Vec::new();
                let is_new = |trails: &[Trail]| !trails.iter().any(|trail| trail.reaches(index, &face.bbox));
                if index % sampling.every == 0 || sampling.first && is_new(&trails) {
                    embeddings = eyes.panel.embed(&mut cutter, &frame, &face.landmarks)?;
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
            count += 1;
            step();
        }
        let mut clean = Self { frames: count, size, sightings, tracks: 0, enrolled: Vec::new() };
        clean.enrol(trails, sampling.least_looks, photograph);
        Ok(clean)
    }

    /// Keeps the tracks that are long enough.
    fn enrol(&mut self, trails: Vec<Trail>, least_looks: usize, photograph: Option<&[Vec<f32>]>) {
        let mut number = Vec::new();
        for trail in trails {
            let kept = trail.looks >= least_looks;
            number.push(kept.then_some(self.tracks));
            if kept {
                self.tracks += 1;
                let means = trail.sums.iter().map(|sum| mean_of(sum, trail.looks));
                self.enrolled.push(photograph.map_or_else(|| means.collect(), <[_]>::to_vec));
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
pub fn enrolment(picture: &mut Picture, eyes: &mut Eyes) -> Result<Option<Vec<Vec<f32>>>> {
    let frame = picture.frame()?;
    let faces = eyes.detector.detect(&frame, MIN_FACE as u32, SCORE)?;
    let Some(largest) = faces.iter().max_by(|a, b| a.bbox.size().total_cmp(&b.bbox.size())) else { return Ok(None) };
    eyes.panel.embed(&mut ChipCutter::default(), &frame, &largest.landmarks).map(Some)
}
