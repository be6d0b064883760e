// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which rows there are to be made.

use advjnd::models::sha256;
use advjnd::net::Network;
use advjnd_lab::attack::recipes::{Bound, Recipe};
use clap::ValueEnum;

use super::key::{Key, Setting, Task};

#[derive(Clone, Copy, ValueEnum)]
pub enum Settings {
    Dodge,
    Impersonate,
    Both,
}

#[derive(Clone, Copy, ValueEnum)]
pub enum Tasks {
    Identification,
    Verification,
    Both,
}

impl Settings {
    fn all(self) -> &'static [Setting] {
        match self {
            Self::Dodge => &[Setting::Dodge],
            Self::Impersonate => &[Setting::Impersonate],
            Self::Both => &[Setting::Dodge, Setting::Impersonate],
        }
    }
}

impl Tasks {
    fn all(self) -> &'static [Task] {
        match self {
            Self::Identification => &[Task::Identification],
            Self::Verification => &[Task::Verification],
            Self::Both => &[Task::Identification, Task::Verification],
        }
    }
}

/// A row to be made.
pub struct Plan {
    pub key: Key,
    pub recipe: Recipe,
    /// SHA-256 of the recipe's fields, shortened.
    pub checksum: String,
}

/// The rows of one recogniser, each once: an identification by every method at every strength, a verification at
/// strength 1.
pub fn plans(network: Network, tasks: Tasks, settings: Settings, recipes: &[&Recipe], strengths: &[f32]) -> Vec<Plan> {
    let mut plans: Vec<Plan> = Vec::new();
    for (task, setting) in
        tasks.all().iter().flat_map(|task| settings.all().iter().map(move |setting| (*task, *setting)))
    {
        for (recipe, factor) in recipes.iter().flat_map(|recipe| strengths.iter().map(move |factor| (*recipe, *factor)))
        {
            if task == Task::Verification && factor != 1.0 {
                continue;
            }
            let (recipe, strength) = scaled(recipe, factor);
            let mut checksum = sha256(format!("{recipe:?}").as_bytes());
            checksum.truncate(16);
            let (recognizer, method) = (network.name().to_owned(), recipe.name.to_owned());
            let key = Key { recognizer, task, setting, method, strength };
            if !plans.iter().any(|plan| plan.key == key) {
                plans.push(Plan { key, recipe, checksum });
            }
        }
    }
    plans
}

/// The recipe with its bound multiplied, and by what; one without a bound stays as it is.
fn scaled(recipe: &Recipe, factor: f32) -> (Recipe, Option<f64>) {
    let bound = match recipe.bound {
        Bound::Epsilon(bound) => Bound::Epsilon(factor * bound),
        Bound::JndShaped(bound) => Bound::JndShaped(factor * bound),
        Bound::Jnd(bound) => Bound::Jnd(factor * bound),
        Bound::Range => return (*recipe, None),
    };
    // By way of its shortest decimal form, so that 0.1 is written as 0.1.
    let strength = factor.to_string().parse().unwrap_or_else(|_| f64::from(factor));
    (Recipe { bound, ..*recipe }, Some(strength))
}
