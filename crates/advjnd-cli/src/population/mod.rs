// SPDX-License-Identifier: MIT OR Apache-2.0
//! Other people, as recognisers see them: what their embeddings are like, and from which similarity on two of them are
//! taken for one person so rarely.
//!
//! A gallery of other people is needed to say at which rank somebody is found among so many. Pictures of thousands of
//! people cannot be given away with a program, and embeddings of them are biometric data. So people are generated:
//! their embeddings are drawn from the normal distribution that has the mean and the covariance of those of real
//! people. The file holds these two, and no person's embedding.

mod fit;
mod make;

use std::collections::HashMap;
use std::path::Path;

use advjnd::net::RecognizerSpec;
use advjnd::{Error, Result};
use half::f16;
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors, serialize};

pub use make::MakePopulation;

use crate::dice::Dice;
use crate::networks::read;
use crate::pooling::pool;

/// The one that is built in, made of the people of LFW-a and of the Face Research Lab London Set.
const BUILT_IN: &[u8] = include_bytes!("../../assets/population.safetensors");
const BUILT_IN_NAME: &str = "the population that is built in";
/// False match rates at which there are thresholds, besides the recogniser's own.
pub const RATES: [f32; 2] = [1e-3, 1e-4];
/// Every gallery is drawn with this.
const SEED: u64 = 1;

/// Other people in the eyes of several recognisers.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Population {
    /// By the recogniser's name.
    seen: HashMap<String, Distribution>,
}

/// Other people in the eyes of one recogniser.
#[derive(Debug, Clone, PartialEq)]
pub struct Distribution {
    /// Mean embedding; of unit length each where the metric is the cosine.
    pub mean: Vec<f32>,
    /// Lower triangular, row by row: times its transpose it is the covariance.
    pub factor: Vec<f32>,
    /// Thresholds at [`RATES`], in units of the metric.
    pub thresholds: [f32; 2],
}

impl Population {
    /// The one in the file `path`, or else the one that is built in.
    ///
    /// # Errors
    /// [`Error::Io`] where it cannot be read, [`Error::Input`] where it is no such file.
    pub fn open(path: Option<&Path>) -> Result<Self> {
        match path {
            Some(path) => Self::parse(&path.display().to_string(), &read(path)?),
            None => Self::parse(BUILT_IN_NAME, BUILT_IN),
        }
    }

    fn parse(name: &str, bytes: &[u8]) -> Result<Self> {
        let wrong = |what: &str| Error::input(format!("{name} {what}; make it anew with `advjnd population`"));
        let file = SafeTensors::deserialize(bytes).map_err(|error| wrong(&format!("cannot be read ({error})")))?;
        let numbers = |tensor: &str| {
            let view = file.tensor(tensor).map_err(|error| wrong(&format!("lacks `{tensor}` ({error})")))?;
            match view.dtype() {
                Dtype::F16 => Ok(halves(view.data())),
                Dtype::F32 => Ok(floats(view.data())),
                other => Err(wrong(&format!("has `{tensor}` as {other:?}, not as numbers of 16 or 32 bits"))),
            }
        };
        let mut population = Self::default();
        for recognizer in file.names().into_iter().filter_map(|name| name.strip_suffix("/mean")) {
            let [mean, factor, thresholds] =
                ["mean", "factor", "thresholds"].map(|tensor| numbers(&format!("{recognizer}/{tensor}")));
            let (mean, factor, thresholds) = (mean?, factor?, thresholds?);
            let finite = [&mean, &factor, &thresholds].iter().all(|all| all.iter().all(|value| value.is_finite()));
            let thresholds = thresholds.as_slice().try_into().ok();
            let Some(thresholds) = thresholds.filter(|_| finite && factor.len() == mean.len().pow(2)) else {
                return Err(wrong(&format!("holds something else than a distribution of `{recognizer}`")));
            };
            population.seen.insert(recognizer.to_owned(), Distribution { mean, factor, thresholds });
        }
        if population.seen.is_empty() {
            return Err(wrong("holds no recogniser"));
        }
        Ok(population)
    }

    /// Adds what a recogniser makes of people.
    pub fn add(&mut self, recognizer: &str, distribution: Distribution) {
        self.seen.insert(recognizer.to_owned(), distribution);
    }

    /// A file that [`open`](Self::open) reads, with a text that says what it was made of.
    ///
    /// # Errors
    /// [`Error::Input`] where it cannot be put together.
    pub fn to_bytes(&self, made_of: &str) -> Result<Vec<u8>> {
        let failed = |error: safetensors::SafeTensorError| Error::input(format!("no file can be made of it: {error}"));
        let mut tensors = Vec::new();
        for (recognizer, seen) in &self.seen {
            let count = seen.mean.len();
            tensors.push((format!("{recognizer}/mean"), Dtype::F16, vec![count], half_bytes(&seen.mean)));
            tensors.push((format!("{recognizer}/factor"), Dtype::F16, vec![count; 2], half_bytes(&seen.factor)));
            let thresholds = seen.thresholds.iter().flat_map(|value| value.to_le_bytes()).collect();
            tensors.push((format!("{recognizer}/thresholds"), Dtype::F32, vec![RATES.len()], thresholds));
        }
        let views = tensors.iter().map(|(name, kind, shape, bytes)| {
            TensorView::new(*kind, shape.clone(), bytes).map(|view| (name.clone(), view)).map_err(failed)
        });
        let views: Vec<_> = views.collect::<Result<_>>()?;
        serialize(views, Some(HashMap::from([("made_of".to_owned(), made_of.to_owned())]))).map_err(failed)
    }

    /// The recogniser at its own false match rate, and at each of [`RATES`] at which its threshold is known.
    pub fn rates(&self, spec: &RecognizerSpec) -> Vec<RecognizerSpec> {
        let thresholds = self.of(spec).map_or(&[][..], |seen| &seen.thresholds);
        let stricter = RATES.iter().zip(thresholds).map(|(rate, threshold)| RecognizerSpec {
            verification_threshold: *threshold,
            false_accept_rate: *rate,
            ..spec.clone()
        });
        std::iter::once(spec.clone()).chain(stricter).collect()
    }

    /// The embeddings of `count` people that do not exist; `None` for a recogniser that is not known here. The same
    /// ones whenever they are asked for.
    pub fn gallery(&self, spec: &RecognizerSpec, count: usize) -> Option<Vec<Vec<f32>>> {
        let seen = self.of(spec)?;
        let mut dice = Dice::new(SEED);
        Some((0..count).map(|_| seen.draw(&mut dice)).collect())
    }

    fn of(&self, spec: &RecognizerSpec) -> Option<&Distribution> {
        self.seen.get(&spec.name).filter(|seen| seen.mean.len() == spec.embedding_len)
    }
}

impl Distribution {
    /// The embedding of somebody who does not exist.
    fn draw(&self, dice: &mut Dice) -> Vec<f32> {
        let normal: Vec<f32> = self.mean.iter().map(|_| dice.normal()).collect();
        let rows = self.factor.chunks_exact(self.mean.len()).zip(&self.mean);
        rows.map(|(row, mean)| mean + row.iter().zip(&normal).map(|(a, b)| a * b).sum::<f32>()).collect()
    }
}

/// An embedding as it is compared: of unit length where the metric is the cosine.
fn comparable(spec: &RecognizerSpec, embedding: &[f32]) -> Vec<f32> {
    let mut own = vec![0.0; embedding.len()];
    pool(spec, &mut own, embedding);
    own
}

fn half_bytes(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|value| f16::from_f32(*value).to_le_bytes()).collect()
}

fn halves(bytes: &[u8]) -> Vec<f32> {
    bytes.chunks_exact(2).map(|pair| f16::from_le_bytes([pair[0], pair[1]]).to_f32()).collect()
}

fn floats(bytes: &[u8]) -> Vec<f32> {
    bytes.chunks_exact(4).map(|own| f32::from_le_bytes([own[0], own[1], own[2], own[3]])).collect()
}

#[cfg(test)]
mod tests {
    use advjnd::attack::margin;
    use advjnd::net::Network;

    use super::*;

    /// At the recogniser's threshold generated people are taken for one another about as rarely as the manifest says
    /// (1 %), and at the stricter ones more rarely than real people: a normal distribution has no look-alikes.
    #[test]
    fn people_who_do_not_exist_are_as_alike_as_those_who_do() {
        let population = Population::open(None).unwrap();
        for network in Network::ALL {
            let spec = network.spec().unwrap();
            let people = population.gallery(&spec, 1000).unwrap();
            assert_eq!(people, population.gallery(&spec, 1000).unwrap());
            let rates = population.rates(&spec);
            assert_eq!(rates.len(), 3);
            let mut shares = Vec::new();
            for spec in &rates {
                let pairs = (0..people.len()).flat_map(|a| (0..a).map(move |b| (a, b)));
                let same = pairs.filter(|(a, b)| margin(spec, &people[*a], &people[*b]) <= 0.0).count();
                shares.push(same as f32 / (1000 * 999 / 2) as f32 / spec.false_accept_rate);
            }
            println!("{}: {shares:?} times the rates", spec.name);
            assert!((0.3..3.0).contains(&shares[0]), "{}: {shares:?}", spec.name);
            assert!(shares[1..].iter().all(|share| (0.001..3.0).contains(share)), "{}: {shares:?}", spec.name);
        }
    }

    #[test]
    fn a_file_is_read_as_it_was_written_and_others_are_refused() {
        let mut population = Population::default();
        let distribution =
            Distribution { mean: vec![0.5, -1.0], factor: vec![1.0, 0.0, 0.25, 2.0], thresholds: [0.25, 0.125] };
        population.add("own", distribution);
        let bytes = population.to_bytes("two people").unwrap();
        assert_eq!(Population::parse("it", &bytes).unwrap(), population);
        let told = |bytes: &[u8]| Population::parse("it", bytes).unwrap_err().to_string();
        assert!(told(&bytes[..40]).contains("it cannot be read"));
        assert!(told(&Population::default().to_bytes("").unwrap()).contains("holds no recogniser"));
        population.add("own", Distribution { mean: vec![0.5], factor: vec![f32::NAN], thresholds: [0.0; 2] });
        assert!(told(&population.to_bytes("").unwrap()).contains("something else than a distribution of `own`"));
    }
}
