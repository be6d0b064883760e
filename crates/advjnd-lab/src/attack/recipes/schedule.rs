// SPDX-License-Identifier: MIT OR Apache-2.0
//! How the weight β of the quality terms falls from attempt to attempt: Xue et al. 2023, eq. 8.
//!
//! β_i ← β_i + δ after a failed attempt, from 1500 by −50 for a non-targeted attack and from 30 by −1 for a targeted
//! one. Read literally, β is zero after 30 failures: there is no quality term left, and an attack without one succeeds
//! nearly always. So β has a floor here, a tenth of where it starts, and an attack that fails there has failed.

use crate::attack::adversarial::Goal;

/// What a failure does to β.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Decay {
    /// β ← β + δ, δ below zero.
    Add(f32),
    /// β ← β · factor, the factor in 0..1.
    Times(f32),
}

/// The β of every attempt.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Schedule {
    /// β of the first attempt.
    pub initial: f32,
    /// What a failure does to it.
    pub decay: Decay,
    /// The least β, as a share of the initial one; more than zero, at most one.
    pub floor: f32,
}

/// The floor that this project gives the paper's schedules.
pub const FLOOR: f32 = 0.1;

impl Schedule {
    /// Whether it starts above zero, falls, and ends above zero.
    pub fn is_valid(&self) -> bool {
        let falls = match self.decay {
            Decay::Add(delta) => delta.is_finite() && delta < 0.0,
            Decay::Times(factor) => factor > 0.0 && factor < 1.0,
        };
        falls && self.initial.is_finite() && self.initial > 0.0 && self.floor > 0.0 && self.floor <= 1.0
    }

    /// β after so many failures, never below the floor.
    pub fn beta(&self, failures: u32) -> f32 {
        let beta = match self.decay {
            Decay::Add(delta) => self.initial + failures as f32 * delta,
            Decay::Times(factor) => self.initial * factor.powi(failures.min(i32::MAX as u32) as i32),
        };
        beta.max(self.floor * self.initial)
    }

    /// Whether β has come down to the floor after so many failures.
    pub fn is_at_floor(&self, failures: u32) -> bool {
        self.beta(failures) <= self.floor * self.initial
    }
}

/// A schedule for each goal.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Schedules {
    /// Non-targeted.
    pub dodge: Schedule,
    /// Targeted.
    pub impersonate: Schedule,
}

impl Schedules {
    /// Of eq. 8, with [`FLOOR`].
    pub const XUE: Self = Self {
        dodge: Schedule { initial: 1500.0, decay: Decay::Add(-50.0), floor: FLOOR },
        impersonate: Schedule { initial: 30.0, decay: Decay::Add(-1.0), floor: FLOOR },
    };

    /// The schedule for `goal`.
    pub fn of(&self, goal: Goal) -> &Schedule {
        match goal {
            Goal::Dodge => &self.dodge,
            Goal::Impersonate => &self.impersonate,
        }
    }
}
