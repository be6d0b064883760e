// SPDX-License-Identifier: MIT OR Apache-2.0
//! The iterations of a face in a frame: first those that search its shape, too, until it is frozen, then the others.

use super::super::Settings;
use super::super::chip::Chip;
use super::super::chip_reader::Pulled;
use super::super::shape::Extent;
use super::super::transfer::Smoothing;
use super::super::worker::Worker;
use super::FaceJob;
use crate::attack::{Attack, Dodge};
use crate::error::Result;
use crate::pool::Pool;

/// What holds for the iterations of a face.
#[derive(Clone, Copy)]
pub struct Course<'a> {
    /// The attack's parameters.
    pub attack: &'a Attack,
    /// The settings.
    pub settings: &'a Settings,
    /// Largest number of iterations that there is time for.
    pub granted: u32,
}

impl FaceJob<'_> {
    /// Begins the iterations.
    pub fn begin_iterations(&mut self, course: Course<'_>) {
        if !self.work.reshaper.is_active() || self.shaping == 0 {
            return self.begin_last(course);
        }
        let most = std::mem::take(&mut self.shaping).min(course.granted);
        let Self { face, budget, transfer, .. } = self;
        self.iterations = Some(face.begin(budget, course.attack, transfer, most, Extent::of(course.settings)));
    }

    /// Begins the iterations that search no shape.
    fn begin_last(&mut self, course: Course<'_>) {
        if !self.open {
            return;
        }
        let spent = self.report.iterations - self.climbs;
        let left = self.face.worth.allowance(course.granted).saturating_sub(spent);
        let most = course.settings.max_iterations.saturating_sub(self.report.iterations);
        let Self { face, budget, transfer, .. } = self;
        self.iterations = Some(face.begin(budget, course.attack, transfer, left.min(most), None));
    }

    /// Whether the iterations have not ended.
    pub fn is_iterating(&self) -> bool {
        self.iterations.is_some()
    }

    /// Prepares the next iteration, or ends them. `in_time`: whether there is time for it.
    pub fn prepare(&mut self, worker: &mut Worker, course: Course<'_>, in_time: bool) {
        while let Some(iterations) = &mut self.iterations {
            if self.face.prepare(iterations, &mut self.work, &mut self.budget, in_time, &worker.pool) {
                return;
            }
            self.report.iterations += iterations.spent();
            let were_shaping = iterations.are_shaping();
            self.iterations = None;
            if were_shaping {
                if self.report.iterations > 0 && self.reshape(worker, course.settings).is_some() {
                    self.set_budget(course.settings, &worker.pool);
                }
                self.begin_last(course);
            }
        }
    }

    /// The recogniser whose gradient the prepared iteration wants; `None` if none is prepared.
    pub fn wants(&self) -> Option<usize> {
        self.iterations.as_ref()?.target().map(|target| target.recognizer)
    }

    /// The chip of the prepared iteration.
    pub fn chip(&self) -> &Chip {
        &self.work.chip
    }

    /// The objective of the prepared iteration.
    pub fn dodge(&self) -> Option<Dodge<'_>> {
        let target = self.iterations.as_ref()?.target()?;
        Some(self.face.dodge(target.recognizer, target.set))
    }

    /// Finishes the prepared iteration by what was `pulled` back to its chip. An error ends the job.
    pub fn step(&mut self, smoothing: &mut Smoothing, pulled: Result<Pulled<'_>>, pool: &Pool) {
        let Self { face, work, budget, iterations, .. } = self;
        let Some(iterations) = iterations else { return };
        let stepped = pulled.and_then(|pulled| face.step(iterations, work, budget, smoothing, pulled, pool));
        if self.check(stepped).is_none() {
            self.iterations = None;
        }
    }
}
