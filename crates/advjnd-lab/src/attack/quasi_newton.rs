// SPDX-License-Identifier: MIT OR Apache-2.0
//! Limited-memory BFGS in a box, one evaluation at a time.
//!
//! Two-loop recursion (Nocedal, Math. Comp. 1980; Liu & Nocedal, Math. Program. 1989) over the elements that are free
//! to move: those that a step along the gradient would not press against the box (the projected quasi-Newton step of
//! Bertsekas, SIAM J. Control Optim. 1982, with a limited memory). Steps are projected and halved until the value has
//! risen by a share [`ARMIJO`] of what the gradient promised.
//!
//! It is not L-BFGS-B (Byrd et al. 1995): there is no search for a Cauchy point. It was written here because it has to
//! take its evaluations from the outside, and because the libraries that offer a box bring a whole framework along.

use std::collections::VecDeque;

use advjnd::attack::Budget;

/// Pairs of steps and gradient changes that are remembered.
const MEMORY: usize = 10;
/// Share of the promised rise that a step must bring.
const ARMIJO: f64 = 1e-4;
/// Halvings of a step before its direction is given up.
const MAX_HALVINGS: u32 = 12;
/// Least cosine between a step and its gradient change for the pair to be remembered.
const LEAST_CURVATURE: f64 = 1e-8;

#[derive(Debug, Clone)]
struct Pair {
    step: Vec<f32>,
    change: Vec<f32>,
    product: f64,
}

#[derive(Debug, Clone)]
struct Point {
    value: f32,
    delta: Vec<f32>,
    gradient: Vec<f32>,
}

/// Where the climb stands.
#[derive(Debug, Clone, Default)]
pub(super) struct Climb {
    pairs: VecDeque<Pair>,
    /// The highest point yet; the point evaluated next is a trial from there.
    best: Option<Point>,
    direction: Vec<f32>,
    length: f32,
    halvings: u32,
}

impl Climb {
    /// Takes the value and the gradient at `delta` and moves `delta` to the next trial, or, after the `last`
    /// evaluation, to the best point. False if there is nothing left to try: `delta` then is the best point.
    pub(super) fn advance(
        &mut self,
        value: f32,
        gradient: &[f32],
        delta: &mut [f32],
        budget: &mut Budget,
        step_size: f32,
        last: bool,
    ) -> bool {
        if self.rises(value, delta) {
            self.remember(gradient, delta);
            self.best = Some(Point { value, delta: delta.to_vec(), gradient: gradient.to_vec() });
            if last || !self.turn(budget, step_size) {
                return false;
            }
        } else {
            self.length *= 0.5;
            self.halvings += 1;
            let spent = self.halvings > MAX_HALVINGS;
            let recovered = spent && !self.pairs.is_empty() && {
                self.pairs.clear();
                self.turn(budget, step_size)
            };
            if last || spent && !recovered {
                if let Some(best) = &self.best {
                    delta.copy_from_slice(&best.delta);
                }
                return false;
            }
        }
        self.attempt(delta, budget)
    }

    /// Whether the trial at `delta` is high enough to stay.
    fn rises(&self, value: f32, delta: &[f32]) -> bool {
        self.best.as_ref().is_none_or(|best| {
            let promise: f64 = best
                .gradient
                .iter()
                .zip(delta.iter().zip(&best.delta))
                .map(|(g, (to, from))| wide(*g, to - from))
                .sum();
            f64::from(value) > f64::from(best.value) + ARMIJO * promise.max(0.0)
        })
    }

    fn remember(&mut self, gradient: &[f32], delta: &[f32]) {
        let Some(best) = &self.best else { return };
        let step: Vec<f32> = delta.iter().zip(&best.delta).map(|(to, from)| to - from).collect();
        // Of the negative value, which is what falls.
        let change: Vec<f32> = best.gradient.iter().zip(gradient).map(|(from, to)| from - to).collect();
        let product = dot(&step, &change);
        if product > LEAST_CURVATURE * (dot(&step, &step) * dot(&change, &change)).sqrt() {
            if self.pairs.len() == MEMORY {
                self.pairs.pop_front();
            }
            self.pairs.push_back(Pair { step, change, product });
        }
    }

    /// A new direction from the best point; false if none leads up from there.
    fn turn(&mut self, budget: &mut Budget, step_size: f32) -> bool {
        let Some(best) = &self.best else { return false };
        let norm = dot(&best.gradient, &best.gradient).sqrt();
        let reach: f64 = budget.half_widths().map(|width| wide(width, width)).sum::<f64>().sqrt();
        if norm <= f64::from(f32::MIN_POSITIVE) {
            return false;
        }
        let first = (f64::from(step_size) * reach / norm) as f32;
        let mut probe: Vec<f32> = best.delta.iter().zip(&best.gradient).map(|(x, g)| x + first * g).collect();
        budget.project(&mut probe);
        let free: Vec<bool> = probe.iter().zip(&best.delta).map(|(to, from)| to != from).collect();
        let mask =
            |vector: &mut [f32]| vector.iter_mut().zip(&free).filter(|(_, free)| !**free).for_each(|(v, _)| *v = 0.0);

        let mut uphill = best.gradient.clone();
        mask(&mut uphill);
        let mut direction = two_loop(&self.pairs, &uphill, first);
        mask(&mut direction);
        if dot(&direction, &uphill) <= 0.0 {
            self.pairs.clear();
            direction = uphill.iter().map(|g| first * g).collect();
        }
        self.direction = direction;
        (self.length, self.halvings) = (1.0, 0);
        free.contains(&true)
    }

    fn attempt(&self, delta: &mut [f32], budget: &mut Budget) -> bool {
        let Some(best) = &self.best else { return false };
        for ((delta, from), d) in delta.iter_mut().zip(&best.delta).zip(&self.direction) {
            *delta = from + self.length * d;
        }
        budget.project(delta);
        *delta != best.delta[..]
    }
}

/// The inverse Hessian that `pairs` stand for, times `gradient`; `first` times the gradient without pairs.
fn two_loop(pairs: &VecDeque<Pair>, gradient: &[f32], first: f32) -> Vec<f32> {
    let mut q = gradient.to_vec();
    let mut shares = Vec::with_capacity(pairs.len());
    for pair in pairs.iter().rev() {
        let share = dot(&pair.step, &q) / pair.product;
        add(&mut q, -share, &pair.change);
        shares.push(share);
    }
    let scale = pairs.back().map_or(f64::from(first), |pair| pair.product / dot(&pair.change, &pair.change));
    q.iter_mut().for_each(|q| *q *= scale as f32);
    for (pair, share) in pairs.iter().zip(shares.iter().rev()) {
        let back = dot(&pair.change, &q) / pair.product;
        add(&mut q, share - back, &pair.step);
    }
    q
}

fn wide(a: f32, b: f32) -> f64 {
    f64::from(a) * f64::from(b)
}

fn dot(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(a, b)| wide(*a, *b)).sum()
}

fn add(to: &mut [f32], factor: f64, what: &[f32]) {
    to.iter_mut().zip(what).for_each(|(to, what)| *to += (factor * f64::from(*what)) as f32);
}
