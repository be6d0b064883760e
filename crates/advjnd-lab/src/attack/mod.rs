// SPDX-License-Identifier: MIT OR Apache-2.0
//! Published attacks, and the terms that their objectives are made of, over the loop of [`advjnd::attack`].
//!
//! The attacks are rows of one table: [`recipes`].

pub mod adversarial;
pub mod alignment;
pub mod chip;
pub mod diversity;
pub mod perceptual;
mod quasi_newton;
pub mod recipes;
pub mod regularizers;
pub mod sobel;
mod solver;
pub mod visibility;

pub use solver::Solver;
