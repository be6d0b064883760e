// SPDX-License-Identifier: MIT OR Apache-2.0
//! The one table of properties.

mod effort;
mod general;
mod places;
mod strength;

use std::sync::LazyLock;

use super::property::Property;
use super::settings::Settings;

/// The properties, in the order of installation.
pub(super) static PROPERTIES: LazyLock<Vec<Property>> = LazyLock::new(|| {
    let groups = [general::rows, strength::rows, effort::rows, places::rows];
    let default = Settings::default();
    groups.into_iter().flat_map(|rows| rows(&default)).collect()
});
