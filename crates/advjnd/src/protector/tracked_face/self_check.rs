// SPDX-License-Identifier: MIT OR Apache-2.0
//! The self-check of a followed face: which recogniser looks how, which look gives a gradient, and the result.

use super::super::geometry::Viewpoint;
use super::super::rendition::Rendition;
use super::super::rota::first;
use super::super::workspace::{Probe, Workspace};
use super::TrackedFace;
use crate::net::cosine_similarity;

impl TrackedFace {
    /// Plans the probes of the self-check. Every recogniser looks; thorough looks use every set of landmarks, random
    /// views, and the copies that are checked. `climbs`: whether one probe should give its gradient.
    pub fn plan_probes(&mut self, work: &mut Workspace, climbs: bool) {
        let copies = [Rendition::Halved, Rendition::Stretched];
        let copies = copies.map(|copy| Some(copy).filter(|copy| work.is_checked(*copy)));
        let Workspace { geometry, probes, required, .. } = work;
        probes.clear();
        let urgencies = self.memories.iter().zip(&*required).map(|(memory, required)| memory.urgency(required));
        let urgencies: Vec<u32> = urgencies.collect();
        for (recognizer, memory) in self.memories.iter_mut().enumerate() {
            let has_spare = memory.has_spare(&required[recognizer]);
            memory.is_thorough = self.rota.looks_thoroughly(recognizer, &urgencies, has_spare);
            let spec = memory.spec();
            let plain = |set, rendition| Viewpoint { set, view: None, mirrored: false, rendition };
            if !memory.is_thorough {
                let points = geometry.plain_sets().map(|set| plain(set, Rendition::AsIs));
                probes.extend(points.map(|point| Probe::new(recognizer, spec, point)));
                continue;
            }
            let as_is = geometry.near_sets().map(|set| plain(set, Rendition::AsIs));
            let askew = geometry.strange_sets().map(|set| plain(set, Rendition::Askew));
            let copies = copies.into_iter().flatten().map(|rendition| plain(0, rendition));
            // Every other random view is mirrored, the first among them.
            let in_views = geometry.near_sets().cycle().take(geometry.checks()).enumerate().map(|(index, set)| {
                let view = Some(geometry.view(spec.chip_size, &mut self.views));
                Viewpoint { view, mirrored: index.is_multiple_of(2), ..plain(set, Rendition::AsIs) }
            });
            let points = as_is.chain(in_views).chain(askew).chain(copies);
            probes.extend(points.map(|point| Probe::new(recognizer, spec, point)));
        }
        if climbs {
            self.choose_climb(work, first(&urgencies));
        }
    }

    /// Chooses the probe of `recognizer` that gives its gradient: in turn among renditions last seen short of their
    /// margins, or among all if none was. The probe moves to the front, since it takes longest.
    fn choose_climb(&mut self, work: &mut Workspace, recognizer: usize) {
        let (seen, required) = (&self.memories[recognizer].last_seen, &work.required[recognizer]);
        let own = |place: &usize| work.probes[*place].recognizer == recognizer;
        let is_short = |place: &usize| {
            let rendition = work.probes[*place].point.rendition.index();
            seen[rendition] < required[rendition]
        };
        let mut places: Vec<usize> = (0..work.probes.len()).filter(own).collect();
        if places.iter().any(is_short) {
            places.retain(is_short);
        }
        if places.is_empty() {
            return;
        }
        let place = places[self.climbs / self.memories.len() % places.len()];
        self.climbs = self.climbs.wrapping_add(1);
        work.probes[place].climbs = true;
        work.probes.swap(0, place);
    }

    /// Stores the worst margins that each recogniser's probes of the output saw. Returns the highest cosine similarity
    /// to the track's mean clean embedding.
    pub fn judge(&mut self, work: &Workspace) -> f32 {
        let mut similarity = -1.0;
        for (index, memory) in self.memories.iter_mut().enumerate() {
            let own = work.probes.iter().filter(|probe| probe.recognizer == index);
            let similarities = own.map(|probe| cosine_similarity(&memory.mean, &probe.embedding));
            similarity = similarities.fold(similarity, f32::max);
            memory.judge(index, work);
        }
        similarity
    }
}
