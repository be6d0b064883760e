// SPDX-License-Identifier: MIT OR Apache-2.0
//! A video file: taken apart, its picture decoded, protected and encoded, its sound taken over, put together.

mod byte_order;
mod changes;
mod completeness;
mod end;
mod flow;
mod given;
mod headers;
mod look;
mod sound;
mod source;
mod stream;
mod subtitles;
mod system_clock;
mod tags;
mod tracks;
mod video;
mod watch;

use advjnd::{Error, Result};
use advjnd_media::{fault, require};
use gst::prelude::*;
use gstadvjndprotect::advjndprotect::people::KEPT;

use super::container::Container;
use super::message::{Begun, Fate, Files, Job, Message, Outcome, Progress, Stream, frames};
use changes::Changes;
use completeness::Completeness;
use end::End;
use source::Source;
use stream::{Found, Kind, main_video};
use tracks::Tracks;
use video::Video;
use watch::Watch;

#[cfg(feature = "measure")]
pub use look::CleanFrames;
pub use look::{Looked, Looks};

/// How often progress is reported.
const TELLING: gst::ClockTime = gst::ClockTime::from_mseconds(200);
/// What a probe returns for what it leaves out. After `Drop`, GStreamer before 1.24.8 complains of an object that is
/// NULL where the probe is written in Rust.
const LEFT_OUT: gst::PadProbeReturn = gst::PadProbeReturn::Handled;
/// What is needed beyond the core, and where Debian keeps it.
const PACKAGES: [(&str, &str); 9] = [
    ("decodebin", "gstreamer1.0-plugins-base"),
    ("deinterlace", "gstreamer1.0-plugins-good"),
    ("capssetter", "gstreamer1.0-plugins-good"),
    ("videobox", "gstreamer1.0-plugins-good"),
    ("mp4mux", "gstreamer1.0-plugins-good"),
    ("matroskamux", "gstreamer1.0-plugins-good"),
    ("h264parse", "gstreamer1.0-plugins-bad"),
    ("x264enc", "gstreamer1.0-plugins-ugly"),
    ("avenc_ffv1", "gstreamer1.0-libav"),
];

/// Protects the video of a file that is of the type `caps`; `tell` gets how far it has come.
///
/// # Errors
/// [`Error::Input`] with what is wrong with the file, or missing here.
pub fn protect(files: &Files, job: &Job, caps: &gst::Caps, tell: &impl Fn(&Message)) -> Result<Outcome> {
    require(&PACKAGES)?;
    let mut source = Source::open(&files.input, caps)?;
    let main = main_video(&source.streams)?;
    // What an element says is nearer to the cause than what failed for it.
    let film = Film::new(files, job, &source, main);
    let film = film.map_err(|error| fault(&source.pipeline).unwrap_or(error))?;
    tell(&Message::Begun(film.begun(&source, main, job)));
    let whole = Completeness::of(&source.streams, main);
    let mut outcome = Outcome { warnings: film.run(&mut source, tell)?, ..Outcome::default() };
    film.end.check()?;
    let stats: Vec<gst::Structure> =
        film.videos.iter().map(|video| Ok(video.protect()?.property("stats"))).collect::<Result<_>>()?;
    // A stream may tell its language with its first data.
    let formats: Vec<_> = source.streams.iter().map(Found::format).collect();
    source.pipeline.set_state(gst::State::Null).map_err(made)?;

    stats.iter().for_each(|stats| outcome.add(stats));
    if film.watch.progress().frames == 0 && outcome.frames_dropped == 0 {
        return Err(Error::input("no frame of it could be decoded; it is damaged, or empty"));
    }
    if job.settings.preview.is_none() {
        let decoded = stats.first().map_or(0, |stats| frames(stats));
        let said = film.duration.filter(|_| !film.end.has_cut());
        outcome.warnings.extend(whole.missing(decoded, film.watch.progress().at, caps, said));
    }
    outcome.streams = film.streams;
    outcome.streams.iter_mut().zip(formats).for_each(|(stream, format)| stream.format = format);
    outcome.changes = film.changes.list();
    outcome.covered_spans = film.watch.covered_spans();
    outcome.shown_at = film.watch.most_telling();
    outcome.kept = job.marks.as_ref().map(|marks| marks.kept.clone()).unwrap_or_default();
    Ok(outcome)
}

/// A pipeline that is put together.
struct Film {
    /// The main one first.
    videos: Vec<Video>,
    changes: Changes,
    watch: Watch,
    end: End,
    streams: Vec<Stream>,
    duration: Option<gst::ClockTime>,
}

impl Film {
    /// Links all streams of `source`, of which `main` is the video that people mean.
    fn new(files: &Files, job: &Job, source: &Source, main: usize) -> Result<Self> {
        let pipeline = &source.pipeline;
        let duration = source.duration();
        let muxer = gst::ElementFactory::make(job.container.muxer()).build().map_err(made)?;
        let sink = gst::ElementFactory::make("filesink").property("location", &files.output).build().map_err(made)?;
        pipeline.add_many([&muxer, &sink]).map_err(made)?;
        muxer.link(&sink).map_err(made)?;

        let end = End::default();
        let tracks = Tracks { pipeline, muxer: &muxer, end: &end, settings: &job.settings };
        let (mut videos, changes, watch) = (Vec::new(), Changes::default(), Watch::default());
        let mut streams = Vec::new();
        for (index, found) in source.streams.iter().enumerate() {
            let from = found.queued.clone();
            let is_main = index == main;
            let refusal = match found.kind {
                _ if is_main => None,
                _ if found.flow.is_empty() => Some("there is nothing in it".to_owned()),
                Kind::Video if job.settings.strip => Some("--strip".to_owned()),
                Kind::Video => found.undecodable(),
                Kind::Sound => sound::refusal(&tracks, found),
                Kind::Subtitles => subtitles::refusal(&tracks, found),
                Kind::Picture => Some("it is not protected".to_owned()),
                Kind::Data => Some("it is neither picture nor sound".to_owned()),
            };
            streams.push(match (refusal, found.kind) {
                (Some(reason), _) => {
                    leave_out(pipeline, &from)?;
                    found.report(Fate::LeftOut, Some(reason))
                }
                (None, Kind::Sound) => sound::take(&tracks, found, &from)?,
                (None, Kind::Subtitles) => subtitles::take(&tracks, found, &from, job.container)?,
                (None, _) => {
                    let into = tracks.video(is_main)?;
                    let video = Video::new(found, &job.settings, &changes)?;
                    // In other videos the filter looks for faces itself.
                    if let Some(marks) = job.marks.as_ref().filter(|_| is_main) {
                        given::give(&video.protect()?, marks.clone())?;
                    }
                    if let Some(seconds) = job.settings.preview {
                        video.end_after(seconds, &from)?;
                    }
                    video.link(pipeline, &from, Some(&into))?;
                    watch.follow(&video.protected()?, is_main);
                    let place = if is_main { 0 } else { videos.len() };
                    videos.insert(place, video);
                    let codec = if job.settings.lossless { "FFV1" } else { "H.264" };
                    found.report(Fate::Protected, Some(codec.to_owned()))
                }
            });
        }
        streams.extend(chapters(source, job));
        for element in [&muxer, &sink] {
            element.sync_state_with_parent().map_err(made)?;
        }
        Ok(Self { videos, changes, watch, end, streams, duration })
    }

    fn begun(&self, source: &Source, main: usize, job: &Job) -> Begun {
        let format = source.streams.get(main).map(Found::format).unwrap_or_default();
        let seconds = self.duration.map(gst::ClockTime::seconds_f64);
        let seconds = match (seconds, job.settings.preview) {
            (Some(all), Some(preview)) => Some(all.min(preview)),
            (all, preview) => all.or(preview),
        };
        Begun { stream: format!("video stream {main} ({format})"), seconds }
    }

    /// Runs to the end, and returns the warnings.
    fn run(&self, source: &mut Source, tell: &impl Fn(&Message)) -> Result<Vec<String>> {
        let bus = source.pipeline.bus().ok_or_else(|| Error::input("the pipeline has no bus"))?;
        source.streams.iter_mut().for_each(Found::release);
        // Why it does not start is on the bus.
        let _ = source.pipeline.set_state(gst::State::Playing);
        let kinds = [gst::MessageType::Eos, gst::MessageType::Error, gst::MessageType::Warning];
        let mut warnings = Vec::new();
        loop {
            match bus.timed_pop_filtered(TELLING, &kinds).as_ref().map(|message| message.view()) {
                Some(gst::MessageView::Eos(_)) => {
                    tell(&Message::Progress(Progress { ended: true, ..self.watch.progress() }));
                    return Ok(warnings);
                }
                Some(gst::MessageView::Error(error)) => return Err(said(error)),
                // What the user chose is told by the outcome.
                Some(gst::MessageView::Warning(warning))
                    if warning.details().is_some_and(|details| details.name() == KEPT) => {}
                Some(gst::MessageView::Warning(warning)) => {
                    let warning = warning.error().to_string();
                    if !warnings.contains(&warning) {
                        warnings.push(warning);
                    }
                }
                _ => (),
            }
            tell(&Message::Progress(self.watch.progress()));
        }
    }
}

/// What becomes of the chapters, if there are any.
fn chapters(source: &Source, job: &Job) -> Option<Stream> {
    source.streams.iter().find_map(|found| found.parsed.sticky_event::<gst::event::Toc>(0))?;
    let refusal = match job.container {
        _ if job.settings.strip => Some("--strip"),
        Container::Matroska => None,
        Container::Mp4 | Container::Mov => Some("only .mkv is written with chapters; name such an output"),
    };
    let fate = if refusal.is_some() { Fate::LeftOut } else { Fate::Copied };
    let (kind, format) = ("chapters".to_owned(), "titles and times".to_owned());
    Some(Stream { kind, format, fate, detail: refusal.map(str::to_owned) })
}

fn leave_out(pipeline: &gst::Pipeline, from: &gst::Pad) -> Result<()> {
    let sink = gst::ElementFactory::make("fakesink").property("async", false).property("sync", false);
    let sink = sink.build().map_err(made)?;
    pipeline.add(&sink).map_err(made)?;
    sink.sync_state_with_parent().map_err(made)?;
    let into = sink.static_pad("sink").ok_or_else(|| Error::input("a sink has no pad"))?;
    from.link(&into).map(|_| ()).map_err(made)
}

/// What cannot be put together.
fn made(error: impl std::fmt::Display) -> Error {
    Error::input(format!("the pipeline cannot be put together: {error}"))
}

/// What an element reports.
fn said(error: &gst::message::Error) -> Error {
    let debug = error.debug().unwrap_or_default();
    // The first line tells where in the source code it is reported.
    let cause = debug.lines().skip(1).last().map(str::trim).filter(|line| !line.is_empty());
    let said = cause.map_or_else(|| error.error().to_string(), |cause| format!("{} ({cause})", error.error()));
    let said = said.trim_end_matches('.');
    let is_remedy_told = said.contains(';') || said.contains("install");
    let remedy =
        if is_remedy_told { "" } else { "; if players show the file, convert it first: ffmpeg -i FILE NEW.mkv" };
    Error::input(format!("{said}{remedy}"))
}
