// SPDX-License-Identifier: MIT OR Apache-2.0
//! The protected file beside its original, frame by frame, in one walk over both.

use std::cell::Cell;
use std::ops::ControlFlow;
use std::path::Path;

use advjnd::face::{BBox, Landmarks};
use advjnd::frame::Rect;
use advjnd::{Error, Result};
use advjnd_media::{Frames, Picture, Pictures};
use indicatif::ProgressBar;

use super::chosen::Kept;
use super::judgement::{UNTOUCHED, Usual, suspects};
use super::reference::{Kind, Original, Reference, Second, sampling};
use super::second::SecondLook;
use super::{Bench, Verify, video};
use crate::evaluate::{Clean, Eyes, Look, Looked, MIN_FACE, Quality, Sampling, Sighting, Treatment, inspect, of_box};
use crate::protect::checksum;

/// Mean change of a frame, code values, from which it shows something else.
const OTHER_SCENE: f64 = 30.0;
/// One byte of so many is compared.
const STEP: usize = 31;
/// What of the surroundings of a face may be covered, boxes.
const AROUND: f32 = 1.8;

/// Holds the protected file against its original.
///
/// # Errors
/// [`Error::Input`] where a file cannot be read, or the two do not show the same.
pub fn compare(verify: &Verify, original: &Path, bench: &mut Bench) -> Result<Reference> {
    bench.progress.set_message("the original");
    let sha256 = checksum(original)?;
    let choice = verify.choice();
    let analysis = verify.faces.as_ref().map(|path| choice.read(path, original, &sha256)).transpose()?;
    let kept = Kept::of(analysis.as_ref());
    let left_out = Cell::new(0);
    let skip = |frame: usize, bbox: &BBox| {
        let is_kept = kept.holds(frame, bbox);
        left_out.set(left_out.get() + u64::from(is_kept));
        is_kept
    };
    let sampling = Sampling { skip: &skip, ..sampling(verify) };
    let mut walk = Walk::begin(verify, original, &kept, &mut bench.second, bench.progress.clone())?;
    let mut frames = video::original(original, &verify.decoding())?;
    let clean = Clean::read(&mut frames, sampling, &mut bench.eyes, |eyes, picture, sightings| {
        walk.step(eyes, picture, sightings)
    })?;
    walk.end()?;
    let Walk { treatments, looks, mut untouched, checked, second, quality, .. } = walk;
    let late: Vec<usize> =
        suspects(&clean, &treatments).into_iter().filter(|index| checked.binary_search(index).is_err()).collect();
    visit(verify, original, &clean, &late, |sighting, before, after| {
        let is_as_before = shows_the_same(&sighting.landmarks, before, after, &mut bench.eyes)?;
        untouched.extend(Some(sighting.frame).filter(|_| is_as_before));
        Ok(())
    })?;
    Ok(Reference {
        kind: Kind::Original,
        clean,
        treatments,
        looks,
        untouched: Some(untouched),
        second: Some(second),
        left_out: left_out.get(),
        quality,
        original: Some(Original { path: original.display().to_string(), sha256 }),
    })
}

/// Calls `visit` with the faces of `clean` with these indices, increasing, and their frames in both files.
///
/// # Errors
/// [`Error::Input`] where a file cannot be read, and what `visit` reports.
pub fn visit(
    verify: &Verify,
    original: &Path,
    clean: &Clean,
    indices: &[usize],
    mut visit: impl FnMut(&Sighting, &mut Picture, &mut Picture) -> Result<()>,
) -> Result<()> {
    let mut next = indices.iter().map(|index| &clean.sightings[*index]).peekable();
    if next.peek().is_none() {
        return Ok(());
    }
    let (mut before, mut after) =
        (video::original(original, &verify.decoding())?, video::protected(&verify.protected)?);
    let mut count = 0;
    while next.peek().is_some()
        && let (Some(mut clean_frame), Some(protected)) = (before.pull()?, after.pull()?)
    {
        let mut protected = cropped(protected, &clean_frame);
        while let Some(sighting) = next.next_if(|sighting| sighting.frame == count) {
            visit(sighting, &mut clean_frame, &mut protected)?;
        }
        count += 1;
    }
    Ok(())
}

/// What is found on the way.
struct Walk<'a> {
    verify: &'a Verify,
    original: &'a Path,
    kept: &'a Kept,
    second_look: &'a mut SecondLook,
    progress: ProgressBar,
    protected: Frames,
    frame: usize,
    /// Whether a preview ended.
    ended: bool,
    usual: Usual,
    treatments: Vec<Treatment>,
    looks: Vec<Look>,
    /// Frames of faces that are as they were, of those that are not among the looks.
    untouched: Vec<usize>,
    /// Sightings that were looked at for that.
    checked: Vec<usize>,
    second: Second,
    quality: Quality,
}

impl<'a> Walk<'a> {
    fn begin(
        verify: &'a Verify,
        original: &'a Path,
        kept: &'a Kept,
        second_look: &'a mut SecondLook,
        progress: ProgressBar,
    ) -> Result<Self> {
        Ok(Self {
            verify,
            original,
            kept,
            second_look,
            progress,
            protected: video::protected(&verify.protected)?,
            frame: 0,
            ended: false,
            usual: Usual::default(),
            treatments: Vec::new(),
            looks: Vec::new(),
            untouched: Vec::new(),
            checked: Vec::new(),
            second: Second::default(),
            quality: Quality::default(),
        })
    }

    /// The next frame of the original, and the faces in it.
    fn step(&mut self, eyes: &mut Eyes, clean: &mut Picture, faces: &[Sighting]) -> Result<ControlFlow<()>> {
        let is_over = self.verify.preview.is_some_and(|seconds| clean.time.as_secs_f64() >= seconds);
        let Some(protected) = self.protected.pull()?.filter(|_| !is_over) else {
            if is_over {
                self.ended = true;
                return Ok(ControlFlow::Break(()));
            }
            return Err(self.unlike("it has fewer frames; was it made with --preview?"));
        };
        let mut protected = cropped(protected, clean);
        let sizes = [(clean.width, clean.height), (protected.width, protected.height)];
        if sizes[0] != sizes[1] {
            return Err(self.unlike(&format!("its frames are {:?} and not {:?}", sizes[1], sizes[0])));
        }
        let places: Vec<BBox> = faces.iter().map(|face| face.bbox.scaled(AROUND)).collect();
        if change(clean, &protected, &places) > OTHER_SCENE {
            return Err(self.unlike(&format!("frame {} shows something else", self.frame)));
        }
        let mut looked = Looked::new(&mut protected, [clean.width, clean.height]);
        for face in faces {
            self.see(eyes, face, clean, &mut looked)?;
        }
        if self.frame.is_multiple_of(self.verify.every as usize) {
            self.look_again(eyes, faces, clean, &mut protected)?;
        }
        self.frame += 1;
        self.progress.tick();
        Ok(ControlFlow::Continue(()))
    }

    /// Looks at a face: as recognisers do where it is sampled, and else whether it is as it was.
    fn see(&mut self, eyes: &mut Eyes, face: &Sighting, clean: &mut Picture, looked: &mut Looked<'_>) -> Result<()> {
        let index = self.treatments.len();
        let treatment = inspect(face, clean, looked.picture, &mut self.quality)?;
        self.treatments.push(treatment);
        let is_little = self.usual.is_little(face.track, &treatment);
        if treatment.flat {
            return Ok(());
        }
        if !face.embeddings.is_empty() {
            let (embeddings, found) = looked.look(face, eyes)?;
            self.looks.push(Look { sighting: index, found, embeddings });
        } else if is_little {
            self.checked.push(index);
            if shows_the_same(&face.landmarks, clean, looked.picture, eyes)? {
                self.untouched.push(face.frame);
            }
        }
        Ok(())
    }

    /// Looks for faces that the first detector missed.
    fn look_again(
        &mut self,
        eyes: &mut Eyes,
        faces: &[Sighting],
        clean: &mut Picture,
        protected: &mut Picture,
    ) -> Result<()> {
        let mut known: Vec<BBox> = faces.iter().map(|face| face.bbox).collect();
        known.extend(self.kept.places(self.frame));
        let found = self.second_look.find(clean, &known, MIN_FACE)?;
        self.second.doubtful += found.doubtful as u64;
        for face in found.faces {
            self.second.faces += 1;
            let is_covered = of_box(&face.bbox, clean, protected)?.is_some_and(|treatment| treatment.flat);
            if !is_covered && shows_the_same(&face.landmarks, clean, protected, eyes)? {
                self.second.untouched += 1;
                self.untouched.push(self.frame);
            }
        }
        Ok(())
    }

    /// What is left of the protected file when the original has ended.
    fn end(&mut self) -> Result<()> {
        if !self.ended && self.protected.pull()?.is_some() {
            return Err(self.unlike("it has more frames; was it made with --both-fields?"));
        }
        Ok(())
    }

    fn unlike(&self, how: &str) -> Error {
        let (protected, original) = (self.verify.protected.display(), self.original.display());
        Error::input(format!("{protected} was not made of {original}: {how}; give the file that it was made of"))
    }
}

/// Whether recognisers take the face with `landmarks` for the same in both frames.
fn shows_the_same(landmarks: &Landmarks, before: &mut Picture, after: &mut Picture, eyes: &mut Eyes) -> Result<bool> {
    let (before, after) = (before.frame()?, after.frame()?);
    eyes.panel.agree([&before, &after], landmarks, UNTOUCHED)
}

/// Mean change of the bytes that are compared, outside of `faces`; none where these fill the frame.
fn change(before: &Picture, after: &Picture, faces: &[BBox]) -> f64 {
    let is_free = |at: usize| {
        let place = [(at / 3 % before.width) as f32, (at / 3 / before.width) as f32];
        !faces.iter().any(|face| face.contains(place))
    };
    let pairs = before.pixels.iter().zip(&after.pixels).enumerate().step_by(STEP).filter(|(at, _)| is_free(*at));
    let add = |(sum, count), (_, (a, b)): (usize, (&u8, &u8))| (sum + u64::from(a.abs_diff(*b)), count + 1);
    let (sum, count): (u64, u64) = pairs.fold((0, 0), add);
    if count < (before.pixels.len() / STEP / 10) as u64 { 0.0 } else { sum as f64 / count.max(1) as f64 }
}

/// A frame without the column or row that encoders need where a size is odd.
fn cropped(frame: Picture, as_large_as: &Picture) -> Picture {
    let (width, height) = (as_large_as.width, as_large_as.height);
    let is_one_more = |own: usize, wanted: usize| own == wanted || own == wanted + 1 && wanted % 2 == 1;
    let fits = is_one_more(frame.width, width) && is_one_more(frame.height, height);
    if (frame.width, frame.height) == (width, height) || !fits {
        return frame;
    }
    frame.cut(Rect { x: 0, y: 0, width, height })
}
