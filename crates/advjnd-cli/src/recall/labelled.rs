//! The first part: clips and pictures in which somebody has marked every face.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use advjnd::{Error, FaceReport, Result};
use advjnd_media::{Frames, Picture, require};
use gst::prelude::*;

use super::attacker::{Attacker, mean};
use super::canvas::Canvas;
use super::derived::FRAMES;
use super::examine::{Exhibit, Subject, examine};
use super::others::Others;
use super::people::picture;
use super::pose::Pose;
use super::product::Product;
use super::results::{Alarms, Part, Row};
use super::runs::Watch;
use super::through::Through;
use super::touch::{State, Touch};
use super::truth::{Face, Marked};
use super::variants::enroll;

/// H.264 as it is common, and what it needs.
const CODEC: &str = "x264enc pass=qual quantizer=23 speed-preset=medium vbv-buf-capacity=0 ! video/x-h264,profile=high ! \
                     h264parse ! avdec_h264";
const CODEC_ELEMENTS: [(&str, &str); 3] = [
    ("x264enc", "gstreamer1.0-plugins-ugly"),
    ("h264parse", "gstreamer1.0-plugins-bad"),
    ("avdec_h264", "gstreamer1.0-libav"),
];
/// Smallest frame that is encoded at half its size, pixels.
const LEAST_CODED: usize = 64;
/// Overlap from which a face that is reported is one that is marked.
const SAME: f32 = 0.1;

/// A marked frame, as it went in and as it came out.
struct Judged<'a> {
    marked: &'a Marked,
    frame: usize,
    clean: Picture,
    output: Picture,
    reports: Vec<FaceReport>,
}

/// Protects a file, judges its marked frames, and says how often there was a false alarm.
///
/// # Errors
/// What the file, the protector, the attacker and the others report.
pub fn run(
    (material, source): (&Path, &str),
    marked: &[&Marked],
    product: &Product,
    (attacker, others): (&mut Attacker, &mut Others),
    watch: Option<&mut Watch>,
) -> Result<(Vec<Row>, Alarms)> {
    let path = material.join(source);
    let named = |error: Error| Error::input(format!("{}: {error}", path.display()));
    let (judged, halves) = protect(&path, marked, product, attacker, watch).map_err(named)?;
    let pictures: Vec<&Picture> = judged.iter().map(|judged| &judged.clean).collect();
    let passed = others.pass(&pictures)?;
    let enrolled = enrolled(&judged, attacker)?;
    let (mut rows, mut alarms) = (Vec::new(), Alarms::new(source));
    for (index, judged) in judged.iter().enumerate() {
        alarms.add(&judged.reports, |report| !judged.marked.faces.iter().any(|face| is(report, face)));
        for face in judged.marked.faces.iter().filter(|face| !face.uncertain) {
            let halves = halves.get(&judged.frame).map(|[clean, output]| [clean, output]);
            let exhibit = Exhibit { clean: &judged.clean, output: &judged.output, halves };
            let person = face.person.as_ref().and_then(|person| enrolled.get(person.as_str()));
            let subject = subject(face, person.map(Vec::as_slice));
            let Some(outcome) = examine(attacker, exhibit, &subject)? else { continue };
            let untouched = |pictures: &Vec<Picture>| {
                let touch = pictures.get(index).and_then(|other| Touch::of(&judged.clean, other, &subject.bbox));
                touch.is_some_and(|touch| touch.state() == State::Untouched)
            };
            rows.push(Row {
                part: Part::Labelled,
                source: source.to_owned(),
                value: String::new(),
                frame: judged.frame,
                person: face.person.clone(),
                size: subject.pose.size,
                roll: face.roll,
                pose: face.pose,
                light: face.light,
                occluded: face.occluded,
                blurred: face.blurred,
                outcome,
                early: Vec::new(),
                others: passed.iter().map(|(name, pictures)| (name.clone(), untouched(pictures))).collect(),
            });
        }
    }
    Ok((rows, alarms))
}

fn subject<'a>(face: &Face, enrolled: Option<&'a [f32]>) -> Subject<'a> {
    let bbox = face.bbox();
    Subject { bbox, pose: Pose::of(&bbox, face.roll.to_radians()), aspect: 1.0, enrolled }
}

/// Whether a face that is reported is one that is marked.
fn is(report: &FaceReport, face: &Face) -> bool {
    let bbox = face.bbox();
    report.bbox.iou(&bbox) >= SAME || bbox.contains(report.bbox.center())
}

/// The people of a file, by their letters: the mean of what the attacker sees of their faces before the protector.
fn enrolled<'a>(judged: &[Judged<'a>], attacker: &mut Attacker) -> Result<BTreeMap<&'a str, Vec<f32>>> {
    let mut looks: BTreeMap<&str, Vec<Vec<f32>>> = BTreeMap::new();
    for judged in judged {
        let clean = Canvas::of(&judged.clean);
        for face in judged.marked.faces.iter().filter(|face| !face.uncertain) {
            let Some(person) = face.person.as_deref() else { continue };
            let subject = subject(face, None);
            looks.entry(person).or_default().extend(enroll(attacker, &clean, &subject.pose)?);
        }
    }
    Ok(looks.into_iter().filter_map(|(person, looks)| Some((person, mean(&looks)?))).collect())
}

type Halves = BTreeMap<usize, [Picture; 2]>;

fn protect<'a>(
    path: &Path,
    marked: &[&'a Marked],
    product: &Product,
    attacker: &mut Attacker,
    mut watch: Option<&mut Watch>,
) -> Result<(Vec<Judged<'a>>, Halves)> {
    let is_clip = marked.iter().all(|marked| marked.frame.is_some());
    let mut frames = Input::open(path, is_clip)?;
    let mut wanted: BTreeMap<usize, &Marked> = BTreeMap::new();
    for marked in marked {
        match marked.frame {
            Some(frame) => drop(wanted.insert(frame, marked)),
            None => wanted.extend([(0, *marked), (FRAMES - 1, *marked)]),
        }
    }
    let last = wanted.keys().next_back().copied().unwrap_or_default();
    let (mut stream, mut judged, mut codecs, mut index) = (product.stream()?, Vec::new(), None, 0);
    while let Some(mut clean) = if index <= last || watch.is_some() { frames.next()? } else { None } {
        let mut output = clean.clone();
        let reports = stream.protect(&mut output)?;
        if index == 0 {
            codecs = Codecs::start(&clean, wanted.keys().copied().collect())?;
        }
        if let Some(codecs) = codecs.as_ref().filter(|_| index <= last) {
            codecs.push([&clean, &output], index);
        }
        if let Some(watch) = &mut watch {
            watch.see(attacker, &mut clean, &output)?;
        }
        if let Some(marked) = wanted.remove(&index) {
            if [clean.width, clean.height] != [marked.width, marked.height] {
                return Err(Error::input(format!(
                    "frames have {}x{} pixels, {}x{} where they were marked; take the file that was marked",
                    clean.width, clean.height, marked.width, marked.height
                )));
            }
            judged.push(Judged { marked, frame: index, clean, output, reports });
        }
        index += 1;
    }
    if let Some(frame) = wanted.keys().next() {
        return Err(Error::input(format!("there is no frame {frame}, which is marked; take the file that was marked")));
    }
    Ok((judged, codecs.map_or_else(|| Ok(Halves::new()), Codecs::finish)?))
}

/// The frames of a clip, or of a picture that stands still.
enum Input {
    Clip(Frames),
    Still { picture: Picture, shown: usize },
}

impl Input {
    fn open(path: &Path, is_clip: bool) -> Result<Self> {
        if !path.is_file() {
            return Err(Error::input("there is no such file; give --material the folder it lies in"));
        }
        if !is_clip {
            return Ok(Self::Still { picture: picture(path)?, shown: 0 });
        }
        let frames = Frames::of("filesrc name=read ! decodebin ! queue", |pipeline| {
            let read = pipeline.by_name("read").ok_or_else(|| Error::input("the pipeline lost `read`"))?;
            read.set_property("location", path);
            Ok(())
        });
        frames.map(Self::Clip)
    }

    fn next(&mut self) -> Result<Option<Picture>> {
        match self {
            Self::Clip(frames) => frames.pull(),
            Self::Still { shown, .. } if *shown == FRAMES => Ok(None),
            Self::Still { picture, shown } => {
                let time = Duration::from_nanos(*shown as u64 * 1_000_000_000 / 30);
                *shown += 1;
                Ok(Some(Picture { time, ..picture.clone() }))
            }
        }
    }
}

/// What goes in and what comes out, at half its size, through a codec each.
struct Codecs([Through; 2]);

impl Codecs {
    /// For frames such as `first`; none where there is no codec, or frames are too small.
    fn start(first: &Picture, wanted: BTreeSet<usize>) -> Result<Option<Self>> {
        let half = halved(first);
        if require(&CODEC_ELEMENTS).is_err() || half.width.min(half.height) < LEAST_CODED {
            return Ok(None);
        }
        let start = || Through::start(CODEC, half.width, half.height, wanted.clone());
        Ok(Some(Self([start()?, start()?])))
    }

    fn push(&self, pictures: [&Picture; 2], index: usize) {
        self.0.iter().zip(pictures).for_each(|(through, picture)| through.push(&halved(picture), index));
    }

    fn finish(self) -> Result<Halves> {
        let [clean, output] = self.0;
        let (clean, mut output) = (clean.finish()?, output.finish()?);
        let both = clean.into_iter().filter_map(|(index, clean)| Some((index, [clean, output.remove(&index)?])));
        Ok(both.collect())
    }
}

/// Half as wide and high, both even.
fn halved(picture: &Picture) -> Picture {
    let whole = Canvas::of(picture);
    let rect = advjnd::frame::Rect { x: 0, y: 0, width: whole.width / 4 * 4, height: whole.height / 4 * 4 };
    whole.part(rect).halved().picture(picture.time)
}
