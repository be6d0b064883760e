// SPDX-License-Identifier: MIT OR Apache-2.0
//! People known by photograph: whether a followed face is surely one of them, or surely none of them.
//!
//! An [`Enroller`] embeds the face of a photograph with every loaded recogniser. [`People`] keeps the embeddings by
//! person, also in a [file](People::load). A [`Selection`] combines people and a [`Rule`], and says which faces pass
//! unchanged. It decides by the loaded recognisers: the fewer there are, the fewer can doubt a decision.

mod acquaintance;
mod enroller;
mod file;
mod selection;

use std::collections::BTreeMap;
use std::fmt;

pub use self::acquaintance::{Acquaintance, Look};
pub use self::enroller::Enroller;
pub use self::selection::{Rule, SURELY_ANOTHER, SURELY_THE_SAME, Selection};
use crate::error::{Error, Result};
use crate::models::Models;
use crate::net::RecognizerSpec;

/// The face of a photograph, embedded by every recogniser of the models, in their order.
#[derive(Clone, PartialEq)]
pub struct Photograph(Vec<Vec<f32>>);

impl Photograph {
    /// The embeddings, by recogniser.
    pub fn embeddings(&self) -> &[Vec<f32>] {
        &self.0
    }
}

impl fmt::Debug for Photograph {
    /// Omits the embeddings, which are biometric data.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Photograph({} embeddings)", self.0.len())
    }
}

/// A recogniser that embedded the people, and the checksum of its weights.
#[derive(Debug, Clone, PartialEq)]
struct Known {
    spec: RecognizerSpec,
    sha256: String,
}

/// People, each known by one photograph or several.
#[derive(Debug, Clone, PartialEq)]
pub struct People {
    recognizers: Vec<Known>,
    people: BTreeMap<String, Vec<Photograph>>,
}

impl People {
    /// An empty collection for the recognisers of `models`.
    pub fn new(models: &Models) -> Self {
        let known = |(spec, sha256): (&RecognizerSpec, &str)| Known { spec: spec.clone(), sha256: sha256.to_owned() };
        Self { recognizers: models.checksums().map(known).collect(), people: BTreeMap::new() }
    }

    /// Adds a photograph of the person `name`.
    ///
    /// # Errors
    /// [`Error::Input`] if it was not embedded by these recognisers, or the name is empty.
    pub fn add(&mut self, name: &str, photograph: Photograph) -> Result<()> {
        if name.is_empty() {
            return Err(Error::input("a person has no name; name the folder or the photograph after them"));
        }
        let fits = |(known, own): (&Known, &Vec<f32>)| {
            known.spec.embedding_len == own.len() && own.iter().all(|value| value.is_finite())
        };
        let count = photograph.0.len();
        if count != self.recognizers.len() || !self.recognizers.iter().zip(&photograph.0).all(fits) {
            return Err(Error::input(format!(
                "the photograph of {name} was embedded by other recognisers; do it anew"
            )));
        }
        self.people.entry(name.to_owned()).or_default().push(photograph);
        Ok(())
    }

    /// Each person's name and number of photographs, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, usize)> {
        self.people.iter().map(|(name, photographs)| (name.as_str(), photographs.len()))
    }

    /// Whether there is nobody.
    pub fn is_empty(&self) -> bool {
        self.people.is_empty()
    }

    /// The specification of each recogniser, in the order of a photograph's embeddings.
    pub fn specs(&self) -> impl ExactSizeIterator<Item = &RecognizerSpec> + Clone {
        self.recognizers.iter().map(|known| &known.spec)
    }

    /// All photographs of all people.
    fn photographs(&self) -> impl Iterator<Item = &Photograph> + Clone {
        self.people.values().flatten()
    }
}
