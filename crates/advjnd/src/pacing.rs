// SPDX-License-Identifier: MIT OR Apache-2.0
//! Deadlines: how much may be done to a frame before it must be out.
//!
//! A [`Schedule`] says how long a frame of a live stream may take, by the rate of frames, by what comes back from
//! downstream, and by how long the frame has waited already. A [`Pace`] holds one frame to it: what a stage will take
//! is estimated from what it took before, and the time for the self-check of every face is set aside first. Iterations
//! that would not end in time are not begun; faces that could not be checked in time are not worked on, which means
//! that they are covered.
//!
//! Without a deadline the clock is read for the report only, and decides nothing.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Share of a frame's interval that an element takes by itself; the rest is for its neighbours.
const AUTOMATIC_SHARE: f64 = 0.95;
/// Interval of frames that tell none.
pub const DEFAULT_INTERVAL: Duration = Duration::from_nanos(1_000_000_000 / 30);
/// However late a frame is, it may take this share of its time: less would cover its faces and win little.
const LEAST_SHARE: f64 = 0.4;
/// Gain of an estimate towards a higher measurement, and towards a lower one.
const GAIN_UP: f64 = 0.5;
const GAIN_DOWN: f64 = 0.15;
/// One measurement counts as at most so many times the estimate before it: the machine may have been busy elsewhere.
const OUTLIER: u32 = 3;
/// What is left of an estimate for a frame in which the stage was left out: it must be tried again some day.
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
    /// Time for a frame as the user wants it; zero: a share of the interval.
    pub deadline: Duration,
    /// Time from frame to frame; `None` if the stream does not tell.
    pub interval: Option<Duration>,
    /// How many times too slow downstream finds the stream; at most 1 if it does not.
    pub proportion: f64,
}

impl Default for Schedule {
    fn default() -> Self {
        Self { deadline: Duration::ZERO, interval: None, proportion: 1.0 }
    }
}

impl Schedule {
    /// The longest that a frame takes if it is held to its time: the latency of whoever works by this schedule.
    pub fn latency(&self) -> Duration {
        if self.deadline.is_zero() {
            self.interval.unwrap_or(DEFAULT_INTERVAL).mul_f64(AUTOMATIC_SHARE)
        } else {
            self.deadline
        }
    }

    /// How long a frame may take that has `waited` since it should have come.
    pub fn budget(&self, waited: Duration) -> Duration {
        let latency = self.latency();
        let share = if self.proportion > 1.0 { 1.0 / self.proportion } else { 1.0 };
        latency.mul_f64(share).saturating_sub(waited).max(latency.mul_f64(LEAST_SHARE))
    }
}

/// What takes time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stage {
    /// Finding faces in the whole frame.
    Detect,
    /// Laying out a face, and bounding its change.
    LayOut,
    /// Looking at a face as it came.
    Enroll,
    /// An iteration on a face that has all threads.
    Iterate,
    /// An iteration on one of several faces that are worked on at the same time.
    IterateBeside,
    /// Writing a face and checking it.
    Check,
    /// The same, with the gradient of one of the looks.
    CheckAndClimb,
}

impl Stage {
    /// An iteration on one of so many faces.
    pub fn iteration(faces: usize) -> Self {
        if faces == 1 { Self::Iterate } else { Self::IterateBeside }
    }
}

const STAGES: usize = 7;

/// One frame after the other, each held to its time.
#[derive(Debug)]
pub struct Pace {
    clock: Arc<dyn Clock>,
    end: Option<Duration>,
    /// What a unit of each stage takes.
    costs: [Duration; STAGES],
    done: [bool; STAGES],
    /// Whether a stage was ever done: the first time makes plans and buffers that last, and says nothing of the next.
    begun: [bool; STAGES],
    frames: usize,
}

impl Default for Pace {
    fn default() -> Self {
        Self::new(Arc::new(Monotonic::default()))
    }
}

impl Pace {
    /// A pace by `clock`, without a deadline.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        let (costs, never) = ([Duration::ZERO; STAGES], [false; STAGES]);
        Self { clock, end: None, costs, done: never, begun: never, frames: 0 }
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

    /// Does `work`, which comes to as many units of `stage` as it says, and returns its result and the time it took.
    pub fn measure<T>(&mut self, stage: Stage, work: impl FnOnce(&Self) -> (T, f64)) -> (T, Duration) {
        let start = self.clock.now();
        let (result, units) = work(self);
        let took = self.clock.now().saturating_sub(start);
        if units > 0.0 && std::mem::replace(&mut self.begun[stage as usize], true) {
            self.learn(stage, took.div_f64(units));
        }
        (result, took)
    }

    /// Takes note that a unit of `stage` took so long. Checks with and without a gradient become dearer and cheaper
    /// together: what one takes tells of the other.
    fn learn(&mut self, stage: Stage, unit: Duration) {
        let before = self.costs[stage as usize];
        let cost = if before.is_zero() {
            unit
        } else {
            let unit = unit.min(OUTLIER * before);
            let gain = if unit > before { GAIN_UP } else { GAIN_DOWN };
            before.mul_f64(1.0 - gain) + unit.mul_f64(gain)
        };
        (self.costs[stage as usize], self.done[stage as usize]) = (cost, true);
        let other = match stage {
            Stage::Check => Stage::CheckAndClimb,
            Stage::CheckAndClimb => Stage::Check,
            _ => return,
        };
        if !before.is_zero() {
            let other = &mut self.costs[other as usize];
            *other = other.mul_f64(cost.as_secs_f64() / before.as_secs_f64());
        }
        self.done[Stage::Check as usize] = true;
    }

    /// What `units` of `stage` will take.
    pub fn cost(&self, stage: Stage, units: usize) -> Duration {
        self.costs[stage as usize].saturating_mul(u32::try_from(units).unwrap_or(u32::MAX))
    }

    /// Whether what takes so long would end in time.
    pub fn allows(&self, cost: Duration) -> bool {
        self.end.is_none_or(|end| self.clock.now() + cost <= end)
    }

    /// Whether the time of the frame is over.
    pub fn is_over(&self) -> bool {
        self.end.is_some_and(|end| self.clock.now() > end)
    }

    /// How many faces, the first of those whose last stages `ends` are, can be laid out, looked at and brought to their
    /// end in time.
    pub fn faces(&self, ends: &[Stage]) -> usize {
        let Some(left) = self.left() else { return ends.len() };
        if self.is_over() {
            return 0;
        }
        let begin = self.cost(Stage::LayOut, 1) + self.cost(Stage::Enroll, 1);
        let sums = ends.iter().scan(Duration::ZERO, |sum, end| {
            *sum += begin + self.cost(*end, 1);
            Some(*sum)
        });
        sums.take_while(|sum| *sum <= left).count()
    }

    /// How many iterations each of `faces` faces gets of at most `most`, on `threads` threads, when `checked` faces are
    /// yet to be checked. What is left over goes to others in every frame.
    pub fn iterations(&self, faces: usize, threads: usize, most: u32, checked: usize) -> Vec<u32> {
        let Some(left) = self.left() else { return vec![most; faces] };
        let stage = Stage::iteration(faces);
        let left = left.saturating_sub(self.cost(Stage::Check, checked));
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

/// How often `part` fits into `whole`: without end if it takes no time.
fn whole_times(whole: Duration, part: Duration) -> usize {
    if part.is_zero() {
        return usize::MAX;
    }
    usize::try_from(whole.as_nanos() / part.as_nanos()).unwrap_or(usize::MAX)
}
