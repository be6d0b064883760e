// SPDX-License-Identifier: MIT OR Apache-2.0
//! One recogniser and the people it has enrolled: attacks every face of them, on all cores.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use advjnd::attack::Perturbation;
use advjnd::jnd::Learned;
use advjnd::net::graph::Graph;
use advjnd::net::{Backend, Embedder, Recognizer, RecognizerSpec};
use advjnd::{Pool, Result};
use advjnd_lab::attack::adversarial::{ARCFACE_TEMPERATURE, Adversarial, Goal, Loss, Task as Question};
use advjnd_lab::attack::alignment::{Alignment, ThroughPicture};
use advjnd_lab::attack::chip::{Chip, thresholds};
use advjnd_lab::attack::recipes::{Recipe, Report};
use sha2::{Digest, Sha256};

use super::key::{Setting, Task};
use super::people::{Person, Portrait};
use super::quality::{Extent, Quality};
use super::thresholds::{Far, Thresholds};

/// A face as the recogniser sees it.
pub struct Subject<'a> {
    name: &'a str,
    portrait: &'a Portrait,
    alignment: Alignment,
    /// What the recogniser sees of the picture: planar, `[3][side][side]`, 0..=255.
    seen: Vec<f32>,
    /// That, white 1, of 8 bits: what is attacked.
    clean: Vec<f32>,
    /// Thresholds of `clean`, of the same shape and unit.
    jnd: Vec<f32>,
    /// Thresholds of the crop of the picture, planar, code values.
    crop_jnd: Vec<f32>,
    embedding: Vec<f32>,
}

/// The people, attacked and enrolled.
struct Crowd<'a> {
    /// The recogniser, at each false accept rate.
    specs: [RecognizerSpec; 2],
    subjects: Vec<Subject<'a>>,
    /// What people are enrolled with.
    gallery: Vec<Vec<f32>>,
    seed: u64,
}

pub struct Bench<'a> {
    crowd: Crowd<'a>,
    pool: Arc<Pool>,
    /// One a thread.
    recognizers: Vec<Recognizer>,
    /// What verification goes by.
    pub thresholds: Thresholds,
}

/// What became of one face.
pub struct Outcome {
    pub report: Report,
    /// Whether the goal is reached by the picture, rounded to 8 bits and aligned with the clean landmarks; a
    /// verification, at the false accept rate that the attack went for.
    pub success: bool,
    /// Of a verification, at each false accept rate.
    pub at: Option<[bool; 2]>,
    pub quality: Quality,
}

/// An adversarial picture, and what it was made of.
pub struct Picture {
    /// The portrait's pixels.
    pub pixels: Vec<u8>,
    pub outcome: Outcome,
}

/// What a face is to the experiment.
pub enum Face {
    /// Attacked.
    Attacked(Box<Picture>),
    /// Left out: not recognised when clean.
    Missed,
    /// Left out: taken for the person to impersonate when clean.
    Mistaken,
}

impl<'a> Bench<'a> {
    pub fn new(spec: RecognizerSpec, graph: &Graph, people: &'a [Person], seed: u64, pool: &Arc<Pool>) -> Result<Self> {
        let alone = Pool::new(1)?;
        let first = Recognizer::new(spec.clone(), Backend::Cpu(Arc::clone(&alone)).executor(graph, 1)?)?;
        let mut recognizers = vec![first];
        for _ in 1..pool.threads() {
            recognizers.push(recognizers[0].share(graph, &Pool::new(1)?)?);
        }
        let mut model = Learned::hvs_sd();
        let mut crowd = Crowd { specs: [spec.clone(), spec.clone()], subjects: Vec::new(), gallery: Vec::new(), seed };
        for person in people {
            crowd.add(person, &mut model, &mut recognizers[0])?;
        }
        let clean: Vec<&[f32]> = crowd.subjects.iter().map(|subject| &subject.embedding[..]).collect();
        let thresholds = Thresholds::measure(&spec, &clean, &crowd.gallery);
        crowd.specs = Far::BOTH.map(|far| thresholds.apply(&spec, far));
        Ok(Self { crowd, pool: Arc::clone(pool), recognizers, thresholds })
    }

    /// Attacks one face, by the person's place.
    pub fn attack(&mut self, recipe: &Recipe, task: Task, setting: Setting, index: usize) -> Result<Face> {
        self.crowd.face(&mut self.recognizers[0], recipe, task, setting, Extent::Crop, index)
    }

    /// The subject at a person's place.
    pub fn subject(&self, index: usize) -> Option<&Subject<'a>> {
        self.crowd.subjects.get(index)
    }

    /// Attacks all faces with `recipe`, and calls `done` after each, from any thread. By person.
    pub fn run(
        &mut self,
        recipe: &Recipe,
        task: Task,
        setting: Setting,
        extent: Extent,
        done: impl Fn() + Sync,
    ) -> Result<Vec<Face>> {
        let Self { crowd, pool, recognizers, .. } = self;
        let next = AtomicUsize::new(0);
        let mut workers: Vec<_> = recognizers.iter_mut().map(|recognizer| (recognizer, Vec::new())).collect();
        let crowd = &*crowd;
        pool.for_each(&mut workers, |(recognizer, faces)| {
            loop {
                let index = next.fetch_add(1, Ordering::Relaxed);
                if index >= crowd.subjects.len() {
                    return;
                }
                faces.push((index, crowd.face(recognizer, recipe, task, setting, extent, index)));
                done();
            }
        });
        let mut faces: Vec<_> = workers.into_iter().flat_map(|(_, faces)| faces).collect();
        faces.sort_by_key(|(index, _)| *index);
        faces.into_iter().map(|(_, face)| face).collect()
    }
}

impl<'a> Subject<'a> {
    /// The portrait and what the chip shows of it.
    pub fn portrait(&self) -> (&'a Portrait, &Alignment) {
        (self.portrait, &self.alignment)
    }

    /// Thresholds of the crop, planar, code values.
    pub fn crop_jnd(&self) -> &[f32] {
        &self.crop_jnd
    }
}

impl<'a> Crowd<'a> {
    fn add(&mut self, person: &'a Person, model: &mut Learned, recognizer: &mut Recognizer) -> Result<()> {
        let spec = recognizer.spec().clone();
        let enrolled = person.enrolled.alignment(&spec)?.chip(&person.enrolled.pixels);
        self.gallery.push(embed(recognizer, &enrolled)?);
        let (name, portrait) = (person.name.as_str(), &person.attacked);
        let alignment = portrait.alignment(&spec)?;
        let seen = alignment.chip(&portrait.pixels);
        let mut clean: Vec<f32> = seen.iter().map(|value| value.round().clamp(0.0, 255.0)).collect();
        let jnd = thresholds(model, &clean, spec.chip_size, spec.chip_size)?.iter().map(|j| j / 255.0).collect();
        clean.iter_mut().for_each(|value| *value /= 255.0);
        let crop = alignment.crop;
        let pixels = portrait.planar(crop);
        let crop_jnd = thresholds(model, &pixels, crop.width, crop.height)?;
        let embedding = embed(recognizer, &seen)?;
        self.subjects.push(Subject { name, portrait, alignment, seen, clean, jnd, crop_jnd, embedding });
        Ok(())
    }

    fn face(
        &self,
        recognizer: &mut Recognizer,
        recipe: &Recipe,
        task: Task,
        setting: Setting,
        extent: Extent,
        index: usize,
    ) -> Result<Face> {
        let subject = &self.subjects[index];
        let reached = |adversarial: &Adversarial<'_>, embedding: &[f32]| {
            adversarial.judge(Loss::Plain, embedding, &mut vec![0.0; embedding.len()]).margin > 0.0
        };
        let far = Far::attacked(setting);
        if reached(&self.adversarial(Goal::Dodge, task, far, index), &subject.embedding) {
            return Ok(Face::Missed);
        }
        let (goal, label) = match setting {
            Setting::Dodge => (Goal::Dodge, index),
            Setting::Impersonate => (Goal::Impersonate, self.target(index)),
        };
        let adversarial = self.adversarial(goal, task, far, label);
        if reached(&adversarial, &subject.embedding) {
            return Ok(Face::Mistaken);
        }
        let Subject { portrait, alignment, clean, seen, .. } = subject;
        let side = recognizer.spec().chip_size;
        let chip = Chip::new(clean, &subject.jnd, side, side)?;
        let mut state = Perturbation::default();
        let seed = self.random("attack", index);
        let mut through = ThroughPicture { recognizer, alignment, pixels: &portrait.pixels, clean, seen };
        let report = recipe.run(&mut through, &adversarial, &chip, seed, &mut state)?;

        let mut changed = vec![0.0; clean.len()];
        chip.add(&state.delta, &mut changed);
        let delta: Vec<f32> = changed.iter().zip(clean).map(|(changed, clean)| changed - clean).collect();
        let pixels = alignment.changed(&portrait.pixels, &delta);
        let embedding = embed(recognizer, &alignment.chip(&pixels))?;
        let success = reached(&adversarial, &embedding);
        let at = (task == Task::Verification)
            .then(|| Far::BOTH.map(|far| reached(&self.adversarial(goal, task, far, label), &embedding)));
        let quality = Quality::measure(portrait, &pixels, alignment.crop, &subject.crop_jnd, extent)?;
        Ok(Face::Attacked(Box::new(Picture { pixels, outcome: Outcome { report, success, at, quality } })))
    }

    fn adversarial(&self, goal: Goal, task: Task, far: Far, label: usize) -> Adversarial<'_> {
        let task = match task {
            Task::Identification => {
                Question::Identification { gallery: &self.gallery, label, temperature: ARCFACE_TEMPERATURE }
            }
            Task::Verification => Question::Verification {
                spec: &self.specs[far as usize],
                reference: &self.gallery[label],
                away: &[],
                temperature: ARCFACE_TEMPERATURE,
            },
        };
        Adversarial { goal, task }
    }

    /// Whom person `index` is to impersonate: any of the others.
    fn target(&self, index: usize) -> usize {
        let others = self.subjects.len() as u64 - 1;
        let target = (self.random("target", index) % others) as usize;
        if target < index { target } else { target + 1 }
    }

    /// A number from the seed, for one purpose and person: the same whoever else takes part.
    fn random(&self, purpose: &str, index: usize) -> u64 {
        let digest = Sha256::digest(format!("{} {purpose} {}", self.seed, self.subjects[index].name));
        digest.iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte))
    }
}

/// The embedding of a chip, planar, 0..=255.
fn embed(recognizer: &mut Recognizer, chip: &[f32]) -> Result<Vec<f32>> {
    let mut embedding = vec![0.0; recognizer.spec().embedding_len];
    recognizer.embed(chip, &mut embedding)?;
    Ok(embedding)
}
