// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the embeddings of many people are like.

use advjnd::net::{Metric, RecognizerSpec, cosine_similarity};
use advjnd::{Error, Result};

use super::{Distribution, RATES, comparable};

/// The embeddings of one person's pictures.
pub type Person = Vec<Vec<f32>>;

/// The distribution of the embeddings of all pictures of all `sets` of people, and the thresholds at [`RATES`] of the
/// pictures of different people within the first set.
///
/// The covariance of so few people makes too much of some directions, and so, people who are drawn from it too alike.
/// It is shrunk towards that without a direction (Ledoit & Wolf 2004, eq. 14) so far that the inner product of two
/// people who are drawn varies as much as that of two real ones.
///
/// # Errors
/// [`Error::Input`] where there are too few people.
pub fn fit(spec: &RecognizerSpec, sets: &[Vec<Person>]) -> Result<Distribution> {
    let people: Vec<Vec<Vec<f64>>> = sets.iter().flatten().map(|person| comparable_all(spec, person)).collect();
    let size = spec.embedding_len;
    if people.len() < 2 {
        return Err(Error::input(format!("{} people are too few; give at least 2", people.len())));
    }
    let pictures = || people.iter().flatten();
    let count = pictures().count() as f64;
    let mean: Vec<f64> = (0..size).map(|at| pictures().map(|picture| picture[at]).sum::<f64>() / count).collect();
    let apart = |picture: &Vec<f64>| picture.iter().zip(&mean).map(|(value, mean)| value - mean).collect::<Vec<f64>>();
    let people: Vec<Vec<Vec<f64>>> = people.iter().map(|person| person.iter().map(apart).collect()).collect();
    let mut covariance = vec![0.0; size * size];
    for picture in people.iter().flatten() {
        for (row, own) in covariance.chunks_exact_mut(size).zip(picture) {
            row.iter_mut().zip(picture).for_each(|(sum, other)| *sum += own * other / (count - 1.0));
        }
    }
    shrink(&mut covariance, size, square_of_product(&people));
    let factor = cholesky(&covariance, size);
    let narrow = |values: &[f64]| values.iter().map(|value| *value as f32).collect();
    let thresholds = thresholds(spec, sets.first().map_or(&[][..], Vec::as_slice))?;
    Ok(Distribution { mean: narrow(&mean), factor: narrow(&factor), thresholds })
}

fn comparable_all(spec: &RecognizerSpec, person: &Person) -> Vec<Vec<f64>> {
    let widened = |embedding: &Vec<f32>| comparable(spec, embedding).into_iter().map(f64::from).collect();
    person.iter().map(widened).collect()
}

/// The mean square of the inner product of pictures of different people: an estimate of the sum of the squares of the
/// covariance that the number of people does not bias.
fn square_of_product(people: &[Vec<Vec<f64>>]) -> f64 {
    let (mut sum, mut count) = (0.0, 0.0);
    for (index, person) in people.iter().enumerate() {
        for other in people[index + 1..].iter().flatten() {
            for own in person {
                let product: f64 = own.iter().zip(other).map(|(a, b)| a * b).sum();
                (sum, count) = (sum + product * product, count + 1.0);
            }
        }
    }
    sum / f64::max(count, 1.0)
}

/// Shrinks a covariance towards the multiple of the identity that has the same trace, until the sum of its squares is
/// `square`; at least by a thousandth, so that there is some variance in every direction.
fn shrink(covariance: &mut [f64], size: usize, square: f64) {
    let variance = (0..size).map(|at| covariance[at * size + at]).sum::<f64>() / size as f64;
    let without = size as f64 * variance * variance;
    let own: f64 = covariance.iter().map(|value| value * value).sum();
    let kept = ((square - without).max(0.0) / (own - without).max(f64::MIN_POSITIVE)).sqrt().min(0.999);
    covariance.iter_mut().for_each(|value| *value *= kept);
    (0..size).for_each(|at| covariance[at * size + at] += (1.0 - kept) * variance);
}

/// The lower triangular matrix that times its transpose is `matrix`, symmetric and positive definite.
fn cholesky(matrix: &[f64], size: usize) -> Vec<f64> {
    let mut factor = vec![0.0; size * size];
    for row in 0..size {
        for column in 0..=row {
            let dot: f64 = (0..column).map(|at| factor[row * size + at] * factor[column * size + at]).sum();
            let rest = matrix[row * size + column] - dot;
            factor[row * size + column] = if row == column {
                rest.max(0.0).sqrt()
            } else {
                rest / factor[column * size + column].max(f64::MIN_POSITIVE)
            };
        }
    }
    factor
}

/// Thresholds at which so few of the pairs of pictures of two people are taken for one.
fn thresholds(spec: &RecognizerSpec, people: &[Person]) -> Result<[f32; 2]> {
    // Larger is more alike, whatever the metric.
    let alike = |a: &[f32], b: &[f32]| match spec.metric {
        Metric::Cosine => cosine_similarity(a, b),
        Metric::Euclidean => -a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f32>().sqrt(),
    };
    let mut pairs = Vec::new();
    for (index, person) in people.iter().enumerate() {
        for other in &people[index + 1..] {
            pairs.extend(person.iter().flat_map(|a| other.iter().map(move |b| alike(a, b))));
        }
    }
    pairs.sort_by(|a, b| b.total_cmp(a));
    let least = RATES.into_iter().fold(1.0, f32::min);
    if (pairs.len() as f32) * least < 2.0 {
        return Err(Error::input(format!(
            "{} pairs of pictures of different people are too few for a false match rate of {least}; give more people",
            pairs.len()
        )));
    }
    Ok(RATES.map(|rate| {
        // Between the last pair that may match and the next.
        let matching = (rate * pairs.len() as f32) as usize;
        let threshold = 0.5 * (pairs[matching.saturating_sub(1)] + pairs[matching]);
        if spec.metric == Metric::Cosine { threshold } else { -threshold }
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_covariance_is_shrunk_to_the_sum_of_squares_that_is_wanted() {
        let mut covariance = vec![3.0, 1.0, 1.0, 1.0];
        shrink(&mut covariance, 2, 9.0);
        let square: f64 = covariance.iter().map(|value| value * value).sum();
        assert!((square - 9.0).abs() < 1e-9 && (covariance[0] + covariance[3] - 4.0).abs() < 1e-9, "{covariance:?}");
        shrink(&mut covariance, 2, 1.0);
        assert!(covariance.iter().zip([2.0, 0.0, 0.0, 2.0]).all(|(own, wanted)| (own - wanted).abs() < 1e-9));
    }

    /// NumPy 2.3.5: `numpy.linalg.cholesky`.
    #[test]
    fn the_factor_is_that_of_numpy() {
        let factor = cholesky(&[4.0, 2.0, 0.6, 2.0, 5.0, 1.0, 0.6, 1.0, 3.0], 3);
        let golden = [2.0, 0.0, 0.0, 1.0, 2.0, 0.0, 0.3, 0.35, 1.669_580_8];
        assert!(factor.iter().zip(golden).all(|(own, golden)| (own - golden).abs() < 1e-6), "{factor:?}");
    }
}
