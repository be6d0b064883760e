// SPDX-License-Identifier: MIT OR Apache-2.0
//! The objective of one face in one frame.
//!
//! Recognisers take turns, and with each the renditions that the self-check reads. An iteration follows the gradient of
//! the next one, in order, that was last seen short of its goal. So several cost no more gradients than one. While one
//! is short of the required margin, the goal is that and little more: the reserve of others does not get the face
//! shown.

use super::chip_reader::ChipReader;
use super::geometry::{Geometry, Viewpoint};
use super::margins::{self, goal, goals, least_surplus};
use super::recognizer_memory::RecognizerMemory;
use super::rendition::Rendition;
use super::shape::{Extent, Shape};
use super::transfer::{Smoothing, Transfer};
use super::workspace::Workspace;
use super::worth::LEAST_ITERATIONS;
use crate::attack::{Objective, ViewSampler};
use crate::error::Result;

/// Reserve beyond the required margin while a recogniser is short of the latter.
const SMALL_RESERVE: f32 = 0.1;

/// The margin of one recogniser through one random view, as the frame would store the perturbation.
pub struct FrameObjective<'a> {
    /// The recognisers of the working thread.
    pub readers: &'a mut [ChipReader],
    /// Their memories of the face, in the same order.
    pub memories: &'a mut [RecognizerMemory],
    /// The face in this frame.
    pub work: &'a mut Workspace,
    /// Random views.
    pub views: &'a mut ViewSampler,
    /// Place of the next target in the round of recognisers, renditions and sets of landmarks.
    pub rotation: &'a mut usize,
    /// Smooths gradients.
    pub smoothing: &'a mut Smoothing,
    /// How the iterations aim at recognisers that are not loaded.
    pub transfer: &'a Transfer,
    /// The shape, if it follows the gradients, too.
    pub shaping: Option<Shaping<'a>>,
    /// Whether there is time for another iteration.
    pub goes_on: &'a dyn Fn() -> bool,
    /// Number of iterations so far.
    pub spent: u32,
}

/// The shape of the face while it is searched.
pub struct Shaping<'a> {
    /// The shape.
    pub shape: &'a mut Shape,
    /// How far it may go.
    pub extent: Extent,
}

/// What an iteration aims at.
struct Target {
    recognizer: usize,
    rendition: Rendition,
    set: usize,
}

impl FrameObjective<'_> {
    /// The next target that falls short of its goal, or simply the next one if none does.
    fn next_target(&mut self) -> Target {
        let (count, kinds) = (self.memories.len(), Rendition::ALL.len());
        let reserve = if self.is_short() { SMALL_RESERVE.min(self.transfer.reserve) } else { self.transfer.reserve };
        let (memories, first) = (&*self.memories, *self.rotation);
        let own = |place: usize| (place % count, Rendition::ALL[place / count % kinds]);
        let is_checked = |place: usize| self.work.required[own(place).0][own(place).1.index()] > f32::NEG_INFINITY;
        let falls_short = |place: usize| {
            let (recognizer, rendition) = own(place);
            let goal = goal(&self.work.required[recognizer], rendition.index(), reserve);
            is_checked(place) && memories[recognizer].last_seen[rendition.index()] < goal
        };
        let mut all = first..first + count * kinds;
        let place = all.clone().find(|place| falls_short(*place)).or_else(|| all.find(|place| is_checked(*place)));
        let place = place.unwrap_or(first);
        *self.rotation = place + 1;
        let (recognizer, rendition) = own(place);
        let (geometry, round) = (&self.work.geometry, place / (count * kinds));
        let nth = |sets: &mut dyn Iterator<Item = usize>, count: usize| sets.nth(round % count.max(1)).unwrap_or(0);
        let (near, strange) = (geometry.near_sets(), geometry.strange_sets());
        let set = match rendition {
            Rendition::Askew => nth(&mut strange.clone(), strange.count()),
            _ => nth(&mut near.clone(), near.count()),
        };
        Target { recognizer, rendition, set }
    }

    /// Whether the margins last seen are short of the required ones.
    pub fn is_short(&self) -> bool {
        least_surplus(self.last_seen(), &self.work.required) < 0.0
    }

    /// Whether the margins last seen reach the tolerated ones.
    pub fn is_tolerated(&self) -> bool {
        least_surplus(self.last_seen(), &self.work.tolerated) >= 0.0
    }

    fn last_seen(&self) -> impl Iterator<Item = margins::Margins> + '_ {
        self.memories.iter().map(|memory| memory.last_seen)
    }
}

impl Objective for FrameObjective<'_> {
    fn goes_on(&self) -> bool {
        // The first iterations aim for the reserve, too; later ones only for the required margins.
        (self.goes_on)() && (self.shaping.is_some() || self.spent < LEAST_ITERATIONS || self.is_short())
    }

    fn value_and_grad(&mut self, delta: &[f32], gradient: &mut [f32]) -> Result<f32> {
        self.spent += 1;
        let Target { recognizer, rendition, set } = self.next_target();
        let halved = rendition == Rendition::Halved;
        let (reader, memory) = (&mut self.readers[recognizer], &mut self.memories[recognizer]);
        // A view further off than landmarks ever are says nothing about the margin.
        let near = self.transfer.diversity <= self.work.geometry.reach();
        let reach = if near { self.work.geometry.reach() } else { self.transfer.diversity };
        let view = Geometry::random_view(reach, reader.spec().chip_size, self.views);
        self.work.carry(delta, halved);
        let Workspace { geometry, clean, stretch, gradient: luma_gradient, .. } = &mut *self.work;
        let point = Viewpoint { set, view: Some(view), mirrored: self.views.chance(0.5), rendition };
        reader.align(recognizer, geometry, clean, *stretch, &point);
        let dodge = memory.dodge(set);
        let mut margin = f32::NEG_INFINITY;
        reader.luma_gradient(
            &mut |embedding, cotangent| margin = dodge.margin_and_cotangent(embedding, cotangent),
            halved.then_some(&clean.half),
            luma_gradient,
        )?;
        self.work.pull_back(gradient, self.smoothing, self.transfer);
        if near {
            memory.last_seen[rendition.index()] = margin;
        }
        if let Some(Shaping { shape, extent }) = &mut self.shaping {
            let Workspace { reshaper, clean, gradient, .. } = &mut *self.work;
            shape.step(&reshaper.gradient(&clean.region, gradient));
            self.work.lay_shape(&shape.controls(*extent), self.readers.iter().map(ChipReader::spec))?;
        }
        Ok(margin)
    }

    fn margin(&self, _: f32) -> f32 {
        let reserve = self.transfer.reserve;
        reserve + least_surplus(self.last_seen(), &goals(&self.work.required, reserve))
    }
}
