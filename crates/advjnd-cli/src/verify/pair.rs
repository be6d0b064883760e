// SPDX-License-Identifier: MIT OR Apache-2.0
//! The two files, frame by frame.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use advjnd::face::{BBox, ChipCutter};
use advjnd::{Error, Result};
use advjnd_media::{Frames, Picture, UPRIGHT};
use gst::prelude::*;

use super::judgement::is_untouched;
use super::page::Shown;
use crate::evaluate::{Clean, Eyes, MIN_FACE, SCORE, Sighting, Treatment, Variant, nearest, treatment};

/// Mean change of a frame, code values, from which it shows something else.
const OTHER_SCENE: f64 = 30.0;
/// One byte of so many is compared.
const STEP: usize = 31;
/// What of the surroundings of a face may be covered, boxes.
const AROUND: f32 = 1.8;

/// A protected file and its original.
#[derive(Debug, Clone, Copy)]
pub struct Pair<'a> {
    pub original: &'a Path,
    pub protected: &'a Path,
}

impl Pair<'_> {
    /// The frames of the original.
    ///
    /// # Errors
    /// [`Error::Input`] where it cannot be read.
    pub fn clean(&self) -> Result<Frames> {
        frames(self.original, "")
    }

    /// The protected frames, of `size`, after what `variant` does to them.
    ///
    /// # Errors
    /// [`Error::Input`] where they cannot be read.
    pub fn protected_through(&self, variant: &Variant, size: [usize; 2]) -> Result<Frames> {
        frames(self.protected, &variant.elements(size))
    }

    /// By face of `clean`, what became of its pixels. `step` is called after each frame.
    ///
    /// # Errors
    /// [`Error::Input`] where the two files do not show the same.
    pub fn treatments(&self, clean: &Clean, step: impl Fn()) -> Result<Vec<Treatment>> {
        let (mut before, mut after) = (self.clean()?, frames(self.protected, "")?);
        let mut treatments = Vec::with_capacity(clean.sightings.len());
        for index in 0.. {
            let (clean_frame, protected) = match (before.pull()?, after.pull()?) {
                (Some(clean_frame), Some(protected)) => (clean_frame, protected),
                (None, None) => break,
                (longer, _) => {
                    let which = if longer.is_some() { "fewer" } else { "more" };
                    return Err(self.unlike(&format!("it has {which} frames")));
                }
            };
            let protected = cropped(protected, &clean_frame);
            let sizes = [(clean_frame.width, clean_frame.height), (protected.width, protected.height)];
            if sizes[0] != sizes[1] {
                return Err(self.unlike(&format!("its frames are {:?} and not {:?}", sizes[1], sizes[0])));
            }
            let own = || clean.sightings[treatments.len()..].iter().take_while(|sighting| sighting.frame == index);
            let faces: Vec<BBox> = own().map(|sighting| sighting.bbox.scaled(AROUND)).collect();
            if change(&clean_frame, &protected, &faces) > OTHER_SCENE {
                return Err(self.unlike(&format!("frame {index} shows something else")));
            }
            let own: Vec<_> =
                own().map(|sighting| treatment(sighting, &clean_frame, &protected)).collect::<Result<_>>()?;
            treatments.extend(own);
            step();
        }
        Ok(treatments)
    }

    /// The frames of those faces of `clean`, by increasing indices, that recognisers take for the clean ones of the
    /// same frames. `step` is called after each face.
    ///
    /// # Errors
    /// [`Error::Input`] where a file cannot be read.
    pub fn untouched(&self, clean: &Clean, indices: &[usize], eyes: &mut Eyes, step: impl Fn()) -> Result<Vec<usize>> {
        let (mut untouched, mut cutter) = (Vec::new(), ChipCutter::default());
        self.visit(clean, indices, |sighting, before, after| {
            let own = eyes.panel.embed(&mut cutter, &before.frame()?, &sighting.landmarks)?;
            let frame = after.frame()?;
            let faces = eyes.detector.detect(&frame, MIN_FACE as u32, SCORE)?;
            let landmarks = nearest(&faces, &sighting.bbox).map_or(sighting.landmarks, |face| face.landmarks);
            if is_untouched(&own, &eyes.panel.embed(&mut cutter, &frame, &landmarks)?) {
                untouched.push(sighting.frame);
            }
            step();
            Ok(())
        })?;
        Ok(untouched)
    }

    /// The faces of `clean` with these indices, increasing, as they were and as they are.
    ///
    /// # Errors
    /// [`Error::Input`] where a file cannot be read.
    pub fn shown(&self, clean: &Clean, indices: &[usize]) -> Result<Vec<Shown>> {
        let mut shown = Vec::new();
        self.visit(clean, indices, |sighting, before, after| {
            let caption = format!("{:.2} s, frame {}", sighting.time.as_secs_f64(), sighting.frame);
            shown.push(Shown::new(caption, before, after, &sighting.bbox)?);
            Ok(())
        })?;
        Ok(shown)
    }

    /// Calls `visit` with the faces of `clean` with these indices, increasing, and their frames in both files.
    fn visit(
        &self,
        clean: &Clean,
        indices: &[usize],
        mut visit: impl FnMut(&Sighting, &mut Picture, &mut Picture) -> Result<()>,
    ) -> Result<()> {
        let mut next = indices.iter().map(|index| &clean.sightings[*index]).peekable();
        if next.peek().is_none() {
            return Ok(());
        }
        let (mut before, mut after) = (self.clean()?, frames(self.protected, "")?);
        let mut count = 0;
        while next.peek().is_some()
            && let (Some(mut clean_frame), Some(mut protected)) = (before.pull()?, after.pull()?)
        {
            while let Some(sighting) = next.next_if(|sighting| sighting.frame == count) {
                visit(sighting, &mut clean_frame, &mut protected)?;
            }
            count += 1;
        }
        Ok(())
    }

    fn unlike(&self, how: &str) -> Error {
        let (protected, original) = (self.protected.display(), self.original.display());
        Error::input(format!("{protected} was not made of {original}: {how}; give the file that it was made of"))
    }
}

fn frames(file: &Path, behind: &str) -> Result<Frames> {
    if !file.is_file() {
        return Err(Error::input(format!("there is no file {}; name a video", file.display())));
    }
    let named = |error| Error::input(format!("{}: {error}", file.display()));
    let source = format!("filesrc name=read ! decodebin name=decode ! queue ! {UPRIGHT}{behind} ! queue");
    Frames::of(&source, |pipeline| {
        let lost = || Error::input("the pipeline has no source");
        pipeline.by_name("read").ok_or_else(lost)?.set_property("location", file);
        pipeline.by_name("decode").iter().for_each(refuse_further_videos);
        Ok(())
    })
    .map_err(named)
}

/// Has a second video that `decoder` finds end in an error: nobody would look at it.
fn refuse_further_videos(decoder: &gst::Element) {
    let found = AtomicUsize::new(0);
    decoder.connect_pad_added(move |decoder, pad| {
        let caps = pad.current_caps();
        let is_video = caps.is_some_and(|caps| caps.structure(0).is_some_and(|caps| caps.name() == "video/x-raw"));
        if is_video && found.fetch_add(1, Ordering::Relaxed) > 0 {
            gst::element_error!(
                decoder,
                gst::StreamError::Format,
                ("there is more than one video in the file, and only one is looked at; write each to a file of its own")
            );
        }
    });
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
    if (frame.width, frame.height) == (width, height)
        || !is_one_more(frame.width, width)
        || !is_one_more(frame.height, height)
    {
        return frame;
    }
    let rows = frame.pixels.chunks_exact(3 * frame.width).take(height);
    let pixels = rows.flat_map(|row| &row[..3 * width]).copied().collect();
    Picture { pixels, width, height, ..frame }
}
