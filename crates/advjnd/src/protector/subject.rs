//! One followed face: what is remembered of it from frame to frame, and what is done to it in one.
//!
//! The verdict is white-box knowledge: it says that the recognisers at hand no longer match the face *as output* with the
//! track's own clean embedding. Two references stand for the person, and the nearer counts: the mean clean embedding of
//! the track, and the clean embedding of this very frame (which also catches another person in the same place).

use std::time::Instant;

use super::geometry::{GRID, Geometry};
use super::workspace::{Eye, Workspace};
use crate::attack::{Budget, Dodge, Objective, Perturbation, ViewSampler, cosine_similarity, margin};
use crate::error::Result;
use crate::frame::FrameMut;
use crate::net::{Embedder, RecognizerSpec};
use crate::report::{CoverReason, StageTimes, Verdict};

/// Margin from which a face counts as protected: this, and
const MARGIN_PROTECTED: f32 = 0.09;
/// this times the reach of its random views. The less certain the landmarks, the more reserve.
const MARGIN_PER_REACH: f32 = 1.5;
/// Margin beyond that at which the iterations stop.
const MARGIN_GOAL: f32 = 0.16;
/// Margin beyond that above which the perturbation is made smaller.
const MARGIN_SPARE: f32 = 0.2;
/// What is left of the perturbation after one frame with margin to spare.
const SHRINK: f32 = 0.95;
/// Frames over which the clean embedding of a track is averaged evenly; later ones count as the last of so many.
const REFERENCE_FRAMES: f32 = 50.0;

/// What lasts from frame to frame.
#[derive(Debug)]
pub struct Subject {
    perturbation: Perturbation,
    people: Vec<Person>,
    views: ViewSampler,
    /// Margin of the last output; minus infinity before the first.
    margin: f32,
    turn: usize,
    /// Verdict of the last frame.
    pub verdict: Option<Verdict>,
}

/// The person as one recogniser knows it.
#[derive(Debug)]
struct Person {
    mean: Vec<f32>,
    frames: f32,
    now: Vec<f32>,
    away: Vec<f32>,
}

/// The clean face, in the eyes of every recogniser.
#[derive(Debug, Clone, Copy)]
pub struct Clean {
    /// Least cosine similarity to the track's mean clean embedding.
    pub similarity: f32,
    /// Whether every recogniser takes it for the person of the track.
    pub known: bool,
}

/// The face as output, in the eyes of every recogniser: the worst of each.
#[derive(Debug, Clone, Copy)]
pub struct Check {
    /// Least margin.
    pub margin: f32,
    /// Margin from which the face counts as protected.
    pub required: f32,
    /// Highest cosine similarity to the track's mean clean embedding.
    pub similarity: f32,
}

impl Check {
    /// The verdict it gives.
    pub fn verdict(&self) -> Verdict {
        if self.margin >= self.required { Verdict::Protected } else { Verdict::Covered(CoverReason::NotYetProtected) }
    }
}

/// What was done in one frame.
#[derive(Debug, Clone, Copy)]
pub struct Work {
    /// Gradient iterations.
    pub iterations: u32,
    /// The face as output.
    pub check: Check,
}

impl Subject {
    /// A face never seen before.
    pub fn new(seed: u64, stream: u64, eyes: &[Eye]) -> Self {
        let mut views = ViewSampler::new(seed, stream);
        let people = eyes.iter().map(|eye| eye.spec.embedding_len).map(|len| Person {
            mean: vec![0.0; len],
            frames: 0.0,
            now: vec![0.0; len],
            away: views.direction(len),
        });
        Self {
            people: people.collect(),
            perturbation: Perturbation::zeros(GRID * GRID),
            views,
            margin: f32::NEG_INFINITY,
            turn: 0,
            verdict: None,
        }
    }

    /// Looks at the clean face of an open workspace. A face that was `seen` by the detector counts for the track's mean;
    /// at a predicted place there may be anything.
    pub fn enroll(&mut self, work: &mut Workspace, seen: bool) -> Result<Clean> {
        let Workspace { eyes, geometry, region, .. } = work;
        let mut clean = Clean { similarity: 1.0, known: true };
        for (index, (eye, person)) in eyes.iter_mut().zip(&mut self.people).enumerate() {
            eye.look((index, 0), geometry, region, None);
            eye.embedder.embed(&eye.clean, &mut person.now)?;
            if seen {
                person.frames = (person.frames + 1.0).min(REFERENCE_FRAMES);
                for (mean, now) in person.mean.iter_mut().zip(&person.now) {
                    *mean += (now - *mean) / person.frames;
                }
            }
            clean.similarity = clean.similarity.min(cosine_similarity(&person.mean, &person.now));
            clean.known &= margin(&eye.spec, &person.mean, &person.now) < 0.0;
        }
        Ok(clean)
    }

    /// Spends up to `max_iterations` on an enrolled face, writes it to the frame, and checks it there.
    ///
    /// While the last output had its margin, none are spent; if this one has not, they are.
    pub fn protect(
        &mut self,
        frame: &mut FrameMut<'_>,
        work: &mut Workspace,
        max_iterations: u32,
        times: &mut StageTimes,
    ) -> Result<Work> {
        let watch = Instant::now();
        let budget = work.budget();
        let goal = required_margin(&work.geometry) + MARGIN_GOAL;
        let mut iterations = 0;
        if self.margin < goal {
            iterations += self.iterate(work, &budget, max_iterations, goal)?;
        } else {
            budget.project(&mut self.perturbation.delta);
        }
        times.attack += watch.elapsed();
        let watch = Instant::now();
        self.write(frame, work);
        let mut check = self.check(frame, work)?;
        times.verify += watch.elapsed();
        if check.margin < goal && iterations == 0 && max_iterations > 0 {
            let watch = Instant::now();
            frame.restore(work.region.rect, &work.saved);
            iterations += self.iterate(work, &budget, max_iterations, goal)?;
            times.attack += watch.elapsed();
            let watch = Instant::now();
            self.write(frame, work);
            check = self.check(frame, work)?;
            times.verify += watch.elapsed();
        }
        if check.margin > check.required + MARGIN_SPARE {
            self.perturbation.shrink(SHRINK);
        }
        self.margin = check.margin;
        Ok(Work { iterations, check })
    }

    /// The self-check: the face as it stands in the frame, as aligned and in random views; the worst counts.
    pub fn check(&mut self, frame: &FrameMut<'_>, work: &mut Workspace) -> Result<Check> {
        let Workspace { eyes, geometry, output, .. } = work;
        output.read(frame, geometry.rect);
        let mut worst = Check { margin: f32::INFINITY, required: required_margin(geometry), similarity: -1.0 };
        for (index, (eye, person)) in eyes.iter_mut().zip(&self.people).enumerate() {
            let sets = geometry.sets();
            for check in 0..sets + geometry.checks() {
                let view = (check >= sets).then(|| geometry.view(eye.spec.chip_size, &mut self.views));
                eye.look((index, check % sets), geometry, output, view.as_ref());
                eye.embedder.embed(&eye.clean, &mut eye.embedding)?;
                let margin = person.dodge(&eye.spec).margin(&eye.embedding);
                worst.margin = worst.margin.min(margin);
                worst.similarity = worst.similarity.max(cosine_similarity(&person.mean, &eye.embedding));
            }
        }
        Ok(worst)
    }

    fn iterate(&mut self, work: &mut Workspace, budget: &Budget, max_iterations: u32, goal: f32) -> Result<u32> {
        let attack = work.attack;
        let mut objective = View { work, people: &self.people, views: &mut self.views, turn: &mut self.turn };
        Ok(attack.run(&mut objective, budget, &mut self.perturbation, max_iterations, goal)?.iterations)
    }

    fn write(&self, frame: &mut FrameMut<'_>, work: &mut Workspace) {
        work.geometry.spread.forward(&self.perturbation.delta, &mut work.residual);
        work.region.write(frame, &work.residual, &work.bounds);
    }
}

fn required_margin(geometry: &Geometry) -> f32 {
    MARGIN_PROTECTED + MARGIN_PER_REACH * geometry.reach()
}

impl Person {
    fn dodge<'a>(&'a self, spec: &'a RecognizerSpec) -> Dodge<'a> {
        Dodge { spec, references: [&self.mean, &self.now], away: &self.away }
    }
}

/// The objective of one frame: the margin of one recogniser, in turn, through one random view, as the frame would store it.
struct View<'a> {
    work: &'a mut Workspace,
    people: &'a [Person],
    views: &'a mut ViewSampler,
    turn: &'a mut usize,
}

impl Objective for View<'_> {
    fn value_and_grad(&mut self, delta: &[f32], gradient: &mut [f32]) -> Result<f32> {
        let Workspace { eyes, geometry, region, bounds, residual, stored, .. } = &mut *self.work;
        let (index, set) = (*self.turn % eyes.len(), *self.turn / eyes.len() % geometry.sets());
        *self.turn += 1;
        let eye = &mut eyes[index];
        let view = geometry.view(eye.spec.chip_size, self.views);
        eye.look((index, set), geometry, region, Some(&view));
        geometry.spread.forward(delta, residual);
        region.quantize(residual, bounds, stored);
        eye.add_luma(stored);
        let dodge = self.people[index].dodge(&eye.spec);
        let mut margin = f32::NEG_INFINITY;
        eye.embedder.embed_vjp(
            &eye.adversarial,
            &mut |embedding, cotangent| margin = dodge.margin_and_cotangent(embedding, cotangent),
            &mut eye.gradient,
        )?;
        eye.luma_gradient(stored);
        for (gradient, bound) in stored.iter_mut().zip(bounds.iter()) {
            if *bound <= 0.0 {
                *gradient = 0.0;
            }
        }
        gradient.fill(0.0);
        geometry.spread.adjoint_add(stored, gradient);
        Ok(margin)
    }
}
