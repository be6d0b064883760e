// SPDX-License-Identifier: MIT OR Apache-2.0
//! The rows of the table: attacks by name, each with its paper.
//!
//! ε is 8/255 where a row has one, a common choice, not one of the papers'. Steps are those of the public library
//! TransferAttack (10 steps of ε/10) unless the row says otherwise. All rows share [`MARGIN`], so that
//! success means the same for all.
//!
//! The classical rows have their standard forms; of those, TransferAttack's code was read for the input diversity, and
//! the papers were not read again.
//!
//! Attacks of a fixed ε take all their steps; attacks with quality terms stop as soon as they succeed (Xue et al.,
//! Algorithm 1), and try again with less β if they do not.

use advjnd::attack::{Attack, Direction};

use super::{Bound, Decay, Recipe, Schedule, Schedules, Start, Stop, Terms};
use crate::attack::Solver;
use crate::attack::adversarial::Loss;
use crate::attack::diversity::Diversity;
use crate::attack::perceptual::{CHANNEL_WEIGHTS, Reading, Thresholds};

/// Margin at which an attack counts as successful: a little reserve for the rounding to 8 bits.
pub const MARGIN: f32 = 0.02;

const EPSILON: f32 = 8.0 / 255.0;

/// **FGSM**: Goodfellow, Shlens & Szegedy, ICLR 2015. Z = X + ε·sign(∇), one step.
pub const FGSM: Recipe =
    Recipe { name: "fgsm", steps: 1, solver: Solver::Gradient(Attack { step_size: 1.0, ..SIGN }), ..BIM };

/// **FGV**: Rozsa, Rudd & Boult, CVPRW 2016. Z = X + s·∇, one step. Their s is searched for; here the sample with the
/// largest gradient moves by ε.
pub const FGV: Recipe = Recipe {
    name: "fgv",
    solver: Solver::Gradient(Attack { direction: Direction::Value, step_size: 1.0, ..SIGN }),
    ..FGSM
};

/// **I-FGSM**, or **BIM**: Kurakin, Goodfellow & Bengio, 2017. Z ← clip(Z + a·sign(∇)).
pub const BIM: Recipe = Recipe {
    name: "bim",
    alpha: 1.0,
    loss: Loss::Plain,
    terms: Terms::NONE,
    thresholds: Thresholds::Jnd,
    channel_weights: CHANNEL_WEIGHTS,
    reading: Reading::PLAUSIBLE,
    leaves: false,
    schedules: None,
    diversity: None,
    refinements: 0,
    solver: Solver::Gradient(SIGN),
    start: Start::Zero,
    steps: 10,
    stop: Stop::Steps,
    margin: MARGIN,
    bound: Bound::Epsilon(EPSILON),
};

const SIGN: Attack = Attack { direction: Direction::Sign, momentum: 0.0, step_size: 0.1, approach: 0.0 };

/// **PGD**: Madry et al., ICLR 2018. BIM from a random start; steps of 2.5·ε / steps, as they advise.
pub const PGD: Recipe =
    Recipe { name: "pgd", start: Start::Random, solver: Solver::Gradient(Attack { step_size: 0.25, ..SIGN }), ..BIM };

/// **MI-FGSM**: Dong et al., CVPR 2018, eq. 6–7. g ← μ·g + ∇/‖∇‖₁, Z ← clip(Z + a·sign(g)), μ = 1.
pub const MI_FGSM: Recipe =
    Recipe { name: "mi-fgsm", solver: Solver::Gradient(Attack { momentum: 1.0, ..SIGN }), ..BIM };

/// **DI²-FGSM**: Xie et al., CVPR 2019. BIM on random views.
pub const DI2_FGSM: Recipe = Recipe { name: "di2-fgsm", diversity: Some(Diversity::PUBLISHED), ..BIM };

/// **M-DI²-FGSM**: Xie et al., CVPR 2019. MI-FGSM on random views.
pub const M_DI2_FGSM: Recipe = Recipe { name: "m-di2-fgsm", diversity: Some(Diversity::PUBLISHED), ..MI_FGSM };

/// **L-BFGS**: Szegedy et al., ICLR 2014. min c·|r| + loss(X + r), X + r in 0..=1, and a search for c. Deviations: |r|²
/// in place of |r|, as in later libraries, for it is smooth; c is halved from a value at which little moves until the
/// minimum succeeds, the first of which is the smallest r; the mean over samples, so c is in units of that. The paper
/// does not say how many iterations a minimum gets.
pub const L_BFGS: Recipe = Recipe {
    name: "l-bfgs",
    loss: Loss::Bounded,
    terms: Terms { l2: 1.0, ..Terms::NONE },
    thresholds: Thresholds::Zero,
    channel_weights: [1.0; 3],
    schedules: Some(Schedules { dodge: HALVED, impersonate: HALVED }),
    solver: Solver::LimitedMemory { first_step: 0.01 },
    steps: 30,
    bound: Bound::Range,
    ..BIM
};

const HALVED: Schedule = Schedule { initial: 1e5, decay: Decay::Times(0.5), floor: 1e-6 };

/// **AdvJND**: Zhang et al., arXiv 2002.00179. I-FGSM whose ε follows the JND map: |Z − X| ≤ ε·J / mean(J), and steps
/// in proportion. That JND coefficients enter the distortion constraint of FGSM and I-FGSM is known from summaries;
/// neither the published formula nor the arXiv number could be verified.
pub const ADV_JND: Recipe = Recipe { name: "advjnd", bound: Bound::JndShaped(EPSILON), ..BIM };

/// **JNDMGA**: Akan, Genc & Yarman Vural, ICIP 2020, arXiv 2001.11064 and 2102.08079. The gradient itself, no sign and
/// no ε, is added until the label flips, regularised by an L2 distance to the original, total variation and a bounded
/// range (abstracts). Not verified: the first arXiv number, its weights, its step, and whose total variation. Here:
/// weights of 100 for both on [0, 1] pixels, gradients scaled to a root mean square of half a grey level, the variation
/// of the perturbation; the box keeps the range.
pub const JNDMGA: Recipe = Recipe {
    name: "jndmga",
    loss: Loss::Bounded,
    terms: Terms { l2: 100.0, total_variation: 100.0, ..Terms::NONE },
    thresholds: Thresholds::Zero,
    channel_weights: [1.0; 3],
    solver: Solver::Gradient(Attack { direction: Direction::Scaled, step_size: 0.5 / 255.0, ..SIGN }),
    steps: 100,
    stop: Stop::Success,
    bound: Bound::Range,
    ..BIM
};

/// **MND**: Sun, Jin & Lin, arXiv 2206.08638. Adversarial loss, and a quality loss of the perturbation's magnitude and
/// of the changes of structure and gradient it causes. From the abstract: its E, weights, optimiser, steps and
/// iterations could not be verified. Here: L1 and G without thresholds and channel weights, which Xue et al. add to it,
/// and 1 − SSIM, each with their β; the optimiser is that of [`OPTIMIZER`].
pub const MND: Recipe = Recipe {
    name: "mnd",
    terms: Terms { l1: 1.0, gradient: 1.0, structure: 1.0, ..Terms::NONE },
    thresholds: Thresholds::Zero,
    channel_weights: [1.0; 3],
    ..XUE
};

/// What minimises the loss of Xue et al., who do not say: steps along the gradient, each with a root mean square of a
/// quarter of a grey level. On MobileFaceNet it took fewer iterations than sign steps of the same size and left a
/// higher PSNR at success (one face, L1: 46.0 against 43.2 dB; L2: 45.4 against 42.1; MND: 45.3 against 44.9).
pub const OPTIMIZER: Attack = Attack { direction: Direction::Scaled, step_size: 0.25 / 255.0, ..SIGN };

/// **L1+L2+G**, the method of Xue, Jin, Sun & Lin, J. Cloud Computing 2023, eq. 1–8, Algorithm 1. What it leaves open,
/// and the choice: E is [`Loss::Bounded`]; reduction, pixel range and g(J) as in [`Reading::PLAUSIBLE`]; β ends at a
/// tenth ([`Schedules::XUE`]); the optimiser is [`OPTIMIZER`], ten steps an attempt, and as Algorithm 1 starts at X
/// once, an attempt goes on from where the failed one ended.
pub const XUE: Recipe = Recipe {
    name: "l1+l2+g",
    loss: Loss::Bounded,
    terms: Terms { l1: 1.0, l2: 1.0, gradient: 1.0, ..Terms::NONE },
    schedules: Some(Schedules::XUE),
    solver: Solver::Gradient(OPTIMIZER),
    start: Start::Warm,
    steps: 10,
    stop: Stop::Success,
    bound: Bound::Range,
    ..BIM
};

/// Ablation of [`XUE`]: L1 and L2.
pub const XUE_L1_L2: Recipe = Recipe { name: "l1+l2", terms: Terms { gradient: 0.0, ..XUE.terms }, ..XUE };

/// Ablation of [`XUE`]: L1.
pub const XUE_L1: Recipe = Recipe { name: "l1", terms: Terms { l1: 1.0, ..Terms::NONE }, ..XUE };

/// Ablation of [`XUE`]: L1 without JND (their L1ori).
pub const XUE_L1_ORI: Recipe = Recipe { name: "l1-without-jnd", thresholds: Thresholds::Zero, ..XUE_L1 };

/// Ablation of [`XUE`]: L2.
pub const XUE_L2: Recipe = Recipe { name: "l2", terms: Terms { l2: 1.0, ..Terms::NONE }, ..XUE };

/// Ablation of [`XUE`]: L2 without JND (their L2ori).
pub const XUE_L2_ORI: Recipe = Recipe { name: "l2-without-jnd", thresholds: Thresholds::Zero, ..XUE_L2 };

/// The protector's loop on a still chip: the default [`Attack`] in a JND box until the margin is reached. A
/// verification dodge runs the product's own objective, [`Dodge`](advjnd::attack::Dodge) with its random direction;
/// the product has no counterpart of the other tasks. What the protector does besides (views, several recognisers,
/// octaves, a warm start from frame to frame) is not in it.
pub const PROTECTOR: Recipe = Recipe {
    name: "protector",
    loss: Loss::Plain,
    leaves: true,
    solver: Solver::Gradient(Attack { direction: Direction::Scaled, momentum: 0.3, step_size: 0.25, approach: 0.5 }),
    steps: 30,
    stop: Stop::Success,
    bound: Bound::Jnd(1.0),
    ..BIM
};

/// **Ours**: least visible success. V of [`visibility`](crate::attack::visibility) in place of the paper's terms,
/// minimised by L-BFGS; β falls by factors, each attempt starting where the last one ended, until the margin is
/// reached; then β and the size of the perturbation are searched for between what fails and what succeeds.
pub const OURS: Recipe = Recipe {
    name: "ours",
    loss: Loss::Bounded,
    terms: Terms { visibility: 1.0, ..Terms::NONE },
    schedules: Some(Schedules { dodge: FALLING, impersonate: FALLING }),
    refinements: 4,
    solver: Solver::LimitedMemory { first_step: 0.01 },
    start: Start::Warm,
    steps: 12,
    bound: Bound::Range,
    ..BIM
};

const FALLING: Schedule = Schedule { initial: 3e7, decay: Decay::Times(0.4), floor: 1e-4 };

/// All rows, in the order of the tables.
pub const ALL: [&Recipe; 19] = [
    &FGSM,
    &FGV,
    &BIM,
    &PGD,
    &MI_FGSM,
    &DI2_FGSM,
    &M_DI2_FGSM,
    &L_BFGS,
    &ADV_JND,
    &JNDMGA,
    &MND,
    &XUE_L1_ORI,
    &XUE_L1,
    &XUE_L2_ORI,
    &XUE_L2,
    &XUE_L1_L2,
    &XUE,
    &PROTECTOR,
    &OURS,
];

/// The row of that name.
pub fn by_name(name: &str) -> Option<&'static Recipe> {
    ALL.into_iter().find(|recipe| recipe.name == name)
}
