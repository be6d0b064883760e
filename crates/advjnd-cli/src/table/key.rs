// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a row is about.

use serde::{Deserialize, Serialize};

/// What an attack is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Setting {
    /// Non-targeted.
    Dodge,
    /// Targeted.
    Impersonate,
}

/// What a recogniser is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Task {
    Identification,
    Verification,
}

impl Setting {
    pub fn name(self) -> &'static str {
        match self {
            Self::Dodge => "dodge",
            Self::Impersonate => "impersonate",
        }
    }
}

impl Task {
    pub fn name(self) -> &'static str {
        match self {
            Self::Identification => "identification",
            Self::Verification => "verification",
        }
    }
}

/// What a row is about: two rows of the same key are one row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Key {
    /// Name in the manifest.
    pub recognizer: String,
    pub task: Task,
    pub setting: Setting,
    /// Name of the recipe.
    pub method: String,
    /// What the recipe's bound was multiplied by; none where it has no bound to multiply.
    pub strength: Option<f64>,
}
