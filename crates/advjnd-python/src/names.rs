// SPDX-License-Identifier: MIT OR Apache-2.0
//! What can be named.

use advjnd::Preset;
use advjnd::jnd::Model;
use advjnd_lab::attack::recipes::rows;
use pyo3::prelude::*;

/// Names of the attacks: what is known of each stands in `advjnd_lab::attack::recipes::rows`.
#[pyfunction]
pub fn methods() -> Vec<&'static str> {
    rows::ALL.map(|recipe| recipe.name).to_vec()
}

/// Names of the presets of `Protector`.
#[pyfunction]
pub fn presets() -> Vec<&'static str> {
    Preset::ALL.map(Preset::name).to_vec()
}

/// Names of the models of `jnd`.
#[pyfunction]
pub fn jnd_models() -> Vec<&'static str> {
    Model::ALL.map(|model| model.new_model().name()).to_vec()
}
