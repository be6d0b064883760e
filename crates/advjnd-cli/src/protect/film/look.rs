// SPDX-License-Identifier: MIT OR Apache-2.0
//! A video file, decoded and looked at by the filter, frame by frame; nothing is written.

use std::path::Path;
use std::time::{Duration, Instant};

use advjnd::{Error, Result};
use advjnd_media::{Picture, fault, require};
use gst::prelude::*;
use gst_video::VideoRegionOfInterestMeta;

use super::super::kind::{Kind, Refusal, kind};
use super::super::settings::{ELEMENT, Settings};
use super::source::Source;
use super::stream::{Found, main_video};
use super::video::Video;
use super::{PACKAGES, leave_out};

/// How long to wait for a frame before a look at what elements report.
const PATIENCE: gst::ClockTime = gst::ClockTime::from_mseconds(200);

/// A face as the filter reports it.
#[derive(Debug, Clone, Copy)]
pub struct Looked {
    /// The number of its track.
    pub track: i32,
    /// Left, top, width and height, pixels.
    pub bbox: [f32; 4],
    /// The eyes, the nose and the corners of the mouth.
    pub landmarks: [[f32; 2]; 5],
    /// Whether anybody saw the landmarks; if not, they are a guess.
    pub aligned: bool,
    /// The detector's, 0..=1; 0 where the face is expected and was not seen.
    pub score: f32,
}

/// The frames of a file and the faces in them.
#[derive(Debug)]
pub struct Looks {
    decoded: Decoded,
    clean: gst_app::AppSink,
    looked: gst_app::AppSink,
}

impl Looks {
    /// Opens `input`, to be looked at with `settings`; a file that gives no frame for `timeout` is given up.
    ///
    /// # Errors
    /// [`Error::Input`] with what is wrong with the file, or missing here.
    pub fn open(input: &Path, settings: &Settings, timeout: Duration) -> Result<Self> {
        let (decoded, video) = Decoded::open(input, timeout, |found| Video::looked_at(found, settings))?;
        Ok(Self { decoded, clean: sink(&video, "clean")?, looked: sink(&video, "looked")? })
    }

    /// How long the file says it is, seconds.
    pub fn seconds(&self) -> Option<f64> {
        self.decoded.duration.map(gst::ClockTime::seconds_f64)
    }

    /// The next frame as it came, and the faces in it; `None` at the end.
    ///
    /// # Errors
    /// [`Error::Input`] with what an element reports, or that nothing comes any more.
    pub fn next(&mut self) -> Result<Option<(Picture, Vec<Looked>)>> {
        let Some(looked) = self.decoded.pull(&self.looked)? else { return Ok(None) };
        let lost = || Error::input("a frame was lost on its way through the filter");
        let clean = self.decoded.pull(&self.clean)?.ok_or_else(lost)?;
        let time = |sample: &gst::Sample| sample.buffer().and_then(gst::BufferRef::pts);
        if time(&clean) != time(&looked) {
            return Err(lost());
        }
        let faces = looked.buffer().map(faces).unwrap_or_default();
        Ok(Some((Picture::of(&clean)?, faces)))
    }
}

/// The frames of a file as the filter would get them.
#[cfg(feature = "measure")]
#[derive(Debug)]
pub struct CleanFrames {
    decoded: Decoded,
    clean: gst_app::AppSink,
}

#[cfg(feature = "measure")]
impl CleanFrames {
    /// Those of `input`, decoded as for `settings`; a file that gives no frame for `timeout` is given up.
    ///
    /// # Errors
    /// [`Error::Input`] with what is wrong with the file, or missing here.
    pub fn open(input: &Path, settings: &Settings, timeout: Duration) -> Result<Self> {
        let (decoded, video) = Decoded::open(input, timeout, |found| Video::clean(found, settings))?;
        Ok(Self { decoded, clean: sink(&video, "clean")? })
    }
}

#[cfg(feature = "measure")]
impl advjnd_media::Pictures for CleanFrames {
    fn pull(&mut self) -> Result<Option<Picture>> {
        self.decoded.pull(&self.clean)?.map(|sample| Picture::of(&sample)).transpose()
    }
}

/// A file whose main video is decoded.
#[derive(Debug)]
struct Decoded {
    source: Source,
    duration: Option<gst::ClockTime>,
    timeout: Duration,
}

impl Decoded {
    /// Starts to decode the main video of `input`, into what `branch` makes for it.
    fn open(input: &Path, timeout: Duration, branch: impl Fn(&Found) -> Result<Video>) -> Result<(Self, Video)> {
        require(&PACKAGES)?;
        let caps = match kind(input)? {
            Ok(Kind::Film(caps)) => caps,
            Ok(Kind::Still(_)) => return Err(Error::input("it is a picture; give a video")),
            Err(Refusal::Other(reason) | Refusal::Unfit(reason)) => return Err(Error::Input(reason)),
        };
        let mut source = Source::open(input, &caps)?;
        let main = main_video(&source.streams)?;
        for found in source.streams.iter().enumerate().filter(|(index, _)| *index != main).map(|(_, found)| found) {
            leave_out(&source.pipeline, &found.queued)?;
        }
        let found = &source.streams[main];
        let video = branch(found)?;
        video.link(&source.pipeline, &found.queued, None)?;
        source.streams.iter_mut().for_each(Found::release);
        // Why it does not start is told where the first frame does not come.
        let _ = source.pipeline.set_state(gst::State::Playing);
        let duration = source.duration();
        Ok((Self { source, duration, timeout }, video))
    }

    fn pull(&self, sink: &gst_app::AppSink) -> Result<Option<gst::Sample>> {
        let begun = Instant::now();
        loop {
            if let Some(sample) = sink.try_pull_sample(PATIENCE) {
                return Ok(Some(sample));
            }
            if let Some(error) = fault(&self.source.pipeline) {
                return Err(error);
            }
            if sink.is_eos() {
                return Ok(None);
            }
            if begun.elapsed() > self.timeout {
                let seconds = self.timeout.as_secs();
                return Err(Error::input(format!("it gave no frame for {seconds} seconds; it is damaged")));
            }
        }
    }
}

fn sink(video: &Video, name: &str) -> Result<gst_app::AppSink> {
    let sink = video.bin.by_name(name).and_then(|sink| sink.downcast().ok());
    sink.ok_or_else(|| Error::input("the video branch lost a sink"))
}

/// The faces of a frame that have a pixel in it.
fn faces(buffer: &gst::BufferRef) -> Vec<Looked> {
    let faces = buffer.iter_meta::<VideoRegionOfInterestMeta>().filter_map(|meta| face(&meta));
    faces.filter(|face| face.bbox[2] > 0.0 && face.bbox[3] > 0.0).collect()
}

fn face(meta: &VideoRegionOfInterestMeta) -> Option<Looked> {
    let said = meta.param(ELEMENT)?;
    let array = said.get::<gst::Array>("landmarks").ok()?;
    let numbers: Vec<f32> = array.iter().map(|value| value.get().ok()).collect::<Option<_>>()?;
    let numbers: &[f32; 10] = numbers.as_slice().try_into().ok()?;
    let landmarks = [0, 1, 2, 3, 4].map(|point| [numbers[2 * point], numbers[2 * point + 1]]);
    let (x, y, width, height) = meta.rect();
    let bbox = [x, y, width, height].map(|value| value as f32);
    let (aligned, score) = (said.get("aligned").ok()?, said.get::<f64>("score").ok()? as f32);
    Some(Looked { track: meta.id(), bbox, landmarks, aligned, score })
}
