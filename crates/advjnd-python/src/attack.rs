// SPDX-License-Identifier: MIT OR Apache-2.0
//! The laboratory's attacks, and embeddings to judge them by.

use std::path::PathBuf;

use advjnd::attack::{Attack, Perturbation, ViewSampler};
use advjnd::net::Embedder;
use advjnd_lab::attack::Solver;
use advjnd_lab::attack::adversarial::{ARCFACE_TEMPERATURE, Adversarial, Goal, Task};
use advjnd_lab::attack::alignment::ThroughPicture;
use advjnd_lab::attack::chip::{Chip, thresholds};
use advjnd_lab::attack::recipes::{Bound as Limit, Recipe, rows};
use numpy::PyArrayDyn;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::arrays::{Samples, array, new_array, samples, wrong_shape};
use crate::batch::{Batch, Form, Image, Seen, WHITE, Worker};
use crate::errors::choose;
use crate::recognizers;

/// Stream of the random direction in which a dodge leaves the clean face.
const AWAY: u64 = 1;

/// Adversarial images against a recogniser, by a published attack.
///
/// images: uint8 (count, height, width, 3), RGB. The largest face of each, 40 pixels or more, is found and attacked
///     through its alignment; all other pixels stay. With aligned=True: chips (count, chip_size, chip_size, 3), uint8,
///     or float32 in 0 to 1.
/// method: one of `methods()`.
/// recognizer: name of the one that is attacked, of `recognizers()`.
/// goal: "dodge": not to be recognised as the references; "impersonate": to be taken for them.
/// references: float32 (count, embedding_len), from `embed`, one for each image; None: that of the clean image, for
///     dodging only.
/// eps: largest change of a sample, above 0, where white is 1; None: what the method has (8/255). Methods whose bound
///     is another refuse it. A change of uint8 images is rounded besides.
/// alpha: size of a step, in the same unit; None: what the method has. "advjnd" takes both as means over the samples.
/// steps: gradient steps of an attempt, at least 1; None: what the method has.
/// seed: 0 to 2**64 - 1, start of the random numbers.
/// models: folder with a manifest.toml; None: the models that are built in.
/// threads: 0: one for each core.
///
/// Returns an array of the shape and type of images. An attack may fail: compare embeddings with the threshold.
///
/// Raises ValueError where a picture has no face, and where a name, shape or value is another; TypeError where a type
/// is; RuntimeError where the recogniser is unknown.
#[pyfunction]
#[pyo3(signature = (
    images, method="pgd", *, recognizer="mobilefacenet", goal="dodge", references=None, eps=None, alpha=None,
    steps=None, seed=0, aligned=false, models=None, threads=0
))]
#[allow(clippy::too_many_arguments, reason = "they are keywords in Python")]
pub fn attack<'py>(
    py: Python<'py>,
    images: &Bound<'py, PyAny>,
    method: &str,
    recognizer: &str,
    goal: &str,
    references: Option<&Bound<'py, PyAny>>,
    eps: Option<f32>,
    alpha: Option<f32>,
    steps: Option<u32>,
    seed: u64,
    aligned: bool,
    models: Option<PathBuf>,
    threads: usize,
) -> PyResult<Bound<'py, PyAny>> {
    let named = rows::ALL.map(|recipe| (recipe.name, recipe));
    let recipe = changed(choose("method", method, &named)?, eps, alpha, steps)?;
    let goal = choose("goal", goal, &[("dodge", Goal::Dodge), ("impersonate", Goal::Impersonate)])?;
    let (models, spec) = recognizers::one(recognizer, models.as_deref())?;
    let batch = Batch::read(images, aligned, &spec)?;
    let form = Form::of(&batch);
    let references = references.map(|given| embeddings(given, batch.len(), spec.embedding_len)).transpose()?;
    if references.is_none() && goal == Goal::Impersonate {
        let reason = "goal=\"impersonate\" needs references: embeddings of the person to be taken for, from embed()";
        return Err(PyValueError::new_err(reason));
    }
    let made = py.detach(|| {
        batch.each(&models, threads, |worker, index, image| {
            let reference = references.as_ref().map(|references| &references[index][..]);
            attack_one(worker, &recipe, goal, reference, seed, index, image)
        })
    })?;
    form.array(py, made)
}

/// Embeddings of the largest face of each picture, or with aligned=True of chips; images as `attack` takes them.
///
/// Returns float32 (count, embedding_len), not normalised. Raises as `attack` does.
#[pyfunction]
#[pyo3(signature = (images, *, recognizer="mobilefacenet", aligned=false, models=None, threads=0))]
pub fn embed<'py>(
    py: Python<'py>,
    images: &Bound<'py, PyAny>,
    recognizer: &str,
    aligned: bool,
    models: Option<PathBuf>,
    threads: usize,
) -> PyResult<Bound<'py, PyArrayDyn<f32>>> {
    let (models, spec) = recognizers::one(recognizer, models.as_deref())?;
    let batch = Batch::read(images, aligned, &spec)?;
    let count = batch.len();
    let made = py.detach(|| {
        batch.each(&models, threads, |worker, index, mut image| {
            let seen = worker.look(index, &mut image)?;
            worker.embed(&seen.chip)
        })
    })?;
    new_array(py, &[count, spec.embedding_len], made.concat())
}

/// Embeddings that the caller gives, one an image.
fn embeddings(given: &Bound<'_, PyAny>, count: usize, len: usize) -> PyResult<Vec<Vec<f32>>> {
    let Samples { shape, data } = samples::<f32>("references", "float32", &array("references", given)?)?;
    if shape != [count, len] {
        let wanted = format!("one embedding for each image, ({count}, {len})");
        return Err(wrong_shape("references", &wanted, &shape));
    }
    if !data.iter().all(|value| value.is_finite()) {
        return Err(PyValueError::new_err("references: a value is not finite"));
    }
    Ok(data.chunks_exact(len).map(<[f32]>::to_vec).collect())
}

/// The recipe with what the caller wants otherwise.
fn changed(recipe: &Recipe, eps: Option<f32>, alpha: Option<f32>, steps: Option<u32>) -> PyResult<Recipe> {
    let mut recipe = *recipe;
    let refused = |what: &str| {
        let reason = format!("method `{}` has no {what} to set: its bound is not a largest change", recipe.name);
        Err(PyValueError::new_err(reason))
    };
    let positive = |name: &str, value: f32| match value.is_finite() && value > 0.0 {
        true => Ok(value),
        false => Err(PyValueError::new_err(format!("{name} is {value}; give a value above 0, where white is 1"))),
    };
    if let Some(eps) = eps {
        let eps = positive("eps", eps)?;
        recipe.bound = match recipe.bound {
            Limit::Epsilon(_) => Limit::Epsilon(eps),
            Limit::JndShaped(_) => Limit::JndShaped(eps),
            _ => return refused("eps"),
        };
    }
    if let Some(alpha) = alpha {
        let alpha = positive("alpha", alpha)?;
        let (Solver::Gradient(loop_), Limit::Epsilon(bound) | Limit::JndShaped(bound)) = (recipe.solver, recipe.bound)
        else {
            return refused("alpha");
        };
        recipe.solver = Solver::Gradient(Attack { step_size: alpha / bound, ..loop_ });
    }
    match steps {
        Some(0) => return Err(PyValueError::new_err("steps is 0; give at least 1")),
        Some(steps) => recipe.steps = steps,
        None => {}
    }
    Ok(recipe)
}

fn attack_one(
    worker: &mut Worker,
    recipe: &Recipe,
    goal: Goal,
    reference: Option<&[f32]>,
    seed: u64,
    index: usize,
    mut image: Image,
) -> advjnd::Result<Image> {
    let seed = seed.wrapping_add(index as u64);
    let Seen { chip: seen, portrait } = worker.look(index, &mut image)?;
    let clean: Vec<f32> = match &image {
        Image::Picture(_) => seen.iter().map(|value| value.round().clamp(0.0, WHITE) / WHITE).collect(),
        Image::Chip(chip) => chip.clone(),
    };
    let side = worker.recognizer.spec().chip_size;
    let codes: Vec<f32> = clean.iter().map(|value| WHITE * value).collect();
    let mut jnd = thresholds(&mut worker.thresholds, &codes, side, side)?;
    jnd.iter_mut().for_each(|threshold| *threshold /= WHITE);
    let own = worker.embed(&seen)?;
    // At the clean face, the margin to that face itself has no gradient.
    let away = match reference {
        Some(_) => Vec::new(),
        None => ViewSampler::new(seed, AWAY).direction(own.len()),
    };
    let spec = worker.recognizer.spec().clone();
    let reference = reference.unwrap_or(&own);
    let task = Task::Verification { spec: &spec, reference, away: &away, temperature: ARCFACE_TEMPERATURE };
    let (adversarial, chip) = (Adversarial { goal, task }, Chip::new(&clean, &jnd, side, side)?);
    let mut state = Perturbation::default();
    let recognizer = &mut worker.recognizer;
    let mut attack = |embedder: &mut dyn Embedder| recipe.run(embedder, &adversarial, &chip, seed, &mut state);
    match &portrait {
        Some(portrait) => {
            let (pixels, alignment) = (&portrait.pixels[..], &portrait.alignment);
            attack(&mut ThroughPicture { recognizer, alignment, pixels, clean: &clean, seen: &seen })?
        }
        None => attack(recognizer)?,
    };
    let mut changed = vec![0.0; clean.len()];
    chip.add(&state.delta, &mut changed);
    match (&mut image, &portrait) {
        (Image::Picture(picture), Some(portrait)) => {
            let delta: Vec<f32> = changed.iter().zip(&clean).map(|(changed, clean)| changed - clean).collect();
            picture.put(portrait.cut, &portrait.alignment.changed(&portrait.pixels, &delta));
        }
        _ => image = Image::Chip(changed),
    }
    Ok(image)
}
