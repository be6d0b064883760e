// SPDX-License-Identifier: MIT OR Apache-2.0
//! Deadlines: how much work a frame may get before it must go out.
//!
//! A [`Schedule`] says how long a frame of a live stream may take. This depends on the frame rate, on what downstream
//! reports, and on how long the frame has waited already. A [`Pace`] holds one frame to that time. It estimates the
//! cost of a stage from earlier frames and first reserves the time for the self-check of every face. Iterations that
//! would end too late are not started. Faces that could not be checked in time are not worked on, and so are covered.
//!
//! Without a deadline the clock serves the report only and decides nothing.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Share of a frame's interval that an element takes by default; the rest is for its neighbours.
const AUTOMATIC_SHARE: f64 = 0.95;
/// Frame interval if the stream does not give one.
pub const DEFAULT_INTERVAL: Duration = Duration::from_nanos(1_000_000_000 / 30);
/// Share of its time that a frame may take however late it is: less would cover its faces and gain little.
const LEAST_SHARE: f64 = 0.4;
/// Smoothing gain of an estimate towards a higher measurement, and towards a lower one.
const GAIN_UP: f64 = 0.5;
const GAIN_DOWN: f64 = 0.15;
/// A measurement counts as at most this many times the previous estimate: the machine may have been busy elsewhere.
const OUTLIER: u32 = 3;
/// Factor that lowers an estimate in each frame without the stage, so that the stage is tried again some day.
const FADE: f64 = 0.97;

/// A clock that never goes back.
pub trait Clock: Debug + Send + Sync {
    /// Time since a fixed instant.
    fn now(&self) -> Duration;
}

/// The machine's clock.
#[derive(Debug)]
pub struct Monotonic(Instant);

impl Default for Monotonic {
    fn default() -> Self {
        Self(Instant::now())
    }
}

impl Clock for Monotonic {
    fn now(&self) -> Duration {
        self.0.elapsed()
    }
}

/// How long the frames of a live stream may take.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Schedule {
    /// Time for a frame as the user sets it; zero means a share of the interval.
    pub deadline: Duration,
    /// Time from frame to frame; `None` if the stream does not give it.
    pub interval: Option<Duration>,
    /// How many times too slow the stream is for downstream; at most 1 if it is not too slow.
    pub proportion: f64,
}

impl Default for Schedule {
    fn default() -> Self {
        Self { deadline: Duration::ZERO, interval: None, proportion: 1.0 }
    }
}

impl Schedule {
    /// The longest that a frame takes if it keeps to its time: the latency of an element that follows this schedule.
    pub fn latency(&self) -> Duration {
        if self.deadline.is_zero() {
            self.interval.unwrap_or(DEFAULT_INTERVAL).mul_f64(AUTOMATIC_SHARE)
        } else {
            self.deadline
        }
    }

    /// How long a frame may take if it is late by `waited`.
    pub fn budget(&self, waited: Duration) -> Duration {
        let latency = self.latency();
        let share = if self.proportion > 1.0 { 1.0 / self.proportion } else { 1.0 };
        latency.mul_f64(share).saturating_sub(waited).max(latency.mul_f64(LEAST_SHARE))
    }
}

/// A stage of the work, with a cost of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stage {
    /// Finding faces in the whole frame.
    Detect,
    /// Laying out a face, and bounding its change.
    LayOut,
    /// Embedding the clean face by the guard alone.
    Enroll,
    /// Embedding the clean face by several recognisers.
    EnrollByMore,
    /// An iteration on a single face, which gets all threads.
    Iterate,
    /// An iteration on one of several faces that are worked on in parallel.
    IterateBeside,
    /// Writing a face and checking it, while no recogniser looks thoroughly.
    Check,
    /// Writing a face and checking it with thorough looks.
    CheckThoroughly,
}

impl Stage {
    /// The stage of an iteration when there are `faces` faces.
    pub fn iteration(faces: usize) -> Self {
        if faces == 1 { Self::Iterate } else { Self::IterateBeside }
    }

    /// The stage of enrolment by the guard alone or by `more` recognisers.
    pub fn enrolment(more: bool) -> Self {
        if more { Self::EnrollByMore } else { Self::Enroll }
    }

    /// The stage of a check, with `thorough` looks or without.
    pub fn check(thorough: bool) -> Self {
        if thorough { Self::CheckThoroughly } else { Self::Check }
    }
}

const STAGES: usize = 8;

/// Holds one frame after the other to its time.
#[derive(Debug)]
pub struct Pace {
    clock: Arc<dyn Clock>,
    end: Option<Duration>,
    /// Time per unit of each stage.
    costs: [Duration; STAGES],
    done: [bool; STAGES],
    /// Whether a stage was ever run. The first run makes plans and buffers that last, so its time predicts nothing.
    begun: [bool; STAGES],
    frames: usize,
}

impl Default for Pace {
    fn default() -> Self {
        Self::new(Arc::new(Monotonic::default()))
    }
}

impl Pace {
    /// A pace that measures by `clock`, without a deadline.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        let never = [false; STAGES];
        Self { clock, end: None, costs: [Duration::ZERO; STAGES], done: never, begun: never, frames: 0 }
    }

    /// Whether the frame has a deadline.
    pub fn is_bound(&self) -> bool {
        self.end.is_some()
    }

    /// Begins a frame that may take `budget`, or as long as it takes.
    pub fn begin(&mut self, budget: Option<Duration>) {
        for (cost, done) in self.costs.iter_mut().zip(&mut self.done) {
            if !std::mem::take(done) {
                *cost = cost.mul_f64(FADE);
            }
        }
        self.end = budget.map(|budget| self.clock.now() + budget);
        self.frames = self.frames.wrapping_add(1);
    }

    /// Does `work`, and returns its result and the time it took.
    pub fn time<T>(&self, work: impl FnOnce() -> T) -> (T, Duration) {
        let start = self.clock.now();
        let result = work();
        (result, self.clock.now().saturating_sub(start))
    }

    /// Runs `work`, which returns its result and the units of `stage` it did. Returns the result and the time it took.
    pub fn measure<T>(&mut self, stage: Stage, work: impl FnOnce(&Self) -> (T, f64)) -> (T, Duration) {
        self.measure_less(stage, Duration::ZERO, work)
    }

    /// As [`measure`](Self::measure), where `other` is what `work` does besides `stage`: it does not count. At most
    /// half of the time counts as other work, for `other` is an estimate.
    pub fn measure_less<T>(
        &mut self,
        stage: Stage,
        other: Duration,
        work: impl FnOnce(&Self) -> (T, f64),
    ) -> (T, Duration) {
        let ((result, units), took) = self.time(|| work(self));
        if units > 0.0 && std::mem::replace(&mut self.begun[stage as usize], true) {
            let own = took.saturating_sub(other).max(took / 2);
            self.learn(stage, own.div_f64(units));
        }
        (result, took)
    }

    /// Records the time `unit` that a unit of `stage` took.
    fn learn(&mut self, stage: Stage, unit: Duration) {
        let cost = &mut self.costs[stage as usize];
        let gain = if unit > *cost { GAIN_UP } else { GAIN_DOWN };
        *cost = if cost.is_zero() { unit } else { cost.mul_f64(1.0 - gain) + unit.min(OUTLIER * *cost).mul_f64(gain) };
        self.done[stage as usize] = true;
    }

    /// Estimated time for `units` of `stage`.
    pub fn cost(&self, stage: Stage, units: usize) -> Duration {
        self.costs[stage as usize].saturating_mul(u32::try_from(units).unwrap_or(u32::MAX))
    }

    /// Whether work that takes `cost` would end in time.
    pub fn allows(&self, cost: Duration) -> bool {
        self.end.is_none_or(|end| self.clock.now() + cost <= end)
    }

    /// Whether the deadline of the frame has passed.
    pub fn is_over(&self) -> bool {
        self.end.is_some_and(|end| self.clock.now() > end)
    }

    /// How many faces can be taken through their stages in time. `stages` has those of each face, in order of priority.
    pub fn faces(&self, stages: &[[Stage; 3]]) -> usize {
        let Some(left) = self.left() else { return stages.len() };
        if self.is_over() {
            return 0;
        }
        let sums = stages.iter().scan(Duration::ZERO, |sum, own| {
            *sum += own.iter().map(|stage| self.cost(*stage, 1)).sum::<Duration>();
            Some(*sum)
        });
        sums.take_while(|sum| *sum <= left).count()
    }

    /// How many iterations each of `faces` faces gets, `most` at most, on `threads` threads, if checks will take
    /// `reserved`. The remainder goes to different faces in each frame.
    pub fn iterations(&self, faces: usize, threads: usize, most: u32, reserved: Duration) -> Vec<u32> {
        let Some(left) = self.left() else { return vec![most; faces] };
        let stage = Stage::iteration(faces);
        let left = left.saturating_sub(reserved);
        let beside = u32::try_from(threads.clamp(1, faces.max(1))).unwrap_or(1);
        let all = whole_times(left.saturating_mul(beside), self.cost(stage, 1)).min(faces * most as usize);
        let (each, rest) = (all / faces.max(1), all % faces.max(1));
        let grant = |face: usize| {
            let place = (face + faces - self.frames.wrapping_mul(rest.max(1)) % faces) % faces;
            u32::try_from(each + usize::from(place < rest)).unwrap_or(most)
        };
        (0..faces).map(grant).collect()
    }

    fn left(&self) -> Option<Duration> {
        self.end.map(|end| end.saturating_sub(self.clock.now()))
    }
}

/// How often `part` fits into `whole`; `usize::MAX` if `part` is zero.
fn whole_times(whole: Duration, part: Duration) -> usize {
    if part.is_zero() {
        return usize::MAX;
    }
    usize::try_from(whole.as_nanos() / part.as_nanos()).unwrap_or(usize::MAX)
}
