// SPDX-License-Identifier: MIT OR Apache-2.0
//! The objective of one face in one frame.
//!
//! Recognisers take turns, and with each the renditions that the self-check reads. An iteration follows the gradient of
//! the next one, in order, that was last seen short of its goal. So several cost no more gradients than one. While one
//! is short of the required margin, the goal is that and little more: the reserve of others does not get the face
//! shown.

use super::super::chip_reader::Pulled;
use super::super::geometry::{Geometry, Viewpoint};
use super::super::margins::{goal, goals, least_surplus};
use super::super::rendition::Rendition;
use super::super::transfer::{Smoothing, Transfer};
use super::super::workspace::Workspace;
use super::TrackedFace;
use crate::pool::Pool;

/// Reserve beyond the required margin while a recogniser is short of the latter.
const SMALL_RESERVE: f32 = 0.1;

/// What an iteration aims at.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// Index of the recogniser.
    pub recognizer: usize,
    /// Index of the set of landmarks.
    pub set: usize,
    rendition: Rendition,
}

impl TrackedFace {
    /// The next target that falls short of its goal, or simply the next one if none does.
    fn next_target(&mut self, work: &Workspace, reserve: f32) -> Target {
        let (count, kinds) = (self.memories.len(), Rendition::ALL.len());
        let reserve = if self.is_short(work) { SMALL_RESERVE.min(reserve) } else { reserve };
        let (memories, first) = (&*self.memories, self.rotation);
        let own = |place: usize| (place % count, Rendition::ALL[place / count % kinds]);
        let is_checked = |place: usize| work.required[own(place).0][own(place).1.index()] > f32::NEG_INFINITY;
        let falls_short = |place: usize| {
            let (recognizer, rendition) = own(place);
            let goal = goal(&work.required[recognizer], rendition.index(), reserve);
            is_checked(place) && memories[recognizer].last_seen[rendition.index()] < goal
        };
        let mut all = first..first + count * kinds;
        let place = all.clone().find(|place| falls_short(*place)).or_else(|| all.find(|place| is_checked(*place)));
        let place = place.unwrap_or(first);
        self.rotation = place + 1;
        let (recognizer, rendition) = own(place);
        let (geometry, round) = (&work.geometry, place / (count * kinds));
        let nth = |sets: &mut dyn Iterator<Item = usize>, count: usize| sets.nth(round % count.max(1)).unwrap_or(0);
        let (near, strange) = (geometry.near_sets(), geometry.strange_sets());
        let set = match rendition {
            Rendition::Askew => nth(&mut strange.clone(), strange.count()),
            _ => nth(&mut near.clone(), near.count()),
        };
        Target { recognizer, rendition, set }
    }

    /// Whether the margins last seen are short of the required ones.
    pub(super) fn is_short(&self, work: &Workspace) -> bool {
        least_surplus(self.last_seen(), &work.required) < 0.0
    }

    /// Whether the margins last seen reach the tolerated ones.
    pub(super) fn is_tolerated(&self, work: &Workspace) -> bool {
        least_surplus(self.last_seen(), &work.tolerated) >= 0.0
    }

    /// What the margins last seen have beyond the goals, plus the reserve: an iteration has reached its end at the
    /// reserve.
    pub(super) fn reached(&self, work: &Workspace, reserve: f32) -> f32 {
        reserve + least_surplus(self.last_seen(), &goals(&work.required, reserve))
    }

    /// Chooses the next target, and cuts the chip that it sees through a random view, as the frame would store the
    /// perturbation.
    pub(super) fn cut_next(&mut self, work: &mut Workspace, transfer: &Transfer, pool: &Pool) -> Target {
        let target = self.next_target(work, transfer.reserve);
        let Target { recognizer, set, rendition } = target;
        let side = self.memories[recognizer].spec().chip_size;
        let view = Geometry::random_view(work.geometry.reach().max(transfer.diversity), side, &mut self.views);
        work.carry(&self.perturbation.delta, rendition == Rendition::Halved, pool);
        let point = Viewpoint { set, view: Some(view), mirrored: self.views.chance(0.5), rendition };
        let Workspace { geometry, clean, stretch, chip, .. } = work;
        chip.cut(recognizer, side, geometry, clean, *stretch, &point, pool);
        target
    }

    /// Pulls the gradient at `target` back to the perturbation, and notes the margin.
    pub(super) fn pull_back(
        &mut self,
        target: Target,
        pulled: Pulled<'_>,
        work: &mut Workspace,
        smoothing: &mut Smoothing,
        transfer: &Transfer,
        pool: &Pool,
    ) {
        let Workspace { clean, chip, gradient, .. } = work;
        chip.pull_back(pulled.gradient, &clean.half, gradient, pool);
        work.pull_back(&mut self.perturbation.gradient, smoothing, transfer, pool);
        // A view further off than landmarks ever are says nothing about the margin.
        if transfer.diversity <= work.geometry.reach() {
            self.memories[target.recognizer].last_seen[target.rendition.index()] = pulled.margin;
        }
    }
}
