// SPDX-License-Identifier: MIT OR Apache-2.0
//! The tables.

use std::collections::BTreeSet;
use std::path::Path;

use super::people::is_picture;
use super::results::{Alarms, Part, Results, Row};
use super::tally::{Tally, columns, share};
use super::truth::{Light, Turn};
use crate::document::{head, line};

/// Upper bounds of the classes of size, pixels.
const SIZES: [(f32, &str); 6] = [
    (12.0, "below 12"),
    (24.0, "12 to 24"),
    (48.0, "24 to 48"),
    (80.0, "48 to 80"),
    (160.0, "80 to 160"),
    (f32::INFINITY, "from 160"),
];
/// Upper bounds of the classes of roll, degrees either way.
const ROLLS: [(f32, &str); 3] = [(20.0, "upright, up to 20°"), (60.0, "tilted"), (180.0, "sideways or upside down")];

const NOTES: &str = "\
    Untouched: less than 2 % of the pixels in the middle of the face differ. Covered: one colour lies over it. Known \
    after: the attacker knows the person in what came out, seen in a way in which it knows the person in what went \
    in; a share of all faces. Known before: the attacker knows the person in what went in; a share of the faces that \
    are not covered. Sizes are geometric means of the sides of the box, in pixels. Other programs: the share of \
    faces that they leave untouched.";

/// All tables.
pub fn tables(results: &Results) -> String {
    let experiment = &results.experiment;
    let mut text = format!(
        "{NOTES}\n\nAttacker: {}, threshold {} (false accept rate {} %). {} scenes of a kind; every {} marked \
         frames.\n",
        experiment.recognizer,
        experiment.threshold,
        100.0 * experiment.false_accept_rate,
        experiment.cases,
        experiment.every
    );
    for (part, title) in [(Part::Labelled, "Marked faces"), (Part::Derived, "Scenes made of photographs")] {
        let rows: Vec<&Row> = results.faces.iter().filter(|row| row.part == part).collect();
        if !rows.is_empty() {
            text += &format!("\n## {title}\n\n{}", classes(&rows, part));
            text += &format!("\n{}", ways(&rows, experiment.threshold));
            text += &format!("\n{}", sources(&rows, part));
        }
    }
    text + &alarms(results) + &runs(results)
}

/// The tables by class alone, for another document.
pub fn summary(results: &Results) -> String {
    let parts = [(Part::Labelled, "Marked faces"), (Part::Derived, "Scenes made of photographs")];
    let tables = parts.into_iter().filter_map(|(part, title)| {
        let rows: Vec<&Row> = results.faces.iter().filter(|row| row.part == part).collect();
        (!rows.is_empty()).then(|| format!("{title}:\n\n{}\n", classes(&rows, part)))
    });
    tables.collect()
}

/// Names of the other programs.
fn others(rows: &[&Row]) -> Vec<String> {
    let names: BTreeSet<&String> = rows.iter().flat_map(|row| row.others.keys()).collect();
    names.into_iter().cloned().collect()
}

fn classes(rows: &[&Row], part: Part) -> String {
    let others = others(rows);
    let mut text = head(&["class".to_owned()].into_iter().chain(columns(&others, part)).collect::<Vec<_>>(), 1);
    let mut add = |name: &str, is: &dyn Fn(&Row) -> bool| {
        let own: Vec<&Row> = rows.iter().copied().filter(|row| is(row)).collect();
        if !own.is_empty() {
            text += &line([name.to_owned()].into_iter().chain(Tally::of(&own, &others).cells(part)));
        }
    };
    add("all", &|_| true);
    for (index, (_, name)) in SIZES.iter().enumerate() {
        add(&format!("size: {name}"), &|row| class(&SIZES, row.size) == index);
    }
    for (index, (_, name)) in ROLLS.iter().enumerate() {
        add(&format!("roll: {name}"), &|row| class(&ROLLS, tilt(row.roll)) == index);
    }
    if part == Part::Labelled {
        for (pose, name) in
            [(Turn::Frontal, "frontal"), (Turn::ThreeQuarter, "three-quarter"), (Turn::Profile, "profile")]
        {
            add(&format!("pose: {name}"), &|row| row.pose == pose);
        }
        for (light, name) in [(Light::Normal, "normal"), (Light::Dark, "dark"), (Light::Bright, "bright")] {
            add(&format!("light: {name}"), &|row| row.light == light);
        }
        add("occluded", &|row| row.occluded);
        add("blurred", &|row| row.blurred);
    }
    text
}

/// A line for each way in which the attacker looks.
fn ways(rows: &[&Row], threshold: f32) -> String {
    let mut text = head(&["attacker's way", "faces", "known before", "known after"], 1);
    let seen = || rows.iter().flat_map(|row| &row.outcome.seen);
    let mut names: Vec<&str> = Vec::new();
    for seen in seen() {
        if !names.contains(&seen.variant.as_str()) {
            names.push(&seen.variant);
        }
    }
    for name in names {
        let own = || seen().filter(|seen| seen.variant == name);
        let before = own().filter(|seen| seen.clean.is_some_and(|distance| distance <= threshold)).count();
        let known = own().filter(|seen| seen.known).count();
        let faces = own().count();
        text += &line([name.to_owned(), faces.to_string(), share(before, faces), share(known, faces)]);
    }
    text
}

/// The class of a value: the first whose bound it does not exceed.
fn class(classes: &[(f32, &str)], value: f32) -> usize {
    classes.iter().position(|(bound, _)| value < *bound).unwrap_or(classes.len() - 1)
}

/// Degrees from upright, either way.
fn tilt(roll: f32) -> f32 {
    let turned = roll.rem_euclid(360.0);
    turned.min(360.0 - turned)
}

/// A line for each file, or each kind of scene, in the order in which they were made.
fn sources(rows: &[&Row], part: Part) -> String {
    let others = others(rows);
    let name = if part == Part::Labelled { "file" } else { "scene" };
    let mut text = head(&[name.to_owned()].into_iter().chain(columns(&others, part)).collect::<Vec<_>>(), 1);
    let mut groups: Vec<(String, Vec<&Row>)> = Vec::new();
    for row in rows {
        let name = match part {
            Part::Labelled => file(&row.source),
            Part::Derived => format!("{} {}", row.source, row.value).trim_end().to_owned(),
        };
        match groups.iter_mut().find(|(taken, _)| *taken == name) {
            Some((_, rows)) => rows.push(row),
            None => groups.push((name, vec![row])),
        }
    }
    for (name, rows) in groups {
        text += &line([name].into_iter().chain(Tally::of(&rows, &others).cells(part)));
    }
    text
}

/// What a file is told as: a clip by its name, pictures by their collection.
fn file(source: &str) -> String {
    let is_picture = is_picture(Path::new(source));
    let collection = || source.split('/').take(2).collect::<Vec<_>>().join("/");
    if is_picture { collection() } else { source.to_owned() }
}

fn alarms(results: &Results) -> String {
    let shown: Vec<_> = results.alarms.iter().filter(|alarms| alarms.faces > 0).collect();
    let frames: usize = results.alarms.iter().map(|alarms| alarms.frames).sum();
    if frames == 0 {
        return String::new();
    }
    let (pictures, clips): (Vec<_>, Vec<_>) =
        results.alarms.iter().partition(|alarms| is_picture(Path::new(&alarms.source)));
    let columns = ["file", "marked frames", "false faces", "of these held", "tracks", "seconds of them in a minute"];
    let mut text = format!("\n## False alarms\n\nFaces reported where none is marked.\n\n{}", head(&columns, 1));
    let cells = |name: &str, frames: usize, faces: usize, held: usize, tracks: usize| {
        let seconds = format!("{:.1}", 60.0 * faces as f64 / frames.max(1) as f64);
        [name.to_owned(), frames.to_string(), faces.to_string(), held.to_string(), tracks.to_string(), seconds]
    };
    for (name, all) in [("all clips", clips), ("all pictures", pictures)] {
        let sum = |of: fn(&Alarms) -> usize| all.iter().map(|alarms| of(alarms)).sum::<usize>();
        let counts = [sum(|a| a.frames), sum(|a| a.faces), sum(|a| a.held), sum(|a| a.tracks)];
        if !all.is_empty() {
            text += &line(cells(name, counts[0], counts[1], counts[2], counts[3]));
        }
    }
    for alarms in shown {
        text += &line(cells(&alarms.source, alarms.frames, alarms.faces, alarms.held, alarms.tracks));
    }
    text
}

fn runs(results: &Results) -> String {
    if results.runs.is_empty() {
        return String::new();
    }
    let columns = ["file", "person", "frames", "face found", "untouched", "longest run"];
    let mut text = format!("\n## Runs of untouched frames\n\n{}", head(&columns, 1));
    for run in &results.runs {
        let counts = [run.frames, run.found, run.untouched, run.longest].map(|count| count.to_string());
        text += &line([run.source.clone(), run.person.clone()].into_iter().chain(counts));
    }
    text
}
