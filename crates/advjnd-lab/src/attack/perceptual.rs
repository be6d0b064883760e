// SPDX-License-Identifier: MIT OR Apache-2.0
//! The perceptual loss of Xue, Jin, Sun & Lin, "HVS-inspired adversarial image generation with high perceptual
//! quality", J. Cloud Computing 2023, eq. 2–7, with its gradient.
//!
//! X is the clean picture, Z the adversarial one, J the just-noticeable difference, n the channel, g the Sobel
//! operator:
//!
//! ```text
//! (2) L_per = β1·L1 + β2·L2 + β3·G
//! (3) L1 = Σ (|Z − X| − J)·λ
//! (5) L2 = Σ (|Z − X| − J)²·λ
//! (6) G  = L1(g(Z), g(X), g(J)), horizontally and vertically
//! (7) λ(n, h, w) = M(n) where |Z − X| > J, else 0;  M(red) = 3, M(green) = 5, M(blue) = 1
//! ```
//!
//! With D = Z − X and N the number of samples: dL1/dZ = M·sign(D)·[|D| > J] / N, dL2/dZ = 2·M·(|D| − J)·sign(D)·[|D| >
//! J] / N, dG/dZ = g'(M·sign(g(D))·[|g(D)| > |g(J)|]) / N, summed over both directions, where g' is the adjoint of g.
//! Because g is linear, g(Z) − g(X) = g(D); λ in (6) compares gradients, as (3) does samples.
//!
//! What the paper leaves open is a [`Reading`]:
//!
//! * **Reduction and pixel range.** The sum over 3·224·224 samples with β = 1500 would give each sample beyond J a
//!   gradient of 1500 and more, against 1e-4 to 1e-2 of the adversarial loss: a wall that nothing passes, and the
//!   schedule of β (8) would be without effect. With the mean on pixels in 0..=1 the two are of one order. So
//!   [`Reduction::Mean`] and `pixel_range: 1.0` are the default.
//! * **g(J).** Sobel is signed. Where g(J) is negative the hinge of (6), read literally, is always open and adds a
//!   constant. So [`JndGradient::Magnitude`], |g(J)|, is the default.
//! * **Beyond the border** the outermost samples repeat ([`sobel`](super::sobel)).
//!
//! "Without JND" is J = 0 ([`Thresholds::Zero`]).

use super::chip::Chip;
use super::sobel::Direction;

/// M(n) of eq. 7, for red, green and blue.
pub const CHANNEL_WEIGHTS: [f32; 3] = [3.0, 5.0, 1.0];

/// How the terms of all samples become one number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Reduction {
    /// Their sum divided by 3·height·width (once, although G has two terms a sample).
    #[default]
    Mean,
    /// Their sum, as printed.
    Sum,
}

/// What the gradient of the perturbation is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum JndGradient {
    /// |g(J)|.
    #[default]
    Magnitude,
    /// g(J), as printed.
    Signed,
}

/// How the paper is read where it leaves a choice; the head of this file says why the default is what it is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reading {
    /// Sum or mean.
    pub reduction: Reduction,
    /// What g(J) is.
    pub jnd_gradient: JndGradient,
    /// The value of white in which differences are measured: 1 or 255.
    pub pixel_range: f32,
}

impl Reading {
    /// The reading in which the paper's β make sense.
    pub const PLAUSIBLE: Self =
        Self { reduction: Reduction::Mean, jnd_gradient: JndGradient::Magnitude, pixel_range: 1.0 };
}

impl Default for Reading {
    fn default() -> Self {
        Self::PLAUSIBLE
    }
}

/// What J is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Thresholds {
    /// That of the chip.
    #[default]
    Jnd,
    /// Zero everywhere: the ablations without JND.
    Zero,
}

/// β1, β2 and β3 of eq. 2; any may be zero.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Betas {
    /// β1, of L1.
    pub l1: f32,
    /// β2, of L2.
    pub l2: f32,
    /// β3, of G.
    pub gradient: f32,
}

/// The loss for one chip.
#[derive(Debug)]
pub struct Perceptual {
    reading: Reading,
    channel_weights: [f32; 3],
    width: usize,
    height: usize,
    jnd: Vec<f32>,
    jnd_derivatives: [Vec<f32>; 2],
    derivative: Vec<f32>,
    cotangent: Vec<f32>,
}

impl Perceptual {
    /// The loss for `chip`, with M(n) = `channel_weights`.
    pub fn new(chip: &Chip<'_>, thresholds: Thresholds, channel_weights: [f32; 3], reading: Reading) -> Self {
        let (width, height) = (chip.width(), chip.height());
        let scale = if thresholds == Thresholds::Zero { 0.0 } else { reading.pixel_range };
        let jnd: Vec<f32> = chip.jnd().iter().map(|jnd| scale * jnd).collect();
        let jnd_derivatives = Direction::BOTH.map(|direction| {
            let mut derivatives = vec![0.0; jnd.len()];
            for (jnd, derivative) in jnd.chunks(width * height).zip(derivatives.chunks_mut(width * height)) {
                direction.apply(jnd, width, height, derivative);
            }
            if reading.jnd_gradient == JndGradient::Magnitude {
                derivatives.iter_mut().for_each(|derivative| *derivative = derivative.abs());
            }
            derivatives
        });
        let plane = vec![0.0; width * height];
        Self {
            reading,
            channel_weights,
            width,
            height,
            jnd,
            jnd_derivatives,
            derivative: plane.clone(),
            cotangent: plane,
        }
    }

    /// L_per at the perturbation `delta` (Z − X, `[3][height][width]`, white = 1); adds its gradient with respect to
    /// `delta` to `gradient`, of the same shape. A term whose β is zero is not computed.
    pub fn add_to(&mut self, betas: Betas, delta: &[f32], gradient: &mut [f32]) -> f64 {
        let range = self.reading.pixel_range;
        let unit = match self.reading.reduction {
            Reduction::Mean => 1.0 / delta.len() as f32,
            Reduction::Sum => 1.0,
        };
        let pixels = self.width * self.height;
        let mut loss = 0.0;
        for (channel, weight) in self.channel_weights.into_iter().enumerate() {
            let part = channel * pixels..(channel + 1) * pixels;
            let (delta, gradient) = (&delta[part.clone()], &mut gradient[part.clone()]);
            let scale = unit * weight;
            if betas.l1 != 0.0 || betas.l2 != 0.0 {
                let mut terms = 0.0;
                for ((delta, gradient), jnd) in delta.iter().zip(&mut *gradient).zip(&self.jnd[part.clone()]) {
                    let excess = range * delta.abs() - jnd;
                    if excess > 0.0 {
                        terms += f64::from(excess * (betas.l1 + betas.l2 * excess));
                        *gradient += scale * range * (betas.l1 + 2.0 * betas.l2 * excess) * delta.signum();
                    }
                }
                loss += f64::from(scale) * terms;
            }
            if betas.gradient != 0.0 {
                let scale = betas.gradient * scale;
                for (direction, jnd) in Direction::BOTH.into_iter().zip(&self.jnd_derivatives) {
                    direction.apply(delta, self.width, self.height, &mut self.derivative);
                    let mut terms = 0.0;
                    for ((derivative, jnd), cotangent) in
                        self.derivative.iter().zip(&jnd[part.clone()]).zip(&mut self.cotangent)
                    {
                        let excess = range * derivative.abs() - jnd;
                        *cotangent = 0.0;
                        if excess > 0.0 {
                            terms += f64::from(excess);
                            // f32::signum(0) is 1.
                            *cotangent = if *derivative == 0.0 { 0.0 } else { scale * range * derivative.signum() };
                        }
                    }
                    direction.add_adjoint(&self.cotangent, self.width, self.height, gradient);
                    loss += f64::from(scale) * terms;
                }
            }
        }
        loss
    }
}
