// SPDX-License-Identifier: MIT OR Apache-2.0
//! The first part: clips and pictures in which somebody has marked every face.

use std::collections::BTreeMap;
use std::path::Path;

use advjnd::{Error, FaceReport, Result};
use advjnd_media::Picture;

use super::attacker::{Attacker, Portrait, mean};
use super::bench::Bench;
use super::canvas::Canvas;
use super::codecs::{Codecs, Halves};
use super::derived::FRAMES;
use super::examine::{Exhibit, Subject, examine};
use super::input::Input;
use super::people::{other, picture};
use super::pose::Pose;
use super::results::{Alarms, Part, Row};
use super::runs::Watch;
use super::touch::{State, Touch};
use super::truth::{Face, Marked};
use super::variants::enroll;

/// Overlap from which a face that is reported is one that is marked.
const SAME: f32 = 0.1;

/// A file, and those of its marked frames that are judged.
pub struct Source<'a> {
    /// Its name below the folder of material.
    pub name: &'a str,
    /// In the order of the frames.
    pub marked: Vec<&'a Marked>,
    /// What is seen of it frame by frame, if it is to be seen so.
    pub watch: Option<Watch>,
}

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
pub fn run(bench: &mut Bench, material: &Path, source: &mut Source<'_>) -> Result<(Vec<Row>, Alarms)> {
    let path = material.join(source.name);
    let named = |error: Error| Error::input(format!("{}: {error}", path.display()));
    let (judged, halves) = protect(bench, &path, source).map_err(named)?;
    let Bench { attacker, others, .. } = bench;
    let pictures: Vec<&Picture> = judged.iter().map(|judged| &judged.clean).collect();
    let passed = others.pass(&pictures)?;
    let mut enrolled = enrolled(&judged, attacker)?;
    if let (Some(path), Some(person)) = (other(material, source.name)?, largest(&source.marked)) {
        enrolled.remove(person);
        if let Some(Portrait { canvas, face }) = attacker.portrait(picture(&path)?)? {
            let other = attacker.enroll(&canvas, &Pose::of(&face.bbox, 0.0))?;
            enrolled.extend(other.map(|other| (person, other)));
        }
    }
    let (mut rows, mut alarms) = (Vec::new(), Alarms::new(source.name));
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
                source: source.name.to_owned(),
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

/// The person whose face is the largest.
fn largest<'a>(marked: &[&'a Marked]) -> Option<&'a str> {
    let faces = marked.iter().flat_map(|marked| &marked.faces);
    faces.max_by(|a, b| a.bbox().size().total_cmp(&b.bbox().size()))?.person.as_deref()
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

fn protect<'a>(bench: &mut Bench, path: &Path, source: &mut Source<'a>) -> Result<(Vec<Judged<'a>>, Halves)> {
    let Source { marked, watch, .. } = source;
    let is_clip = marked.iter().all(|marked| marked.frame.is_some());
    let mut frames = Input::open(path, is_clip)?;
    let mut wanted: BTreeMap<usize, &Marked> = BTreeMap::new();
    for marked in marked.iter() {
        match marked.frame {
            Some(frame) => drop(wanted.insert(frame, *marked)),
            None => wanted.extend([(0, *marked), (FRAMES - 1, *marked)]),
        }
    }
    let last = wanted.keys().next_back().copied().unwrap_or_default();
    let (mut stream, mut judged, mut codecs, mut index) = (bench.product.stream()?, Vec::new(), None, 0);
    while let Some(mut clean) = if index <= last || watch.is_some() { frames.pull()? } else { None } {
        let mut output = clean.clone();
        let reports = stream.protect(&mut output)?;
        if index == 0 {
            codecs = Codecs::start(&clean, wanted.keys().copied().collect())?;
        }
        if let Some(codecs) = codecs.as_ref().filter(|_| index <= last) {
            codecs.push([&clean, &output], index);
        }
        if let Some(watch) = watch {
            watch.see(&mut bench.attacker, &mut clean, &output)?;
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
