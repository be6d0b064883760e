// SPDX-License-Identifier: MIT OR Apache-2.0
//! Mean comparison scores with confidence intervals, as the viewing test of the source paper (Xue et al. 2023, tables
//! 2 to 5) states them: by method, and by group of pictures.

use std::collections::{BTreeMap, BTreeSet};

use advjnd::{Error, Result};
use serde::Serialize;

use super::IDENTICAL;
use super::scores::Score;
use super::student::two_sided_quantile;

/// Of the intervals.
pub const CONFIDENCE: f64 = 0.95;

/// A mean over viewers.
#[derive(Debug, Serialize)]
pub struct Mean {
    /// Of the viewers' own means.
    pub mean: f64,
    /// Half the width of the confidence interval; none of a single viewer.
    pub half_width: Option<f64>,
    /// How many viewers.
    pub viewers: usize,
    /// How many scores of theirs.
    pub scores: usize,
}

/// One viewer, and the check by identical pairs.
#[derive(Debug, Serialize)]
pub struct Viewer {
    pub viewer: String,
    pub seeds: BTreeSet<u32>,
    /// Scores of methods.
    pub scores: usize,
    pub identical_pairs: usize,
    /// Mean of the absolute scores of identical pairs; none where there are none.
    pub identical_mean: Option<f64>,
    /// Whether it is within the limit; none where there are no identical pairs.
    pub passed: Option<bool>,
    pub left_out: bool,
}

/// Mean of a method over a group of pictures.
#[derive(Debug, Serialize)]
pub struct GroupMean {
    /// Empty for pictures without a group.
    pub group: String,
    pub method: String,
    #[serde(flatten)]
    pub mean: Mean,
}

/// Mean of a method over all pictures.
#[derive(Debug, Serialize)]
pub struct MethodMean {
    pub method: String,
    #[serde(flatten)]
    pub mean: Mean,
}

/// All tables.
#[derive(Debug, Serialize)]
pub struct Results {
    pub confidence: f64,
    pub identical_limit: f64,
    pub viewers: Vec<Viewer>,
    pub methods: Vec<MethodMean>,
    pub groups: Vec<GroupMean>,
}

impl Results {
    /// Tables of `scores`. Viewers whose identical pairs differ by more than `identical_limit` on average have failed;
    /// with
    /// `leave_out_failed` they do not count.
    pub fn new(scores: &[Score], identical_limit: f64, leave_out_failed: bool) -> Result<Self> {
        let viewers = viewers(scores, identical_limit, leave_out_failed);
        let left_out: BTreeSet<&str> =
            viewers.iter().filter(|viewer| viewer.left_out).map(|viewer| viewer.viewer.as_str()).collect();
        let counted: Vec<&Score> = scores
            .iter()
            .filter(|score| score.method != IDENTICAL && !left_out.contains(score.viewer.as_str()))
            .collect();
        if counted.is_empty() {
            return Err(Error::input(match left_out.len() {
                0 => "the files hold no score of any method; give those of viewers who judged a pair".to_owned(),
                failed => {
                    format!("all {failed} viewers who judged a pair are left out; raise --identical-limit, or ask more")
                }
            }));
        }
        let by_method = gather(counted.iter().map(|score| (score.method.as_str(), *score)));
        let by_group = gather(counted.iter().map(|score| ((score.group(), score.method.as_str()), *score)));
        let methods =
            by_method.into_iter().map(|(method, scores)| MethodMean { method: method.to_owned(), mean: mean(&scores) });
        let groups = by_group.into_iter().map(|((group, method), scores)| GroupMean {
            group: group.to_owned(),
            method: method.to_owned(),
            mean: mean(&scores),
        });
        Ok(Self {
            confidence: CONFIDENCE,
            identical_limit,
            methods: methods.collect(),
            groups: groups.collect(),
            viewers,
        })
    }
}

fn gather<'a, K: Ord>(scores: impl Iterator<Item = (K, &'a Score)>) -> BTreeMap<K, Vec<&'a Score>> {
    let mut gathered: BTreeMap<K, Vec<&Score>> = BTreeMap::new();
    for (key, score) in scores {
        gathered.entry(key).or_default().push(score);
    }
    gathered
}

fn viewers(scores: &[Score], identical_limit: f64, leave_out_failed: bool) -> Vec<Viewer> {
    let by_viewer = gather(scores.iter().map(|score| (score.viewer.as_str(), score)));
    let viewer = |(viewer, scores): (&str, Vec<&Score>)| {
        let identical: Vec<f64> =
            scores.iter().filter(|score| score.method == IDENTICAL).map(|score| f64::from(score.score).abs()).collect();
        let identical_mean = (!identical.is_empty()).then(|| average(&identical));
        let passed = identical_mean.map(|mean| mean <= identical_limit);
        Viewer {
            viewer: viewer.to_owned(),
            seeds: scores.iter().map(|score| score.seed).collect(),
            scores: scores.len() - identical.len(),
            identical_pairs: identical.len(),
            identical_mean,
            passed,
            left_out: leave_out_failed && passed == Some(false),
        }
    };
    by_viewer.into_iter().map(viewer).collect()
}

fn average(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// Mean of the viewers' means, and Student's interval of it.
fn mean(scores: &[&Score]) -> Mean {
    let by_viewer = gather(scores.iter().map(|score| (score.viewer.as_str(), *score)));
    let means: Vec<f64> = by_viewer
        .values()
        .map(|own| average(&own.iter().map(|score| f64::from(score.score)).collect::<Vec<_>>()))
        .collect();
    let (mean, viewers) = (average(&means), means.len());
    let half_width = (viewers > 1).then(|| {
        let variance = means.iter().map(|own| (own - mean).powi(2)).sum::<f64>() / (viewers - 1) as f64;
        two_sided_quantile(CONFIDENCE, viewers - 1) * (variance / viewers as f64).sqrt()
    });
    Mean { mean, half_width, viewers, scores: scores.len() }
}
