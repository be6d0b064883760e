//! One followed face: what is remembered of it from frame to frame, and what is done to it in one.
//!
//! The verdict is white-box knowledge: it says that the recognisers at hand no longer match the face *as output* with the
//! track's own clean embedding. Two references stand for the person, and the nearer counts: the mean clean embedding of
//! the track, and the clean embedding of this very frame (which also catches another person in the same place).

use std::time::Instant;

use super::geometry::GRID;
use super::workspace::{Eye, Workspace};
use crate::attack::{Budget, Dodge, Objective, Perturbation, ViewSampler, cosine_similarity};
use crate::error::Result;
use crate::face::SimilarityTransform;
use crate::frame::FrameMut;
use crate::net::{Embedder, RecognizerSpec};
use crate::report::{CoverReason, StageTimes, Verdict};

/// Margin from which a face counts as protected.
pub const MARGIN_PROTECTED: f32 = 0.06;
/// Margin at which the iterations stop.
pub const MARGIN_GOAL: f32 = 0.20;
/// Margin above which the perturbation is made smaller.
const MARGIN_SPARE: f32 = 0.24;
/// What is left of the perturbation after one frame with margin to spare.
const SHRINK: f32 = 0.95;
/// Random views: entries of the transform within ± this.
const VIEW_STRENGTH: f32 = 0.02;
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

/// The face as output, in the eyes of every recogniser: the worst of each.
#[derive(Debug, Clone, Copy)]
pub struct Check {
    /// Least margin.
    pub margin: f32,
    /// Highest cosine similarity to the track's mean clean embedding.
    pub similarity: f32,
}

impl Check {
    /// The verdict it gives.
    pub fn verdict(&self) -> Verdict {
        if self.margin >= MARGIN_PROTECTED {
            Verdict::Protected
        } else {
            Verdict::Covered(CoverReason::NotYetProtected)
        }
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

    /// Looks at the clean face of an open workspace; returns the least cosine similarity to the track's mean.
    pub fn enroll(&mut self, work: &mut Workspace) -> Result<f32> {
        let Workspace { eyes, geometry, region, .. } = work;
        let mut similarity = 1.0f32;
        for (index, (eye, person)) in eyes.iter_mut().zip(&mut self.people).enumerate() {
            eye.look(index, geometry, region, None);
            eye.embedder.embed(&eye.clean, &mut person.now)?;
            person.frames = (person.frames + 1.0).min(REFERENCE_FRAMES);
            for (mean, now) in person.mean.iter_mut().zip(&person.now) {
                *mean += (now - *mean) / person.frames;
            }
            similarity = similarity.min(cosine_similarity(&person.mean, &person.now));
        }
        Ok(similarity)
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
        let mut iterations = 0;
        if self.margin < MARGIN_GOAL {
            iterations += self.iterate(work, &budget, max_iterations)?;
        } else {
            budget.project(&mut self.perturbation.delta);
        }
        times.attack += watch.elapsed();
        let watch = Instant::now();
        self.write(frame, work);
        let mut check = self.check(frame, work)?;
        times.verify += watch.elapsed();
        if check.margin < MARGIN_GOAL && iterations == 0 && max_iterations > 0 {
            let watch = Instant::now();
            frame.restore(work.region.rect, &work.saved);
            iterations += self.iterate(work, &budget, max_iterations)?;
            times.attack += watch.elapsed();
            let watch = Instant::now();
            self.write(frame, work);
            check = self.check(frame, work)?;
            times.verify += watch.elapsed();
        }
        if check.margin > MARGIN_SPARE {
            self.perturbation.shrink(SHRINK);
        }
        self.margin = check.margin;
        Ok(Work { iterations, check })
    }

    /// The self-check: the face as it stands in the frame.
    pub fn check(&self, frame: &FrameMut<'_>, work: &mut Workspace) -> Result<Check> {
        let Workspace { eyes, geometry, output, .. } = work;
        output.read(frame, geometry.rect);
        let mut worst = Check { margin: f32::INFINITY, similarity: -1.0 };
        for (index, (eye, person)) in eyes.iter_mut().zip(&self.people).enumerate() {
            eye.look(index, geometry, output, None);
            eye.embedder.embed(&eye.clean, &mut eye.embedding)?;
            let margin = person.dodge(&eye.spec).margin(&eye.embedding);
            worst.margin = worst.margin.min(margin);
            worst.similarity = worst.similarity.max(cosine_similarity(&person.mean, &eye.embedding));
        }
        Ok(worst)
    }

    fn iterate(&mut self, work: &mut Workspace, budget: &Budget, max_iterations: u32) -> Result<u32> {
        let attack = work.attack;
        let mut objective = View { work, people: &self.people, views: &mut self.views, turn: &mut self.turn };
        Ok(attack.run(&mut objective, budget, &mut self.perturbation, max_iterations, MARGIN_GOAL)?.iterations)
    }

    fn write(&self, frame: &mut FrameMut<'_>, work: &mut Workspace) {
        work.geometry.spread.forward(&self.perturbation.delta, &mut work.residual);
        work.region.write(frame, &work.residual, &work.bounds);
    }
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
        let index = *self.turn % eyes.len();
        *self.turn += 1;
        let eye = &mut eyes[index];
        let [a, b, tx, ty] = self.views.similarity(VIEW_STRENGTH, eye.spec.chip_size as f32);
        eye.look(index, geometry, region, Some(&SimilarityTransform { a, b, tx, ty }));
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
