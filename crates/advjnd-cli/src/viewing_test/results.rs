// SPDX-License-Identifier: MIT OR Apache-2.0
//! Mean scores with confidence intervals, as the viewing test of the source paper (Xue et al. 2023, tables
//! 2 to 5) states them: by method, and by group of pictures.

use std::collections::{BTreeMap, BTreeSet};

use advjnd::{Error, Result};
use serde::Serialize;

use super::scores::Score;
use super::student::two_sided_quantile;
use super::{IDENTICAL, Kind};

/// Of the intervals.
pub const CONFIDENCE: f64 = 0.95;

/// Mean of the viewers' own means.
#[derive(Debug, Serialize)]
pub struct Mean {
    pub mean: f64,
    /// Half the width of the confidence interval; none of a single viewer.
    pub half_width: Option<f64>,
}

/// What viewers said.
#[derive(Debug, Serialize)]
pub struct Said {
    #[serde(flatten)]
    pub score: Mean,
    /// Share of pictures in which something was seen (a score below 0); none of pairs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seen: Option<Mean>,
    /// How many viewers.
    pub viewers: usize,
    /// How many scores of theirs.
    pub scores: usize,
}

/// One viewer.
#[derive(Debug, Serialize)]
pub struct Viewer {
    pub viewer: String,
    pub seeds: BTreeSet<u32>,
    /// Scores of methods.
    pub scores: usize,
    #[serde(flatten)]
    pub untouched: Untouched,
}

/// What a viewer said of pictures to which nothing was done.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum Untouched {
    /// The check by identical pairs.
    Comparison {
        identical_pairs: usize,
        /// Mean of the absolute scores of identical pairs; none where there are none.
        identical_mean: Option<f64>,
        /// Whether it is within the limit; none where there are no identical pairs.
        passed: Option<bool>,
        left_out: bool,
    },
    /// Single pictures of the reference, and in how many of them something was seen.
    Single { reference_pictures: usize, reference_seen: usize },
}

impl Viewer {
    fn left_out(&self) -> bool {
        matches!(self.untouched, Untouched::Comparison { left_out: true, .. })
    }
}

/// Mean of a method over a group of pictures.
#[derive(Debug, Serialize)]
pub struct GroupMean {
    /// Empty for pictures without a group.
    pub group: String,
    pub method: String,
    #[serde(flatten)]
    pub said: Said,
}

/// Mean of a method over all pictures.
#[derive(Debug, Serialize)]
pub struct MethodMean {
    pub method: String,
    #[serde(flatten)]
    pub said: Said,
}

/// All tables.
#[derive(Debug, Serialize)]
pub struct Results {
    pub confidence: f64,
    #[serde(flatten)]
    pub rule: Rule,
    pub viewers: Vec<Viewer>,
    pub methods: Vec<MethodMean>,
    pub groups: Vec<GroupMean>,
}

/// The kind of test, and what is untouched in it.
#[derive(Debug, Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Rule {
    /// Viewers fail whose identical pairs differ by more than this on average.
    Comparison { identical_limit: f64 },
    /// The method of the untouched pictures.
    Single { reference: String },
}

impl Results {
    /// Tables of the scores of pairs. Viewers whose identical pairs differ by more than `identical_limit` on average
    /// have failed; with `leave_out_failed` they do not count.
    pub fn of_pairs(scores: &[Score], identical_limit: f64, leave_out_failed: bool) -> Result<Self> {
        let viewers = viewers(scores, |scores| check(scores, identical_limit, leave_out_failed));
        Self::new(scores, Rule::Comparison { identical_limit }, viewers)
    }

    /// Tables of the scores of single pictures, of which those of `reference` are untouched.
    pub fn of_single(scores: &[Score], reference: &str) -> Result<Self> {
        if !scores.iter().any(|score| score.method == reference) {
            return Err(Error::input(format!(
                "the files hold no score of `{reference}`; name the folder of untouched pictures by --reference"
            )));
        }
        let viewers = viewers(scores, |scores| {
            let own = scores.iter().filter(|score| score.method == reference);
            Untouched::Single {
                reference_pictures: own.clone().count(),
                reference_seen: own.filter(|score| score.score < 0).count(),
            }
        });
        Self::new(scores, Rule::Single { reference: reference.to_owned() }, viewers)
    }

    fn new(scores: &[Score], rule: Rule, viewers: Vec<Viewer>) -> Result<Self> {
        let left_out: BTreeSet<&str> =
            viewers.iter().filter(|viewer| viewer.left_out()).map(|viewer| viewer.viewer.as_str()).collect();
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
            by_method.into_iter().map(|(method, scores)| MethodMean { method: method.to_owned(), said: said(&scores) });
        let groups = by_group.into_iter().map(|((group, method), scores)| GroupMean {
            group: group.to_owned(),
            method: method.to_owned(),
            said: said(&scores),
        });
        Ok(Self { confidence: CONFIDENCE, rule, methods: methods.collect(), groups: groups.collect(), viewers })
    }
}

fn gather<'a, K: Ord>(scores: impl Iterator<Item = (K, &'a Score)>) -> BTreeMap<K, Vec<&'a Score>> {
    let mut gathered: BTreeMap<K, Vec<&Score>> = BTreeMap::new();
    for (key, score) in scores {
        gathered.entry(key).or_default().push(score);
    }
    gathered
}

fn viewers(scores: &[Score], untouched: impl Fn(&[&Score]) -> Untouched) -> Vec<Viewer> {
    let by_viewer = gather(scores.iter().map(|score| (score.viewer.as_str(), score)));
    let viewer = |(viewer, scores): (&str, Vec<&Score>)| Viewer {
        viewer: viewer.to_owned(),
        seeds: scores.iter().map(|score| score.seed).collect(),
        scores: scores.iter().filter(|score| score.method != IDENTICAL).count(),
        untouched: untouched(&scores),
    };
    by_viewer.into_iter().map(viewer).collect()
}

fn check(scores: &[&Score], identical_limit: f64, leave_out_failed: bool) -> Untouched {
    let identical: Vec<f64> =
        scores.iter().filter(|score| score.method == IDENTICAL).map(|score| f64::from(score.score).abs()).collect();
    let identical_mean = (!identical.is_empty()).then(|| average(&identical));
    let passed = identical_mean.map(|mean| mean <= identical_limit);
    let left_out = leave_out_failed && passed == Some(false);
    Untouched::Comparison { identical_pairs: identical.len(), identical_mean, passed, left_out }
}

fn average(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn said(scores: &[&Score]) -> Said {
    let by_viewer = gather(scores.iter().map(|score| (score.viewer.as_str(), *score)));
    let over_viewers = |value: fn(&Score) -> f64| {
        let own = |scores: &Vec<&Score>| average(&scores.iter().map(|score| value(score)).collect::<Vec<_>>());
        mean(&by_viewer.values().map(own).collect::<Vec<_>>())
    };
    let single = scores.iter().all(|score| score.kind == Kind::Single);
    Said {
        score: over_viewers(|score| f64::from(score.score)),
        seen: single.then(|| over_viewers(|score| f64::from(u8::from(score.score < 0)))),
        viewers: by_viewer.len(),
        scores: scores.len(),
    }
}

/// Mean of the viewers' means, and Student's interval of it.
fn mean(means: &[f64]) -> Mean {
    let (mean, viewers) = (average(means), means.len());
    let half_width = (viewers > 1).then(|| {
        let variance = means.iter().map(|own| (own - mean).powi(2)).sum::<f64>() / (viewers - 1) as f64;
        two_sided_quantile(CONFIDENCE, viewers - 1) * (variance / viewers as f64).sqrt()
    });
    Mean { mean, half_width }
}
