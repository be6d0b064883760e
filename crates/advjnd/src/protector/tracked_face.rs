// SPDX-License-Identifier: MIT OR Apache-2.0
//! The state of one followed face that lasts from frame to frame.
//!
//! The verdict is white-box knowledge: it says that the loaded recognisers no longer match the *output* face with the
//! track's own clean embedding.

mod iterations;
mod objective;
mod self_check;

use std::sync::Arc;

pub use self::iterations::Iterations;
use super::geometry::GRID;
use super::margins::{Margins, goals, least_surplus};
use super::previous_luma::PreviousLuma;
use super::recognizer_memory::RecognizerMemory;
use super::rota::Rota;
use super::shape::Shape;
use super::showing::Showing;
use super::spending::Spending;
use super::transfer::{Smoothing, Transfer};
use super::workspace::Workspace;
use super::worth::Worth;
use crate::attack::{Attack, Budget, Dodge, Perturbation, ViewSampler};
use crate::net::{RecognizerSpec, cosine_similarity};
use crate::people::{Acquaintance, Look, Selection};
use crate::pool::Pool;
use crate::report::Verdict;

/// Margin beyond the goal of the iterations above which the perturbation is shrunk.
const MARGIN_SPARE: f32 = 0.04;
/// Factor on the perturbation after a frame with margin to spare.
const SHRINK: f32 = 0.95;

/// The state of one followed face.
#[derive(Debug)]
pub struct TrackedFace {
    perturbation: Perturbation,
    /// Its shape and light.
    pub shape: Shape,
    memories: Vec<RecognizerMemory>,
    views: ViewSampler,
    /// The perturbation that the last frame showed; empty if it showed none.
    last_shown: Vec<f32>,
    /// The clean luma of the face's place one frame ago.
    pub previous: PreviousLuma,
    rotation: usize,
    /// Number of self-check looks that gave a gradient, and whether the last gradient is still to be followed.
    climbs: usize,
    may_climb: bool,
    /// Verdict of the last frame.
    pub verdict: Option<Verdict>,
    /// How large its change is.
    pub spending: Spending,
    /// When it is shown.
    showing: Showing,
    /// Who looks how closely.
    rota: Rota,
    /// Whether looks at this frame were planned.
    was_planned: bool,
    /// The guard's clean embedding one frame ago.
    before: Vec<f32>,
    was_shown: bool,
    /// Who the person is, if that decides whether the face passes.
    pub acquaintance: Acquaintance,
    /// How many iterations it is worth.
    pub worth: Worth,
}

/// What a frame asks of the recognisers of a face.
#[derive(Debug, Clone, Copy)]
pub struct Duties {
    /// Whether more of them than the guard embed the clean face.
    pub enrolls_more: bool,
    /// Whether the check has thorough looks.
    pub is_thorough: bool,
}

/// What all recognisers say of the clean face.
#[derive(Debug, Clone, Copy)]
pub struct Clean {
    /// Least cosine similarity to the track's mean clean embedding.
    pub similarity: f32,
    /// Whether every recogniser matches it to the person of the track.
    pub known: bool,
}

impl TrackedFace {
    /// A new face, with the random numbers of the track `id`.
    pub fn new(seed: u64, id: u64, specs: &[Arc<RecognizerSpec>]) -> Self {
        let mut views = ViewSampler::new(seed, id);
        let memories = specs.iter().map(|spec| RecognizerMemory::new(spec, views.direction(spec.embedding_len)));
        Self {
            memories: memories.collect(),
            perturbation: Perturbation::zeros(GRID * GRID),
            shape: Shape::default(),
            views,
            last_shown: Vec::new(),
            previous: PreviousLuma::default(),
            rotation: 0,
            climbs: 0,
            may_climb: false,
            verdict: None,
            spending: Spending::default(),
            showing: Showing::default(),
            rota: Rota::default(),
            was_planned: false,
            before: Vec::new(),
            was_shown: false,
            acquaintance: Acquaintance::default(),
            worth: Worth::default(),
        }
    }

    /// Whether any frame has shown it protected.
    pub fn was_shown(&self) -> bool {
        self.was_shown
    }

    /// Whether the last judged frame showed it.
    pub fn is_shown(&self) -> bool {
        self.showing.is_shown()
    }

    /// Whether the last output may be shown.
    pub fn passes(&self, work: &Workspace) -> bool {
        self.showing.allows(self.surplus(work), least_surplus(self.output_margins(), &work.tolerated))
    }

    /// Whether an output with the margins last seen, in a check or an iteration, could be shown.
    pub fn would_pass(&self, work: &Workspace) -> bool {
        let surplus = |required| least_surplus(self.last_seen(), required);
        self.showing.allows(surplus(&work.required), surplus(&work.tolerated))
    }

    /// The objective of a recogniser for a chip by one `set` of landmarks.
    pub fn dodge(&self, recognizer: usize, set: usize) -> Dodge<'_> {
        self.memories[recognizer].dodge(set)
    }

    fn last_seen(&self) -> impl Iterator<Item = Margins> + '_ {
        self.memories.iter().map(|memory| memory.last_seen)
    }

    fn output_margins(&self) -> impl Iterator<Item = Margins> + '_ {
        self.memories.iter().map(|memory| memory.output)
    }

    /// Whether no frame before this one was enrolled.
    pub fn is_new(&self) -> bool {
        self.memories.iter().all(RecognizerMemory::is_new)
    }

    /// How similar its clean face of this frame is to `known`: the least over the recognisers. Above zero, all match it
    /// to that person.
    pub fn likeness(&self, known: &Self) -> f32 {
        let pairs = self.memories.iter().zip(&known.memories);
        -pairs.map(|(own, known)| own.clean_margin(&known.mean)).fold(f32::NEG_INFINITY, f32::max)
    }

    /// Takes over the state of `known`, the same person.
    pub fn resume(&mut self, known: &Self) {
        self.perturbation = known.perturbation.clone();
        self.may_climb = false;
        self.shape = known.shape.clone();
        self.spending = known.spending;
        self.memories.iter_mut().zip(&known.memories).for_each(|(own, known)| own.resume(known));
    }

    /// The perturbation in grid coordinates.
    pub fn delta(&self) -> &[f32] {
        &self.perturbation.delta
    }

    /// Forgets the perturbation, but not the person.
    pub fn start_anew(&mut self) {
        self.perturbation = Perturbation::zeros(GRID * GRID);
        self.may_climb = false;
        self.last_shown.clear();
        self.memories.iter_mut().for_each(RecognizerMemory::forget_output);
    }

    /// Least margin of the last output over all recognisers.
    pub fn margin(&self) -> f32 {
        self.memories.iter().flat_map(|memory| memory.output).fold(f32::INFINITY, f32::min)
    }

    /// Least surplus of the last output over the required margins, of all recognisers.
    pub fn surplus(&self, work: &Workspace) -> f32 {
        least_surplus(self.output_margins(), &work.required)
    }

    /// As [`surplus`](Self::surplus), over the goals of the iterations.
    pub fn goal_surplus(&self, work: &Workspace, reserve: f32) -> f32 {
        least_surplus(self.output_margins(), &goals(&work.required, reserve))
    }

    /// Keeps the perturbation inside `budget`.
    pub fn project(&mut self, budget: &mut Budget) {
        budget.project(&mut self.perturbation.delta);
    }

    /// `budget`, further limited to at most `limit` times its half widths from the perturbation that the last frame
    /// showed.
    pub fn steady(&self, budget: Budget, limit: f32) -> Budget {
        if self.last_shown.is_empty() { budget } else { budget.near(&self.last_shown, limit) }
    }

    /// Ends a frame that was judged.
    pub fn settle_judged(&mut self, shows: bool, surplus: f32) {
        self.showing.settle(shows, surplus);
        self.spending.settle(surplus);
    }

    /// Ends a frame; `shows`: whether it shows the perturbation. Shrinks the perturbation if the output had enough
    /// margin to `spare` beyond the goal. Returns the mean change of the perturbation since the last frame, in code
    /// values of luma.
    pub fn settle(&mut self, spare: f32, shows: bool) -> f32 {
        if !std::mem::take(&mut self.was_planned) {
            self.rota.skip();
            self.memories.iter_mut().for_each(RecognizerMemory::grow_older);
        }
        let delta = &self.perturbation.delta;
        let mut flicker = 0.0;
        if shows && !self.last_shown.is_empty() {
            let changes = delta.iter().zip(&self.last_shown).map(|(delta, shown)| (delta - shown).abs());
            flicker = changes.sum::<f32>() / delta.len() as f32;
        }
        self.last_shown.clear();
        self.was_shown |= shows;
        if shows {
            self.last_shown.extend_from_slice(delta);
            if spare > MARGIN_SPARE {
                self.perturbation.shrink(SHRINK);
            }
        }
        flicker
    }

    /// What the coming frame asks for, unless the guard sees a change.
    pub fn duties(&self, hurried: bool) -> Duties {
        let (mut rota, count) = (self.rota, self.memories.len());
        rota.next(self.showing.is_steady(), hurried);
        let enrolls_more = (1..count).any(|index| rota.enrolls(index, count) || self.memories[index].is_blank());
        Duties { enrolls_more, is_thorough: rota.is_thorough(count) }
    }

    /// Whether the check of this frame has thorough looks.
    pub fn is_thorough(&self) -> bool {
        self.rota.is_thorough(self.memories.len())
    }

    /// Begins a frame: plans the looks at the clean face by the recognisers whose turn it is. `hurried`: whether the
    /// frame has a deadline.
    pub fn plan_clean_looks(&mut self, work: &mut Workspace, hurried: bool) {
        let is_askew = work.geometry.strange_sets().next().is_some();
        self.rota.next(self.showing.is_steady() && !is_askew, hurried && !is_askew);
        self.before.clone_from(&self.memories[0].now);
        self.memories.iter_mut().for_each(RecognizerMemory::grow_older);
        self.was_planned = true;
        let count = self.memories.len();
        work.probes.clear();
        for (index, memory) in self.memories.iter().enumerate() {
            if self.rota.enrolls(index, count) || memory.is_blank() {
                work.plan_clean_looks(index, memory.spec());
            }
        }
    }

    /// Stores the results of the planned looks. Plans the rest if the guard saw a change, or a person who may pass by
    /// the `selection`. A face `seen` by the detector counts for the track's mean; a predicted place may show anything.
    pub fn take_clean_looks(&mut self, work: &mut Workspace, seen: bool, selection: Option<&Selection>) {
        let probes = std::mem::take(&mut work.probes);
        for probe in &probes {
            let memory = &mut self.memories[probe.recognizer];
            match probe.point.set.checked_sub(1) {
                None => {
                    memory.take_clean(&probe.embedding, seen);
                    memory.strange.clear();
                    memory.strange.resize(work.geometry.sets() - 1, Vec::new());
                }
                Some(index) => memory.strange[index].clone_from(&probe.embedding),
            }
        }
        let guard = &self.memories[0];
        let known = guard.clean_margin(&guard.mean) < 0.0;
        if probes.iter().all(|probe| probe.recognizer != 0) {
            return;
        }
        let may_pass =
            selection.is_some_and(|selection| seen && selection.calls_for_all(&mut self.acquaintance, &guard.now));
        if self.rota.guard(known, &guard.now, &self.before) || may_pass {
            let left_out = |index: usize| probes.iter().all(|probe| probe.recognizer != index);
            for (index, memory) in self.memories.iter().enumerate().filter(|(index, _)| left_out(*index)) {
                work.plan_clean_looks(index, memory.spec());
            }
        }
    }

    /// Whether the clean face passes unchanged by `selection`; false unless all recognisers embedded it in this frame.
    /// `turn` is that of its landmarks.
    pub fn passes_as_it_is(&mut self, selection: &Selection, turn: f32) -> bool {
        let Self { memories, acquaintance, .. } = self;
        let embeddings: Vec<&[f32]> = memories.iter().map(|memory| memory.now.as_slice()).collect();
        let is_fresh = memories.iter().all(|memory| memory.is_fresh);
        is_fresh && selection.passes(acquaintance, &Look { embeddings: &embeddings, turn })
    }

    /// What all recognisers say of the clean face.
    pub fn clean(&self) -> Clean {
        let mut clean = Clean { similarity: 1.0, known: true };
        for memory in &self.memories {
            clean.similarity = clean.similarity.min(cosine_similarity(&memory.mean, &memory.now));
            clean.known &= memory.clean_margin(&memory.mean) < 0.0;
        }
        clean
    }

    /// Stores the gradient of a self-check look.
    pub fn take_gradient(&mut self, work: &mut Workspace, smoothing: &mut Smoothing, transfer: &Transfer, pool: &Pool) {
        work.pull_back(&mut self.perturbation.gradient, smoothing, transfer, pool);
        self.may_climb = true;
    }

    /// Follows the gradient of the last frame's self-check, if there is one, inside `budget`: an iteration without a
    /// forward pass of its own. Returns the number of iterations, 0 or 1.
    pub fn climb(&mut self, work: &Workspace, budget: &mut Budget, attack: &Attack, transfer: &Transfer) -> u32 {
        if !std::mem::take(&mut self.may_climb) {
            return 0;
        }
        if self.surplus(work) < 0.0 {
            self.spending.fall_short(1, self.is_shown());
            budget.set_rms(work.share(self.spending.size()));
        }
        let distance = -self.goal_surplus(work, transfer.reserve);
        Attack { momentum: transfer.momentum, ..*attack }.advance(budget, &mut self.perturbation, distance);
        1
    }

    /// Takes the margins last seen, by an iteration or a check, as those of the output.
    pub fn estimate(&mut self) {
        self.memories.iter_mut().for_each(|memory| memory.output = memory.last_seen);
    }
}
