//! One recogniser and the people it has enrolled: attacks every face of them, on all cores.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use advjnd::attack::Perturbation;
use advjnd::attack::adversarial::{ARCFACE_TEMPERATURE, Adversarial, Goal, Loss, Task as Question};
use advjnd::attack::chip::Chip;
use advjnd::attack::recipes::{Recipe, Report};
use advjnd::jnd::{Learned, Model};
use advjnd::net::graph::Graph;
use advjnd::net::{Backend, Embedder, Network, Recognizer, RecognizerSpec};
use advjnd::{Pool, Result};
use sha2::{Digest, Sha256};

use super::alignment::{Alignment, interleaved};
use super::people::{Person, Portrait};
use super::plan::{Setting, Task};
use super::quality::{Chips, Quality};

/// A face as the recogniser sees it.
struct Subject<'a> {
    name: &'a str,
    portrait: &'a Portrait,
    alignment: Alignment,
    /// Planar, `[3][side][side]`, white 1, of 8 bits.
    clean: Vec<f32>,
    /// Of the same shape and unit.
    jnd: Vec<f32>,
    embedding: Vec<f32>,
}

/// The people, attacked and enrolled.
struct Crowd<'a> {
    spec: RecognizerSpec,
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
}

/// What became of one face.
pub struct Outcome {
    pub report: Report,
    /// Whether the attack succeeds on the chip, rounded to 8 bits.
    pub chip: bool,
    /// Whether it does on the picture, rounded to 8 bits and aligned again with the clean landmarks.
    pub picture: bool,
    pub quality: Quality,
}

/// What a face is to the experiment.
pub enum Face {
    /// Attacked.
    Attacked(Box<Outcome>),
    /// Left out: not recognised when clean.
    Missed,
    /// Left out: taken for the person to impersonate when clean.
    Mistaken,
}

impl<'a> Bench<'a> {
    pub fn new(network: Network, graph: &Graph, people: &'a [Person], seed: u64, pool: &Arc<Pool>) -> Result<Self> {
        let spec = network.spec();
        let alone = Pool::new(1)?;
        let first = Recognizer::new(spec.clone(), Backend::Cpu(Arc::clone(&alone)).executor(graph, 1)?)?;
        let mut recognizers = vec![first];
        for _ in 1..pool.threads() {
            recognizers.push(recognizers[0].share(graph, &Pool::new(1)?)?);
        }
        let mut jnd = Learned::hvs_sd();
        let mut crowd = Crowd { spec, subjects: Vec::new(), gallery: Vec::new(), seed };
        for person in people {
            crowd.add(person, &mut jnd, &mut recognizers[0])?;
        }
        Ok(Self { crowd, pool: Arc::clone(pool), recognizers })
    }

    /// Attacks all faces with `recipe`, and calls `done` after each, from any thread. By person.
    pub fn run(&mut self, recipe: &Recipe, task: Task, setting: Setting, done: impl Fn() + Sync) -> Result<Vec<Face>> {
        let Self { crowd, pool, recognizers } = self;
        let next = AtomicUsize::new(0);
        let mut workers: Vec<_> = recognizers.iter_mut().map(|recognizer| (recognizer, Vec::new())).collect();
        let crowd = &*crowd;
        pool.for_each(&mut workers, |(recognizer, faces)| {
            loop {
                let index = next.fetch_add(1, Ordering::Relaxed);
                if index >= crowd.subjects.len() {
                    return;
                }
                faces.push((index, crowd.face(recognizer, recipe, task, setting, index)));
                done();
            }
        });
        let mut faces: Vec<_> = workers.into_iter().flat_map(|(_, faces)| faces).collect();
        faces.sort_by_key(|(index, _)| *index);
        faces.into_iter().map(|(_, face)| face).collect()
    }
}

impl<'a> Crowd<'a> {
    fn add(&mut self, person: &'a Person, model: &mut Learned, recognizer: &mut Recognizer) -> Result<()> {
        let enrolled = Alignment::new(&person.enrolled, &self.spec)?.chip(&person.enrolled.pixels);
        self.gallery.push(embed(recognizer, &enrolled)?);
        let alignment = Alignment::new(&person.attacked, &self.spec)?;
        let mut chip = alignment.chip(&person.attacked.pixels);
        chip.iter_mut().for_each(|value| *value = value.round().clamp(0.0, 255.0));
        let mut jnd = vec![0.0; chip.len()];
        model.map_rgb(&chip, self.spec.chip_size, self.spec.chip_size, &mut jnd)?;
        let scale = Model::HvsSd.calibration() / 255.0;
        jnd.iter_mut().for_each(|threshold| *threshold *= scale);
        let embedding = embed(recognizer, &chip)?;
        chip.iter_mut().for_each(|value| *value /= 255.0);
        let (name, portrait) = (person.name.as_str(), &person.attacked);
        self.subjects.push(Subject { name, portrait, alignment, clean: chip, jnd, embedding });
        Ok(())
    }

    fn face(
        &self,
        recognizer: &mut Recognizer,
        recipe: &Recipe,
        task: Task,
        setting: Setting,
        index: usize,
    ) -> Result<Face> {
        let subject = &self.subjects[index];
        let reached = |adversarial: &Adversarial<'_>, embedding: &[f32]| {
            adversarial.judge(Loss::Plain, embedding, &mut vec![0.0; embedding.len()]).margin > 0.0
        };
        if reached(&self.adversarial(Goal::Dodge, task, index), &subject.embedding) {
            return Ok(Face::Missed);
        }
        let adversarial = match setting {
            Setting::Dodge => self.adversarial(Goal::Dodge, task, index),
            Setting::Impersonate => self.adversarial(Goal::Impersonate, task, self.target(index)),
        };
        if reached(&adversarial, &subject.embedding) {
            return Ok(Face::Mistaken);
        }
        let side = self.spec.chip_size;
        let chip = Chip::new(&subject.clean, &subject.jnd, side, side)?;
        let mut state = Perturbation::default();
        let report = recipe.run(recognizer, &adversarial, &chip, self.random("attack", index), &mut state)?;

        let mut changed = vec![0.0; subject.clean.len()];
        chip.add(&state.delta, &mut changed);
        let delta: Vec<f32> = changed.iter().zip(&subject.clean).map(|(changed, clean)| changed - clean).collect();
        changed.iter_mut().for_each(|value| *value = (255.0 * *value).round());
        let on_chip = embed(recognizer, &changed)?;
        let pixels = subject.alignment.changed(&subject.portrait.pixels, &delta);
        let on_picture = embed(recognizer, &subject.alignment.chip(&pixels))?;

        changed.iter_mut().for_each(|value| *value /= 255.0);
        let jnd: Vec<f32> = subject.jnd.iter().map(|threshold| 255.0 * threshold).collect();
        let (clean, adversarial_chip) = (interleaved(&subject.clean), interleaved(&changed));
        let chips = Chips { clean: &clean, adversarial: &adversarial_chip, jnd: &jnd, side };
        Ok(Face::Attacked(Box::new(Outcome {
            report,
            chip: reached(&adversarial, &on_chip),
            picture: reached(&adversarial, &on_picture),
            quality: Quality::measure(&chips, subject.portrait, &pixels)?,
        })))
    }

    fn adversarial(&self, goal: Goal, task: Task, label: usize) -> Adversarial<'_> {
        let task = match task {
            Task::Identification => {
                Question::Identification { gallery: &self.gallery, label, temperature: ARCFACE_TEMPERATURE }
            }
            Task::Verification => Question::Verification {
                spec: &self.spec,
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
