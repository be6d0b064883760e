// SPDX-License-Identifier: MIT OR Apache-2.0
//! The table of attacks where the answer is known, and what all rows have in common.

#![allow(clippy::expect_used, reason = "a test fails by panicking")]

#[path = "common/attack.rs"]
mod attack;

use advjnd::Result;
use advjnd::attack::{Attack, Budget, Objective, Perturbation};
use advjnd::net::{Embedder, Metric, RecognizerSpec};
use advjnd_lab::attack::Solver;
use advjnd_lab::attack::adversarial::{ARCFACE_TEMPERATURE, Adversarial, Goal, Loss, Task};
use advjnd_lab::attack::chip::Chip;
use advjnd_lab::attack::diversity::Diversity;
use advjnd_lab::attack::recipes::{Bound, Decay, Recipe, Report, Schedule, Schedules, Start, rows};
use advjnd_lab::attack::visibility::Visibility;
use attack::{Tiny, numbers};

const SIDE: usize = 24;
const LEN: usize = 3 * SIDE * SIDE;
const DIMENSIONS: usize = 8;
const EPSILON: f32 = 8.0 / 255.0;
/// Rounding of δ in sums of f32, white = 1.
const ROUNDING: f32 = 1e-6;

/// One number w·x to get away from, from above: the best δ is ε·sign(w).
struct Line {
    embedder: Tiny,
    weights: Vec<f32>,
    clean: Vec<f32>,
    jnd: Vec<f32>,
}

impl Line {
    fn new(seed: u64) -> Self {
        let weights: Vec<f32> =
            numbers(seed, LEN, -1.0, 1.0).iter().map(|w| if w.abs() < 0.05 { 0.05 } else { *w }).collect();
        Self {
            embedder: Tiny::linear(SIDE, Metric::Euclidean, weights.clone()),
            weights,
            clean: numbers(seed ^ 1, LEN, 0.1, 0.9),
            jnd: numbers(seed ^ 2, LEN, 0.005, 0.06),
        }
    }

    fn attack(&mut self, recipe: &Recipe) -> Vec<f32> {
        let spec = self.embedder.spec().clone();
        let reference = [self.embedder.look(&self.clean)[0] - 1e3];
        let task = Task::Verification { spec: &spec, reference: &reference, away: &[], temperature: 1.0 };
        let chip = Chip::new(&self.clean, &self.jnd, SIDE, SIDE).expect("chip");
        let mut state = Perturbation::default();
        let adversarial = Adversarial { goal: Goal::Dodge, task };
        recipe.run(&mut self.embedder, &adversarial, &chip, 5, &mut state).expect("run");
        state.delta
    }
}

fn assert_close(found: &[f32], expected: impl Iterator<Item = f32>) {
    for (index, (found, expected)) in found.iter().zip(expected).enumerate() {
        assert!((found - expected).abs() <= ROUNDING, "[{index}] {found}, not {expected}");
    }
}

#[test]
fn sign_attacks_reach_the_best_corner_of_the_box() {
    let mut line = Line::new(1);
    for recipe in [&rows::FGSM, &rows::BIM, &rows::PGD, &rows::MI_FGSM] {
        let delta = line.attack(recipe);
        assert_close(&delta, line.weights.iter().map(|w| EPSILON * w.signum()));
    }
}

#[test]
fn next_to_the_range_the_corner_is_that_of_the_range() {
    let mut line = Line::new(2);
    line.clean = numbers(3, LEN, 0.0, 0.05);
    for recipe in [&rows::FGSM, &rows::BIM] {
        let delta = line.attack(recipe);
        assert_close(&delta, line.weights.iter().zip(&line.clean).map(|(w, x)| (EPSILON * w.signum()).max(-x)));
    }
}

#[test]
fn fgv_is_the_gradient_itself() {
    let mut line = Line::new(4);
    let delta = line.attack(&rows::FGV);
    let largest = line.weights.iter().fold(0.0f32, |largest, w| largest.max(w.abs()));
    assert_close(&delta, line.weights.iter().map(|w| EPSILON * w / largest));
}

#[test]
fn advjnd_and_the_protectors_loop_follow_the_thresholds() {
    let mut line = Line::new(5);
    let mean = line.jnd.iter().sum::<f32>() / LEN as f32;
    let delta = line.attack(&rows::ADV_JND);
    assert_close(&delta, line.weights.iter().zip(&line.jnd).map(|(w, j)| EPSILON * j / mean * w.signum()));
    let delta = line.attack(&Recipe { stop: advjnd_lab::attack::recipes::Stop::Steps, steps: 400, ..rows::PROTECTOR });
    assert_close(&delta, line.weights.iter().zip(&line.jnd).map(|(w, j)| j * w.signum()));
}

#[test]
fn momentum_accumulates_gradients_over_their_l1_norm() {
    struct Given(Vec<[f32; 2]>);
    impl Objective for Given {
        fn value_and_grad(&mut self, _: &[f32], gradient: &mut [f32]) -> Result<f32> {
            gradient.copy_from_slice(&self.0.remove(0));
            Ok(0.0)
        }
    }
    // (3, −1)/4 = (0.75, −0.25): step (+, −). Then (−20, 5)/25 = (−0.8, 0.2), together (−0.05, −0.05): step (−, −).
    // Gradients as they are would add up to (−17, 4), signs to (0, 0).
    let mut state = Perturbation::zeros(2);
    let mut given = Given(vec![[3.0, -1.0], [-20.0, 5.0]]);
    rows::MI_FGSM.solver.run(&mut given, &mut Budget::symmetric(&[1.0; 2]), &mut state, 2, f32::INFINITY).expect("run");
    assert_eq!(state.delta, [0.0, -0.2]);
}

#[test]
fn the_protectors_row_is_its_default() {
    assert_eq!(rows::PROTECTOR.solver, Solver::Gradient(Attack::default()));
}

/// A random smooth recogniser with a chip and enrolled people.
struct Scene {
    embedder: Tiny,
    clean: Vec<f32>,
    jnd: Vec<f32>,
    gallery: Vec<Vec<f32>>,
    away: Vec<f32>,
}

impl Scene {
    fn new(seed: u64, metric: Metric) -> Self {
        let mut embedder = Tiny::smooth(SIDE, metric, DIMENSIONS, seed);
        let clean = numbers(seed ^ 1, LEN, 0.0, 1.0);
        let gallery = (0..5)
            .map(|person| {
                embedder.look(&if person == 0 { clean.clone() } else { numbers(seed ^ (20 + person), LEN, 0.0, 1.0) })
            })
            .collect();
        let (jnd, away) = (numbers(seed ^ 2, LEN, 0.005, 0.06), numbers(seed ^ 3, DIMENSIONS, -1.0, 1.0));
        Self { embedder, clean, jnd, gallery, away }
    }

    fn attack(&mut self, recipe: &Recipe, goal: Goal, identify: bool, state: &mut Perturbation) -> Report {
        let spec = self.embedder.spec().clone();
        // To dodge oneself, or to impersonate another.
        let label = if goal == Goal::Dodge { 0 } else { 2 };
        let task = if identify {
            Task::Identification { gallery: &self.gallery, label, temperature: ARCFACE_TEMPERATURE }
        } else {
            Task::Verification {
                spec: &spec,
                reference: &self.gallery[label],
                away: &self.away,
                temperature: ARCFACE_TEMPERATURE,
            }
        };
        let chip = Chip::new(&self.clean, &self.jnd, SIDE, SIDE).expect("chip");
        let report = recipe.run(&mut self.embedder, &Adversarial { goal, task }, &chip, 11, state).expect("run");

        let mut adversarial = vec![0.0; LEN];
        chip.add(&state.delta, &mut adversarial);
        let judged =
            Adversarial { goal, task }.judge(Loss::Plain, &self.embedder.look(&adversarial), &mut [0.0; DIMENSIONS]);
        assert!((judged.margin - report.margin).abs() < 1e-5, "{} reports another margin", recipe.name);
        assert_eq!(report.succeeded, report.margin >= recipe.margin);
        report
    }

    fn assert_inside(&self, recipe: &Recipe, delta: &[f32]) {
        assert_eq!(delta.len(), LEN);
        let mean = self.jnd.iter().sum::<f32>() / LEN as f32;
        for ((delta, clean), jnd) in delta.iter().zip(&self.clean).zip(&self.jnd) {
            let bound = match recipe.bound {
                Bound::Epsilon(epsilon) => epsilon,
                Bound::JndShaped(epsilon) => epsilon * jnd / mean,
                Bound::Jnd(strength) => strength * jnd,
                Bound::Range => 1.0,
            };
            assert!(delta.abs() <= bound + ROUNDING, "{}: {delta} beyond {bound}", recipe.name);
            assert!((-ROUNDING..=1.0 + ROUNDING).contains(&(clean + delta)), "{} leaves the range", recipe.name);
        }
    }
}

#[test]
fn every_row_keeps_its_budget_and_repeats_itself() {
    for metric in [Metric::Cosine, Metric::Euclidean] {
        let mut scene = Scene::new(7, metric);
        for recipe in rows::ALL {
            for (goal, identify) in
                [(Goal::Dodge, true), (Goal::Dodge, false), (Goal::Impersonate, true), (Goal::Impersonate, false)]
            {
                let [mut first, mut second] = [Perturbation::default(), Perturbation::default()];
                let report = scene.attack(recipe, goal, identify, &mut first);
                scene.assert_inside(recipe, &first.delta);
                assert!(report.iterations >= 1 && report.iterations <= report.attempts * recipe.steps);
                assert!(first.delta.iter().any(|delta| *delta != 0.0), "{} does nothing", recipe.name);
                let again = scene.attack(recipe, goal, identify, &mut second);
                assert_eq!(again, report);
                let bits = |delta: &[f32]| delta.iter().map(|d| d.to_bits()).collect::<Vec<_>>();
                assert_eq!(bits(&first.delta), bits(&second.delta), "{} differs from itself", recipe.name);
            }
        }
    }
}

#[test]
fn attacks_with_quality_terms_succeed_and_spend_less_than_bim() {
    let mut scene = Scene::new(8, Metric::Cosine);
    let energy = |state: &Perturbation| state.delta.iter().map(|d| d * d).sum::<f32>();
    let mut bim = Perturbation::default();
    assert!(scene.attack(&rows::BIM, Goal::Dodge, true, &mut bim).succeeded);
    for recipe in [&rows::XUE, &rows::XUE_L1, &rows::XUE_L2, &rows::MND, &rows::JNDMGA, &rows::L_BFGS, &rows::OURS] {
        let mut state = Perturbation::default();
        let report = scene.attack(recipe, Goal::Dodge, true, &mut state);
        assert!(report.succeeded, "{}: {report:?}", recipe.name);
        assert!(energy(&state) < energy(&bim), "{}: {} of {}", recipe.name, energy(&state), energy(&bim));
    }
}

#[test]
fn a_warm_start_goes_on_where_it_was() {
    let mut scene = Scene::new(9, Metric::Cosine);
    let mut state = Perturbation::default();
    let warm = Recipe { start: Start::Warm, ..rows::PROTECTOR };
    let first = scene.attack(&warm, Goal::Dodge, false, &mut state);
    assert!(first.succeeded && first.iterations > 1, "{first:?}");
    let again = scene.attack(&warm, Goal::Dodge, false, &mut state);
    assert!(again.succeeded && again.iterations == 1, "{again:?}");
    let anew = scene.attack(&rows::PROTECTOR, Goal::Dodge, false, &mut state);
    assert_eq!(anew.iterations, first.iterations);
}

/// Ours ends where a little less would fail, and is seen less than anything else that succeeds.
#[test]
fn ours_is_the_least_visible_success() {
    for seed in [8, 9, 10] {
        let mut scene = Scene::new(seed, Metric::Cosine);
        let (clean, jnd) = (scene.clean.clone(), scene.jnd.clone());
        let visibility = Visibility::new(&Chip::new(&clean, &jnd, SIDE, SIDE).expect("chip"));
        let seen = |state: &Perturbation| visibility.add_to(1.0, &state.delta, &mut vec![0.0; LEN]);
        let mut ours = Perturbation::default();
        let report = scene.attack(&rows::OURS, Goal::Dodge, true, &mut ours);
        assert!(report.succeeded && report.margin < rows::MARGIN + 0.05, "{report:?}");
        let coarse = Recipe { refinements: 0, ..rows::OURS };
        for recipe in [&rows::L_BFGS, &rows::XUE, &rows::XUE_L1, &rows::JNDMGA, &rows::MND, &rows::BIM, &coarse] {
            let mut theirs = Perturbation::default();
            assert!(scene.attack(recipe, Goal::Dodge, true, &mut theirs).succeeded, "{}", recipe.name);
            assert!(seen(&ours) <= seen(&theirs), "{}: {} and {}", recipe.name, seen(&ours), seen(&theirs));
        }
    }
}

/// Sees chips of 64 grey levels where it is only asked, and as they are where a gradient is taken.
struct Coarse<'a>(&'a mut Tiny);

impl Embedder for Coarse<'_> {
    fn spec(&self) -> &RecognizerSpec {
        self.0.spec()
    }

    fn embed(&mut self, chip: &[f32], embedding: &mut [f32]) -> Result<()> {
        let levels: Vec<f32> = chip.iter().map(|sample| 4.0 * (sample / 4.0).round()).collect();
        self.0.embed(&levels, embedding)
    }

    fn embed_vjp(
        &mut self,
        chip: &[f32],
        cotangent: &mut dyn FnMut(&[f32], &mut [f32]),
        gradient: &mut [f32],
    ) -> Result<()> {
        self.0.embed_vjp(chip, cotangent, gradient)
    }
}

#[test]
fn what_rounding_takes_is_asked_for_on_top() {
    let mut harder = 0;
    for seed in 20..28 {
        let Scene { mut embedder, clean, jnd, gallery, .. } = Scene::new(seed, Metric::Cosine);
        let task = Task::Identification { gallery: &gallery, label: 0, temperature: ARCFACE_TEMPERATURE };
        let adversarial = Adversarial { goal: Goal::Dodge, task };
        let chip = Chip::new(&clean, &jnd, SIDE, SIDE).expect("chip");
        let run = |embedder: &mut dyn Embedder| {
            rows::XUE_L1.run(embedder, &adversarial, &chip, 5, &mut Perturbation::default()).expect("run")
        };
        let plain = run(&mut embedder);
        let coarse = run(&mut Coarse(&mut embedder));
        assert!(coarse.succeeded && coarse.margin >= rows::MARGIN, "seed {seed}: {coarse:?}");
        harder += u32::from(coarse.attempts > plain.attempts);
    }
    assert!(harder > 0, "rounding took nothing from anybody");
}

#[test]
fn diversity_of_probability_zero_is_none() {
    let mut scene = Scene::new(10, Metric::Cosine);
    for (recipe, base) in [(&rows::DI2_FGSM, &rows::BIM), (&rows::M_DI2_FGSM, &rows::MI_FGSM)] {
        let never = Recipe { diversity: Some(Diversity { probability: 0.0, ..Diversity::PUBLISHED }), ..*recipe };
        let deltas = [&never, base, recipe].map(|recipe| {
            let mut state = Perturbation::default();
            scene.attack(recipe, Goal::Dodge, true, &mut state);
            state.delta
        });
        assert_eq!(deltas[0], deltas[1]);
        assert_ne!(deltas[1], deltas[2], "with views it is another attack");
    }
}

#[test]
fn without_a_gradient_there_is_no_success_and_no_nan() {
    let clean = numbers(1, LEN, 0.0, 1.0);
    let jnd = vec![0.02; LEN];
    let chip = Chip::new(&clean, &jnd, SIDE, SIDE).expect("chip");
    let mut blind = Tiny::linear(SIDE, Metric::Cosine, vec![0.0; 4 * LEN]);
    let spec = blind.spec().clone();
    let reference = [1.0, 0.0, 0.0, 0.0];
    let task = Task::Verification { spec: &spec, reference: &reference, away: &[], temperature: 1.0 };
    for recipe in rows::ALL {
        let mut state = Perturbation::default();
        let adversarial = Adversarial { goal: Goal::Impersonate, task };
        let report = recipe.run(&mut blind, &adversarial, &chip, 1, &mut state).expect("run");
        assert!(!report.succeeded, "{}", recipe.name);
        if recipe.start != Start::Random {
            assert_eq!(state.delta, vec![0.0; LEN], "{}", recipe.name);
        }
        assert!(state.delta.iter().all(|delta| delta.is_finite()));
        let Some(schedules) = recipe.schedules else {
            assert_eq!((report.attempts, report.floor_reached_after), (1, None), "{}", recipe.name);
            continue;
        };
        let floor = schedules.impersonate.initial * schedules.impersonate.floor;
        assert!(report.beta > 0.0 && report.beta == floor, "{}: β {}", recipe.name, report.beta);
        assert_eq!(report.floor_reached_after, Some(report.attempts - 1), "{}", recipe.name);
    }
}

#[test]
fn what_cannot_be_run_is_refused() {
    let mut scene = Scene::new(12, Metric::Cosine);
    let gallery = scene.gallery.clone();
    let task = Task::Identification { gallery: &gallery, label: 0, temperature: ARCFACE_TEMPERATURE };
    let adversarial = Adversarial { goal: Goal::Dodge, task };
    let chip = Chip::new(&scene.clean, &scene.jnd, SIDE, SIDE).expect("chip");
    let endless = Schedule { initial: 1.0, decay: Decay::Add(0.0), floor: 0.1 };
    let wrong = [
        Recipe { bound: Bound::Epsilon(-1.0), ..rows::BIM },
        Recipe { bound: Bound::Jnd(f32::NAN), ..rows::PROTECTOR },
        Recipe { diversity: Some(Diversity { probability: 2.0, resize_rate: 1.1 }), ..rows::BIM },
        Recipe { schedules: Some(Schedules { dodge: endless, impersonate: endless }), ..rows::XUE },
    ];
    for recipe in wrong {
        recipe
            .run(&mut scene.embedder, &adversarial, &chip, 0, &mut Perturbation::default())
            .expect_err("out of range");
    }
    let narrow = Chip::new(&scene.clean, &scene.jnd, 2 * SIDE, SIDE / 2).expect("chip");
    rows::BIM
        .run(&mut scene.embedder, &adversarial, &narrow, 0, &mut Perturbation::default())
        .expect_err("not the recogniser's size");
}

#[test]
fn rows_have_names() {
    for recipe in rows::ALL {
        assert_eq!(rows::by_name(recipe.name), Some(recipe));
    }
    assert_eq!(rows::by_name("none"), None);
    for recipe in rows::ALL.into_iter().filter(|recipe| matches!(recipe.solver, Solver::LimitedMemory { .. })) {
        assert_eq!(recipe.diversity, None, "{}: a line search needs the same function at every call", recipe.name);
    }
}
