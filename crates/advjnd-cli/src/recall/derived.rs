// SPDX-License-Identifier: MIT OR Apache-2.0
//! The second part: scenes made of photographs.

use std::collections::BTreeMap;
use std::path::Path;

use advjnd::{Error, Result};
use advjnd_media::Picture;

use super::attacker::Portrait;
use super::bench::Bench;
use super::cases::Kind;
use super::examine::{Exhibit, Subject, examine};
use super::people::{COLOUR, GREY, Person, people, picture};
use super::pose::Pose;
use super::product::Product;
use super::results::{Part, Row};
use super::scene::{Scene, render};
use super::touch::{State, Touch};
use super::truth::{Light, Turn};

/// Frames of a scene, the last of which is judged, and frames that show how fast the protector is there.
pub const FRAMES: usize = 12;
const EARLY: usize = 3;

/// A scene to be made.
#[derive(Debug, Clone, Copy)]
pub struct Case<'a> {
    /// What is varied.
    pub kind: &'a Kind,
    /// Which of all kinds that is.
    pub number: usize,
    /// Which scene of its kind it is.
    pub index: usize,
}

/// Everybody there are two photographs of.
pub struct Cast {
    colour: Vec<Person>,
    grey: Vec<Person>,
}

impl Cast {
    /// The people below a folder of material.
    ///
    /// # Errors
    /// [`Error::Io`] where a folder cannot be read, [`Error::Input`] where there are not two people.
    pub fn of(material: &Path) -> Result<Self> {
        let cast = Self { colour: people(&material.join(COLOUR))?, grey: people(&material.join(GREY))? };
        if cast.colour.len() < 2 {
            let folder = material.join(COLOUR);
            return Err(Error::input(format!(
                "{} holds no two people with two photographs each; give --material another folder, or --cases 0",
                folder.display()
            )));
        }
        Ok(cast)
    }

    fn chosen(&self, case: &Case<'_>) -> Vec<&Person> {
        let Case { kind, number, index } = *case;
        let people = if kind.is_of_grey_photographs() { &self.grey } else { &self.colour };
        let first = 5 * number + 11 * index;
        (0..kind.people()).filter_map(|step| people.get((first + step) % people.len().max(1))).collect()
    }
}

/// Makes a scene, protects it, and judges the faces of its last frame.
///
/// # Errors
/// What the photographs, the protector, the attacker and the others report.
pub fn run(bench: &mut Bench, case: &Case<'_>, cast: &Cast) -> Result<Vec<Row>> {
    let Bench { product, attacker, others } = bench;
    let Case { kind, number, index } = *case;
    let mut cast_of = Vec::new();
    for person in cast.chosen(case) {
        let protected = attacker.portrait(picture(&person.protected)?)?;
        let enrolled = match attacker.portrait(picture(&person.enrolled)?)? {
            Some(Portrait { canvas, face }) => attacker.enroll(&canvas, &Pose::of(&face.bbox, 0.0))?,
            None => None,
        };
        let (Some(portrait), Some(enrolled)) = (protected, enrolled) else { return Ok(Vec::new()) };
        cast_of.push((person, portrait, enrolled));
    }
    let portraits: Vec<&Portrait> = cast_of.iter().map(|(_, portrait, _)| portrait).collect();
    if portraits.len() < kind.people() {
        return Ok(Vec::new());
    }
    let scenes = render(&kind.layout(index), &portraits, FRAMES, (1000 * number + index) as u64);
    let outputs = protect(product, &scenes)?;
    let (Some(last), Some(output)) = (scenes.last(), outputs.last()) else { return Ok(Vec::new()) };
    let passed = others.pass(&[&last.picture])?;
    let mut rows = Vec::new();
    for (place, (person, _, enrolled)) in cast_of.iter().enumerate() {
        let face = last.faces[place];
        let exhibit = Exhibit { clean: &last.picture, output, halves: None };
        let subject = Subject { bbox: face.bbox, pose: face.pose, aspect: face.aspect, enrolled: Some(enrolled) };
        let Some(outcome) = examine(attacker, exhibit, &subject)? else { continue };
        let untouched = |scene: &Scene, output: &Picture| {
            let touch = Touch::of(&scene.picture, output, &scene.faces[place].bbox);
            touch.is_some_and(|touch| touch.state() == State::Untouched)
        };
        let of_others = |pictures: &Vec<Picture>| pictures.first().is_some_and(|other| untouched(last, other));
        rows.push(Row {
            part: Part::Derived,
            source: kind.name.to_owned(),
            value: kind.value.clone(),
            frame: FRAMES - 1,
            person: Some(person.name.clone()),
            size: face.pose.size,
            roll: face.pose.roll.to_degrees(),
            pose: Turn::default(),
            light: Light::default(),
            occluded: false,
            blurred: false,
            outcome,
            early: scenes.iter().zip(&outputs).take(EARLY).map(|(scene, output)| untouched(scene, output)).collect(),
            others: passed
                .iter()
                .map(|(name, pictures)| (name.clone(), of_others(pictures)))
                .collect::<BTreeMap<_, _>>(),
        });
    }
    Ok(rows)
}

fn protect(product: &Product, scenes: &[Scene]) -> Result<Vec<Picture>> {
    let mut stream = product.stream()?;
    let protected = scenes.iter().map(|scene| {
        let mut picture = scene.picture.clone();
        stream.protect(&mut picture)?;
        Ok(picture)
    });
    protected.collect()
}
