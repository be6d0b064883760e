//! One followed face: what is remembered of it from frame to frame, and what is done to it in one.
//!
//! The verdict is white-box knowledge: it says that the recognisers at hand no longer match the face *as output* with
//! the track's own clean embedding. Two references stand for the person, and the nearer counts: the mean clean
//! embedding of the track, and the clean embedding of this very frame (which also catches another person in the same
//! place).
//!
//! Several recognisers take turns: each iteration follows the gradient of one, the next in order that was last seen
//! short of the goal, whatever the frame. The iterations end when none is. So several cost no more gradients than one;
//! the self-check looks with all of them.

use super::geometry::{GRID, Geometry, Viewpoint};
use super::rendition::Rendition;
use super::station::{Eye, Sources, Station};
use super::transfer::{Smoothing, Transfer};
use super::workspace::{Look, Scene, Workspace};
use crate::attack::{Attack, Budget, Dodge, Objective, Perturbation, ViewSampler, cosine_similarity, margin};
use crate::error::Result;
use crate::net::RecognizerSpec;
use crate::report::Verdict;

/// Margin beyond what is required and the reserve above which the perturbation is made smaller.
const MARGIN_SPARE: f32 = 0.04;
/// What is left of the perturbation after one frame with margin to spare.
const SHRINK: f32 = 0.95;
/// Frames over which the clean embedding of a track is averaged evenly; later ones count as the last of so many.
const REFERENCE_FRAMES: f32 = 50.0;

/// Iterations that a face gets in any case: for a reserve beyond its margins, and where the last frames did not protect it,
const LEAST_ITERATIONS: u32 = 4;
/// and once so many frames in a row did not.
const FRUITLESS_FRAMES: u32 = 30;
const HOPELESS_ITERATIONS: u32 = 2;

/// What lasts from frame to frame.
#[derive(Debug)]
pub struct Subject {
    perturbation: Perturbation,
    people: Vec<Person>,
    views: ViewSampler,
    /// The perturbation that the last frame showed; empty if that showed none.
    shown: Vec<f32>,
    /// What was to be seen where it was laid out in the last frame, before it was changed.
    pub scene: Scene,
    turn: usize,
    /// Verdict of the last frame.
    pub verdict: Option<Verdict>,
    /// Whether a frame has shown it protected.
    proven: bool,
    /// Frames in a row that left it short of its margins although it had all iterations that it was allowed.
    fruitless: u32,
}

/// A margin for each [`Rendition`].
type Margins = [f32; Rendition::ALL.len()];

/// Nothing is known.
const UNKNOWN: Margins = [f32::NEG_INFINITY; Rendition::ALL.len()];

/// The person as one recogniser knows it.
#[derive(Debug)]
struct Person {
    mean: Vec<f32>,
    frames: f32,
    now: Vec<f32>,
    away: Vec<f32>,
    /// Margin that this recogniser last saw of each rendition, in the self-check or an iteration; minus infinity
    /// before.
    seen: Margins,
    /// Margin of each rendition of the last output; minus infinity before the first, infinity where nobody looked.
    margins: Margins,
}

/// The clean face, in the eyes of every recogniser.
#[derive(Debug, Clone, Copy)]
pub struct Clean {
    /// Least cosine similarity to the track's mean clean embedding.
    pub similarity: f32,
    /// Whether every recogniser takes it for the person of the track.
    pub known: bool,
}

impl Subject {
    /// A face never seen before.
    pub fn new(seed: u64, stream: u64, specs: &[RecognizerSpec]) -> Self {
        let mut views = ViewSampler::new(seed, stream);
        let people = specs.iter().map(|spec| spec.embedding_len).map(|len| Person {
            mean: vec![0.0; len],
            frames: 0.0,
            now: vec![0.0; len],
            away: views.direction(len),
            seen: UNKNOWN,
            margins: UNKNOWN,
        });
        Self {
            people: people.collect(),
            perturbation: Perturbation::zeros(GRID * GRID),
            views,
            shown: Vec::new(),
            scene: Scene::default(),
            turn: 0,
            verdict: None,
            proven: false,
            fruitless: 0,
        }
    }

    /// Whether a frame has shown it, protected.
    pub fn has_been_shown(&self) -> bool {
        self.proven
    }

    /// Whether its clean face was not looked at before this frame.
    pub fn is_new(&self) -> bool {
        self.people.iter().all(|person| person.frames <= 1.0)
    }

    /// How much its clean face of this frame is that of `known`, in the eyes of the recogniser that doubts it most:
    /// above zero all take it for that person.
    pub fn likeness(&self, known: &Self, specs: &[RecognizerSpec]) -> f32 {
        let pairs = specs.iter().zip(self.people.iter().zip(&known.people));
        -pairs.map(|(spec, (own, known))| margin(spec, &known.mean, &own.now)).fold(f32::NEG_INFINITY, f32::max)
    }

    /// Goes on from where `known`, the same person, was left.
    pub fn resume(&mut self, known: &Self) {
        self.perturbation = known.perturbation.clone();
        for (own, known) in self.people.iter_mut().zip(&known.people) {
            own.mean.clone_from(&known.mean);
            own.frames = known.frames;
            own.away.clone_from(&known.away);
        }
    }

    /// The perturbation in grid coordinates.
    pub fn delta(&self) -> &[f32] {
        &self.perturbation.delta
    }

    /// Forgets the perturbation, and keeps what is known of the person.
    pub fn start_anew(&mut self) {
        self.perturbation = Perturbation::zeros(GRID * GRID);
        self.shown.clear();
        self.people.iter_mut().for_each(|person| person.margins = UNKNOWN);
    }

    /// Least margin of the last output in the eyes of any recogniser.
    pub fn margin(&self) -> f32 {
        self.people.iter().flat_map(|person| person.margins).fold(f32::INFINITY, f32::min)
    }

    /// How far the last output is beyond the margin required, in the eyes of the recogniser that is least content.
    pub fn surplus(&self, work: &Workspace) -> f32 {
        least_surplus(self.people.iter().map(|person| person.margins), &work.required)
    }

    /// As [`surplus`](Self::surplus), of what iterations go for: `reserve` beyond the margin required, of copies a
    /// share of that; zero where that is reached.
    pub fn goal_surplus(&self, work: &Workspace, reserve: f32) -> f32 {
        least_surplus(self.people.iter().map(|person| person.margins), &goals(work, reserve))
    }

    /// How many iterations it is worth, `most` at most: half as many after every frame in which they did not protect it,
    /// down to a few, and hardly any once they have been of no use for long.
    pub fn allowance(&self, most: u32) -> u32 {
        let least = if self.fruitless < FRUITLESS_FRAMES { LEAST_ITERATIONS } else { HOPELESS_ITERATIONS };
        let halved = most.checked_shr(self.fruitless).unwrap_or(0);
        halved.max(least).min(most)
    }

    /// Takes note of a frame in which so many `iterations`, of `most`, left it `protected` or not.
    pub fn learn(&mut self, iterations: u32, most: u32, protected: bool) {
        let tried = iterations >= self.allowance(most);
        self.fruitless = match (protected, tried) {
            (true, _) => 0,
            (false, true) => self.fruitless.saturating_add(1),
            (false, false) => self.fruitless,
        };
    }

    /// Keeps the perturbation inside `budget`.
    pub fn project(&mut self, budget: &mut Budget) {
        budget.project(&mut self.perturbation.delta);
    }

    /// `budget`, and near what the last frame showed of the perturbation: at most `limit` times the budget from there.
    pub fn steady(&self, budget: Budget, limit: f32) -> Budget {
        if self.shown.is_empty() { budget } else { budget.near(&self.shown, limit) }
    }

    /// The end of a frame that `shows` the perturbation, or not: how much that changed since the last, on average, code
    /// values of luma in face coordinates. Makes the perturbation smaller if the output had enough margin to `spare`,
    /// beyond what the iterations go for.
    pub fn settle(&mut self, spare: f32, shows: bool) -> f32 {
        let delta = &self.perturbation.delta;
        let mut flicker = 0.0;
        if shows && !self.shown.is_empty() {
            let changes = delta.iter().zip(&self.shown).map(|(delta, shown)| (delta - shown).abs());
            flicker = changes.sum::<f32>() / delta.len() as f32;
        }
        self.shown.clear();
        self.proven |= shows;
        if shows {
            self.shown.extend_from_slice(delta);
            if spare > MARGIN_SPARE {
                self.perturbation.shrink(SHRINK);
            }
        }
        flicker
    }

    /// Looks at the clean face of an open workspace. A face that was `seen` by the detector counts for the track's
    /// mean; at a predicted place there may be anything.
    pub fn enroll(
        &mut self,
        station: &mut Station,
        specs: &[RecognizerSpec],
        work: &Workspace,
        seen: bool,
    ) -> Result<Clean> {
        let mut clean = Clean { similarity: 1.0, known: true };
        let rendition = if work.stretch.is_some() { Rendition::Stretched } else { Rendition::AsIs };
        let point = Viewpoint { set: 0, view: None, mirrored: false, rendition };
        for (index, ((eye, spec), person)) in station.eyes.iter_mut().zip(specs).zip(&mut self.people).enumerate() {
            eye.look(index, &work.geometry, work.sources(), &point);
            eye.embed(&mut person.now)?;
            if seen {
                person.frames = (person.frames + 1.0).min(REFERENCE_FRAMES);
                for (mean, now) in person.mean.iter_mut().zip(&person.now) {
                    *mean += (now - *mean) / person.frames;
                }
            }
            clean.similarity = clean.similarity.min(cosine_similarity(&person.mean, &person.now));
            clean.known &= margin(spec, &person.mean, &person.now) < 0.0;
        }
        Ok(clean)
    }

    /// Spends up to `max_iterations` on an enrolled face, fewer if the margins are beyond those required by the reserve
    /// or it no longer `goes_on`; how many.
    pub fn iterate(
        &mut self,
        (station, specs): (&mut Station, &[RecognizerSpec]),
        attack: &Attack,
        (work, budget): (&mut Workspace, &mut Budget),
        (max_iterations, goes_on): (u32, &dyn Fn() -> bool),
        transfer: &Transfer,
    ) -> Result<u32> {
        let Self { people, views, turn, .. } = self;
        let (eyes, smoothing) = (&mut station.eyes, &mut station.smoothing);
        let mut objective = View { eyes, specs, work, people, views, turn, transfer, smoothing, goes_on, spent: 0 };
        let attack = Attack { momentum: transfer.momentum, ..*attack };
        Ok(attack.run(&mut objective, budget, &mut self.perturbation, max_iterations, transfer.reserve)?.iterations)
    }

    /// Takes for its margin what was last seen of it, in iterations if no check came after them.
    pub fn estimate(&mut self) {
        self.people.iter_mut().for_each(|person| person.margins = person.seen);
    }

    /// Plans the looks of the self-check: by every recogniser, as aligned by every set of landmarks, and in random
    /// views.
    pub fn plan_looks(&mut self, work: &mut Workspace, specs: &[RecognizerSpec]) {
        let copies =
            [Rendition::Halved, Rendition::Stretched].map(|copy| Some(copy).filter(|copy| work.is_wanted(*copy)));
        let Workspace { geometry, looks, .. } = work;
        looks.clear();
        for (eye, spec) in specs.iter().enumerate() {
            let sets = geometry.sets();
            let as_is = (0..sets + geometry.checks()).map(|check| Viewpoint {
                set: check % sets,
                view: (check >= sets).then(|| geometry.view(spec.chip_size, &mut self.views)),
                // Every other random view, the first among them.
                mirrored: check >= sets && (check - sets).is_multiple_of(2),
                rendition: Rendition::AsIs,
            });
            let copies = copies.into_iter().flatten();
            let copies = copies.map(|rendition| Viewpoint { set: 0, view: None, mirrored: false, rendition });
            let embedding = || vec![f32::NAN; spec.embedding_len];
            looks.extend(as_is.chain(copies).map(|point| Look { eye, point, embedding: embedding() }));
        }
    }

    /// Takes for its margins what the looks at the output saw, of each recogniser the worst; the highest cosine
    /// similarity to the track's mean clean embedding.
    pub fn judge(&mut self, work: &Workspace, specs: &[RecognizerSpec]) -> f32 {
        let mut similarity = -1.0;
        for (eye, (spec, person)) in specs.iter().zip(&mut self.people).enumerate() {
            let own = || work.looks.iter().filter(move |look| look.eye == eye);
            let least = Rendition::ALL.map(|rendition| {
                if rendition != Rendition::AsIs && !work.is_wanted(rendition) {
                    return f32::INFINITY;
                }
                // A look that was not done, or none, has seen nothing that could be believed.
                let own = own().filter(|look| look.point.rendition == rendition);
                let seen = own.map(|look| person.dodge(spec).margin(&look.embedding));
                let seen = seen.map(|margin| if margin.is_nan() { f32::NEG_INFINITY } else { margin });
                seen.reduce(f32::min).unwrap_or(f32::NEG_INFINITY)
            });
            let similarities = own().map(|look| cosine_similarity(&person.mean, &look.embedding));
            similarity = similarities.fold(similarity, f32::max);
            (person.seen, person.margins) = (least, least);
        }
        similarity
    }
}

/// How far the least of `margins`, by recogniser and rendition, is beyond the one required; minus infinity if that is
/// not known.
fn least_surplus(margins: impl Iterator<Item = Margins>, required: &[Margins]) -> f32 {
    let pairs = margins.zip(required).flat_map(|(margins, required)| margins.into_iter().zip(*required));
    let wanted = pairs.filter(|(_, required)| *required != f32::NEG_INFINITY);
    let surplus = wanted.map(|(margin, required)| margin - required);
    let surplus = surplus.map(|surplus| if surplus.is_nan() { f32::NEG_INFINITY } else { surplus });
    surplus.reduce(f32::min).unwrap_or(f32::NEG_INFINITY)
}

/// Share of the reserve that iterations go for in each [`Rendition`]: copies have a margin of their own for what comes.
const RESERVE_SHARES: Margins = [1.0, 0.25, 0.25];

/// Margins that iterations go for, by recogniser and rendition.
fn goals(work: &Workspace, reserve: f32) -> Vec<Margins> {
    let beyond = |required: &Margins| std::array::from_fn(|copy| required[copy] + RESERVE_SHARES[copy] * reserve);
    work.required.iter().map(beyond).collect()
}

impl Person {
    fn dodge<'a>(&'a self, spec: &'a RecognizerSpec) -> Dodge<'a> {
        Dodge { spec, references: [&self.mean, &self.now], away: &self.away }
    }
}

/// The objective of one frame: the margin of one recogniser, in turn, through one random view, as the frame would store
/// it. What decides is who last saw the least margin beyond the one required.
struct View<'a> {
    eyes: &'a mut [Eye],
    specs: &'a [RecognizerSpec],
    work: &'a mut Workspace,
    people: &'a mut [Person],
    views: &'a mut ViewSampler,
    turn: &'a mut usize,
    transfer: &'a Transfer,
    smoothing: &'a mut Smoothing,
    goes_on: &'a dyn Fn() -> bool,
    /// Iterations so far.
    spent: u32,
}

impl View<'_> {
    /// Whose turn it is, recogniser, rendition and set of landmarks: the next that falls short of its goal, or the next
    /// at the face as it is if none does.
    fn take_turn(&mut self) -> (usize, Rendition, usize) {
        let (count, kinds) = (self.people.len(), Rendition::ALL.len());
        let (people, first, reserve) = (&*self.people, *self.turn, self.transfer.reserve);
        let own = |turn: usize| (turn % count, Rendition::ALL[turn / count % kinds]);
        let wanted = |turn: usize| self.work.required[own(turn).0][own(turn).1.index()] > f32::NEG_INFINITY;
        let falls_short = |turn: usize| {
            let (person, rendition) = own(turn);
            let goal = self.work.required[person][rendition.index()] + RESERVE_SHARES[rendition.index()] * reserve;
            wanted(turn) && people[person].seen[rendition.index()] < goal
        };
        let mut all = first..first + count * kinds;
        let turn =
            all.clone().find(|turn| falls_short(*turn)).or_else(|| all.find(|turn| wanted(*turn))).unwrap_or(first);
        *self.turn = turn + 1;
        let (person, rendition) = own(turn);
        (person, rendition, turn / (count * kinds) % self.work.geometry.sets())
    }
}

impl Objective for View<'_> {
    fn goes_on(&self) -> bool {
        // The usual iterations go for the reserve, too; those beyond them for what is required alone.
        let is_short = || least_surplus(self.people.iter().map(|person| person.seen), &self.work.required) < 0.0;
        (self.goes_on)() && (self.spent < LEAST_ITERATIONS || is_short())
    }

    fn value_and_grad(&mut self, delta: &[f32], gradient: &mut [f32]) -> Result<f32> {
        self.spent += 1;
        let (index, rendition, set) = self.take_turn();
        self.work.lay(delta);
        let Workspace { geometry, region, half, stretch, bounds, residual, stored, .. } = &mut *self.work;
        let (eye, spec) = (&mut self.eyes[index], &self.specs[index]);
        // What is seen through a view that landmarks never are as far off as says nothing of the margin.
        let near = self.transfer.diversity <= geometry.reach();
        let reach = if near { geometry.reach() } else { self.transfer.diversity };
        let view = Geometry::random_view(reach, spec.chip_size, self.views);
        region.quantize(residual, bounds, stored);
        region.carry(stored);
        let halved = rendition == Rendition::Halved;
        if halved {
            half.read(region);
        }
        let point = Viewpoint { set, view: Some(view), mirrored: self.views.chance(0.5), rendition };
        eye.look(index, geometry, Sources { region, half, stretch: *stretch }, &point);
        let dodge = self.people[index].dodge(spec);
        let mut margin = f32::NEG_INFINITY;
        eye.luma_gradient(
            &mut |embedding, cotangent| margin = dodge.margin_and_cotangent(embedding, cotangent),
            halved.then_some(&*half),
            stored,
        )?;
        for (gradient, bound) in stored.iter_mut().zip(bounds.iter()) {
            if *bound <= 0.0 {
                *gradient = 0.0;
            }
        }
        gradient.fill(0.0);
        geometry.spread.adjoint_add(stored, gradient);
        self.smoothing.apply(gradient, self.transfer.smoothing);
        if near {
            self.people[index].seen[rendition.index()] = margin;
        }
        Ok(margin)
    }

    fn margin(&self, _: f32) -> f32 {
        let reserve = self.transfer.reserve;
        reserve + least_surplus(self.people.iter().map(|person| person.seen), &goals(self.work, reserve))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_recogniser_is_held_to_its_own_margin_and_what_is_not_known_is_none() {
        let as_is = |margin: f32| [margin, f32::INFINITY, f32::INFINITY];
        let required = [0.05, 0.2].map(|margin| [margin, f32::NEG_INFINITY, f32::NEG_INFINITY]);
        let surplus = |margins: &[f32]| least_surplus(margins.iter().copied().map(as_is), &required);
        assert!((surplus(&[0.1, 0.3]) - 0.05).abs() < 1e-6);
        assert!((surplus(&[0.3, 0.15]) + 0.05).abs() < 1e-6);
        for unknown in [&[] as &[f32], &[0.3, f32::NAN], &[f32::NAN, 0.3], &[0.3, f32::NEG_INFINITY]] {
            assert_eq!(surplus(unknown), f32::NEG_INFINITY, "{unknown:?}");
        }
        assert_eq!(least_surplus([1.0, 1.0].into_iter().map(as_is), &[[f32::NAN; 3]; 2]), f32::NEG_INFINITY);
        let halved = [[0.05, 0.1, f32::NEG_INFINITY]];
        assert!((least_surplus([[0.5, 0.0, 0.0]].into_iter(), &halved) + 0.1).abs() < 1e-6, "of a copy");
    }
}
