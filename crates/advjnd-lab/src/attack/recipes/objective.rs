// SPDX-License-Identifier: MIT OR Apache-2.0
//! The one objective of all recipes: −L of Xue et al. 2023, eq. 1, L = α·L_adv + L_per, for a perturbation of a chip.

use advjnd::Result;
use advjnd::attack::{Objective, ViewSampler};
use advjnd::net::Embedder;

use super::Recipe;
use crate::attack::adversarial::{Adversarial, Judgement, Loss};
use crate::attack::chip::Chip;
use crate::attack::diversity::Diversity;
use crate::attack::perceptual::{Betas, Perceptual};
use crate::attack::regularizers::{Structure, add_total_variation};
use crate::attack::visibility::Visibility;

/// 8-bit white: what an [`Embedder`] takes for a chip's 1.0.
const WHITE: f32 = 255.0;

pub(super) struct ChipObjective<'a> {
    chip: Chip<'a>,
    embedder: &'a mut dyn Embedder,
    adversarial: &'a Adversarial<'a>,
    alpha: f32,
    loss: Loss,
    terms: super::Terms,
    diversity: Option<Diversity>,
    sampler: &'a mut ViewSampler,
    perceptual: Perceptual,
    structure: Structure<'a>,
    visibility: Option<Visibility>,
    beta: f32,
    margin: f32,
    picture: Vec<f32>,
    view: Vec<f32>,
    pulled: Vec<f32>,
}

impl<'a> ChipObjective<'a> {
    pub(super) fn new(
        recipe: &Recipe,
        chip: Chip<'a>,
        embedder: &'a mut dyn Embedder,
        adversarial: &'a Adversarial<'a>,
        sampler: &'a mut ViewSampler,
    ) -> Self {
        let scratch = vec![0.0; chip.clean().len()];
        Self {
            chip,
            embedder,
            adversarial,
            alpha: recipe.alpha,
            loss: recipe.loss,
            terms: recipe.terms,
            diversity: recipe.diversity,
            sampler,
            perceptual: Perceptual::new(&chip, recipe.thresholds, recipe.channel_weights, recipe.reading),
            structure: Structure::new(chip),
            visibility: (recipe.terms.visibility != 0.0).then(|| Visibility::new(&chip)),
            beta: 0.0,
            margin: f32::NEG_INFINITY,
            picture: scratch.clone(),
            view: scratch.clone(),
            pulled: scratch,
        }
    }

    /// The weight of all quality terms from now on.
    pub(super) fn set_beta(&mut self, beta: f32) {
        self.beta = beta;
    }

    /// A random number in −1..=1 from the run's stream.
    pub(super) fn draw(&mut self) -> f32 {
        self.sampler.uniform()
    }

    /// The margin at the point where a gradient was taken last.
    pub(super) fn last_margin(&self) -> f32 {
        self.margin
    }

    /// The margin of the adversarial picture itself.
    pub(super) fn verify(&mut self, delta: &[f32]) -> Result<f32> {
        self.chip.add(delta, &mut self.picture);
        self.view.iter_mut().zip(&self.picture).for_each(|(view, sample)| *view = WHITE * sample);
        let mut embedding = vec![0.0; self.embedder.spec().embedding_len];
        self.embedder.embed(&self.view, &mut embedding)?;
        let mut cotangent = vec![0.0; embedding.len()];
        Ok(self.adversarial.judge(self.loss, &embedding, &mut cotangent).margin)
    }

    fn quality(&mut self, delta: &[f32], gradient: &mut [f32]) -> f64 {
        let (terms, beta) = (&self.terms, self.beta);
        let betas = Betas { l1: beta * terms.l1, l2: beta * terms.l2, gradient: beta * terms.gradient };
        self.perceptual.add_to(betas, delta, gradient)
            + self.structure.add_to(beta * terms.structure, delta, gradient)
            + self.visibility.as_ref().map_or(0.0, |term| term.add_to(beta * terms.visibility, delta, gradient))
            + add_total_variation(beta * terms.total_variation, delta, self.chip.width(), self.chip.height(), gradient)
    }
}

impl Objective for ChipObjective<'_> {
    fn value_and_grad(&mut self, delta: &[f32], gradient: &mut [f32]) -> Result<f32> {
        self.chip.add(delta, &mut self.picture);
        let view = self.diversity.and_then(|diversity| diversity.sample(self.chip.width(), self.sampler));
        match &view {
            Some(view) => view.apply(&self.picture, &mut self.view),
            None => self.view.copy_from_slice(&self.picture),
        }
        self.view.iter_mut().for_each(|sample| *sample *= WHITE);

        let mut judgement = Judgement { loss: 0.0, margin: f32::NEG_INFINITY };
        let (adversarial, loss) = (self.adversarial, self.loss);
        let mut judge = |embedding: &[f32], cotangent: &mut [f32]| {
            judgement = adversarial.judge(loss, embedding, cotangent);
        };
        self.embedder.embed_vjp(&self.view, &mut judge, &mut self.pulled)?;
        self.margin = judgement.margin;

        match &view {
            Some(view) => view.adjoint(&self.pulled, gradient),
            None => gradient.copy_from_slice(&self.pulled),
        }
        gradient.iter_mut().for_each(|g| *g *= self.alpha * WHITE);
        let quality = self.quality(delta, gradient);
        gradient.iter_mut().for_each(|g| *g = -*g);
        Ok(-(f64::from(self.alpha * judgement.loss) + quality) as f32)
    }

    fn margin(&self, _value: f32) -> f32 {
        self.margin
    }
}
