// SPDX-License-Identifier: MIT OR Apache-2.0
//! The iterations on a followed face, one by one: each is prepared, waits for its gradient, and is finished.

use super::super::chip_reader::Pulled;
use super::super::shape::Extent;
use super::super::transfer::{Smoothing, Transfer};
use super::super::workspace::Workspace;
use super::super::worth::LEAST_ITERATIONS;
use super::TrackedFace;
use super::objective::Target;
use crate::attack::{Attack, Budget, Run};
use crate::error::Result;
use crate::pool::Pool;

/// Iterations on a face, and how far they have come.
pub struct Iterations {
    attack: Attack,
    transfer: Transfer,
    /// How far the shape may go; `None` unless these iterations search the shape, too.
    shaping: Option<Extent>,
    /// Largest number of iterations, and how many were begun.
    most: u32,
    spent: u32,
    /// The run at the present size, and its largest number of iterations.
    run: Run,
    most_at_size: u32,
    target: Option<Target>,
}

impl Iterations {
    /// How many were begun.
    pub fn spent(&self) -> u32 {
        self.spent
    }

    /// Whether they search the shape, too.
    pub fn are_shaping(&self) -> bool {
        self.shaping.is_some()
    }

    /// What the prepared iteration aims at; `None` if none is prepared.
    pub fn target(&self) -> Option<Target> {
        self.target
    }
}

impl TrackedFace {
    /// Begins at most `most` iterations on an enrolled face, inside `budget`. They end early at the required margins
    /// plus the reserve, unless they search the shape, too, as far as `shaping` says.
    pub fn begin(
        &mut self,
        budget: &mut Budget,
        attack: &Attack,
        transfer: &Transfer,
        most: u32,
        shaping: Option<Extent>,
    ) -> Iterations {
        let attack = Attack { momentum: transfer.momentum, ..*attack };
        let (most_at_size, stop_at) = match shaping {
            Some(_) => (most, f32::INFINITY),
            None => (self.spending.patience(self.is_shown()).min(most), transfer.reserve),
        };
        let run = attack.begin(budget, &mut self.perturbation, most_at_size, stop_at);
        Iterations { attack, transfer: *transfer, shaping, most, spent: 0, run, most_at_size, target: None }
    }

    /// Prepares the next of the `iterations`: cuts its chip. Returns whether there is one; `in_time`: whether there is
    /// time for it.
    pub fn prepare(
        &mut self,
        iterations: &mut Iterations,
        work: &mut Workspace,
        budget: &mut Budget,
        in_time: bool,
        pool: &Pool,
    ) -> bool {
        loop {
            // The first iterations aim for the reserve, too; later ones only for the required margins.
            let aims = iterations.are_shaping() || iterations.spent < LEAST_ITERATIONS || self.is_short(work);
            if iterations.run.wants_more() && in_time && aims {
                iterations.spent += 1;
                iterations.target = Some(self.cut_next(work, &iterations.transfer, pool));
                return true;
            }
            if !self.begin_again(iterations, work, budget) {
                return false;
            }
        }
    }

    /// Begins another run, at a larger size, if the last one used all its iterations and left the face short. Returns
    /// whether it did.
    fn begin_again(&mut self, iterations: &mut Iterations, work: &Workspace, budget: &mut Budget) -> bool {
        if iterations.are_shaping() || !self.is_short(work) {
            return false;
        }
        let (spent, shown) = (iterations.run.outcome().iterations, self.is_shown());
        self.spending.fall_short(spent, shown);
        budget.set_rms(work.share(self.spending.size()));
        let is_tolerated = self.showing.tolerates() && self.is_tolerated(work);
        if spent < iterations.most_at_size || iterations.spent >= iterations.most || is_tolerated {
            return false;
        }
        iterations.most_at_size = self.spending.patience(shown).min(iterations.most - iterations.spent);
        let Iterations { attack, transfer, most_at_size, .. } = iterations;
        iterations.run = attack.begin(budget, &mut self.perturbation, *most_at_size, transfer.reserve);
        true
    }

    /// Finishes the prepared iteration: takes what was `pulled` back to its chip, and steps.
    ///
    /// # Errors
    /// [`Error::NotFinite`](crate::Error::NotFinite) if the margin is not a number, and errors of the new shape.
    pub fn step(
        &mut self,
        iterations: &mut Iterations,
        work: &mut Workspace,
        budget: &mut Budget,
        smoothing: &mut Smoothing,
        pulled: Pulled<'_>,
        pool: &Pool,
    ) -> Result<()> {
        let Iterations { transfer, shaping, run, target, .. } = iterations;
        let Some(target) = target.take() else { return Ok(()) };
        self.pull_back(target, pulled, work, smoothing, transfer, pool);
        if let Some(extent) = shaping {
            self.shape.step(&work.reshaper.gradient(&work.clean.region, &work.gradient));
            work.lay_shape(&self.shape.controls(*extent), self.memories.iter().map(|memory| &**memory.spec()))?;
        }
        let reached = self.reached(work, transfer.reserve);
        run.take(budget, &mut self.perturbation, pulled.margin, reached)
    }
}
