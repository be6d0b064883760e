// SPDX-License-Identifier: MIT OR Apache-2.0
//! The tables as Markdown and as JSON.

use std::collections::BTreeSet;

use advjnd::{Error, Result};

use super::results::{Mean, Results, Rule, Said, Untouched};
use crate::document::{head, line};

/// One JSON object, indented.
pub fn json(results: &Results) -> Result<String> {
    let text = serde_json::to_string_pretty(results)
        .map_err(|error| Error::input(format!("cannot write the tables as JSON: {error}")))?;
    Ok(text + "\n")
}

/// A table by method, one by group where there are groups, and one of the viewers.
pub fn markdown(results: &Results) -> String {
    let percent = 100.0 * results.confidence;
    let scale = match &results.rule {
        Rule::Comparison { .. } => {
            "Comparison scores, -3 (much worse than the reference) to +3 (much better).".to_owned()
        }
        Rule::Single { reference } => format!(
            "Scores of single pictures, whether anything looks wrong: 0 (no), -1 (perhaps), -2 (yes, a little), \
             -3 (yes, plainly). Something is seen where the score is below 0. Pictures of the method {} are untouched.",
            escaped(reference)
        ),
    };
    let mut text = format!(
        "{scale} Means over viewers ± {percent:.0} % confidence (Student's t), number of viewers in brackets.\n\n"
    );
    let methods = results.methods.iter().map(|row| {
        let seen = row.said.seen.as_ref().map(share);
        let cells = [escaped(&row.method), cell(&row.said)].into_iter().chain(seen);
        cells.chain([row.said.scores.to_string()]).collect()
    });
    let columns: &[&str] = match &results.rule {
        Rule::Comparison { .. } => &["method", "score", "judgements"],
        Rule::Single { .. } => &["method", "score", "something seen", "judgements"],
    };
    text += &table(columns, &methods.collect::<Vec<_>>());

    let groups: BTreeSet<&str> = results.groups.iter().map(|row| row.group.as_str()).collect();
    if groups.iter().any(|group| !group.is_empty()) {
        let head: Vec<String> = results.methods.iter().map(|row| escaped(&row.method)).collect();
        let head: Vec<&str> = ["group"].into_iter().chain(head.iter().map(String::as_str)).collect();
        let rows = groups.iter().map(|group| {
            let cells = results.methods.iter().map(|method| {
                let row = results.groups.iter().find(|row| row.group == *group && row.method == method.method);
                row.map_or("–".to_owned(), |row| cell(&row.said))
            });
            let name = if group.is_empty() { "–".to_owned() } else { escaped(group) };
            [name].into_iter().chain(cells).collect()
        });
        text += "\n";
        text += &table(&head, &rows.collect::<Vec<_>>());
    }

    let (about, columns): (String, &[&str]) = match &results.rule {
        Rule::Comparison { identical_limit } => (
            format!("The check by identical pairs: passed at a mean absolute score of at most {identical_limit}."),
            &["viewer", "judgements", "identical pairs", "check", "seed"],
        ),
        Rule::Single { reference } => (
            format!("In how many untouched pictures, those of {}, each viewer saw something:", escaped(reference)),
            &["viewer", "judgements", "untouched pictures", "seed"],
        ),
    };
    let viewers = results.viewers.iter().map(|viewer| {
        let seeds: Vec<String> = viewer.seeds.iter().map(u32::to_string).collect();
        let cells = [escaped(&viewer.viewer), viewer.scores.to_string()].into_iter();
        cells.chain(untouched(&viewer.untouched)).chain([seeds.join(", ")]).collect()
    });
    text += &format!("\n{about}\n\n{}", table(columns, &viewers.collect::<Vec<_>>()));
    text
}

fn untouched(untouched: &Untouched) -> Vec<String> {
    match untouched {
        Untouched::Comparison { identical_pairs, identical_mean, passed, left_out } => {
            let mean = identical_mean.map_or("–".to_owned(), |mean| format!("{mean:.2} of {identical_pairs}"));
            vec![mean, verdict(*passed, *left_out).to_owned()]
        }
        Untouched::Single { reference_pictures: 0, .. } => vec!["–".to_owned()],
        Untouched::Single { reference_pictures, reference_seen } => {
            vec![format!("{reference_seen} of {reference_pictures}")]
        }
    }
}

fn verdict(passed: Option<bool>, left_out: bool) -> &'static str {
    match (passed, left_out) {
        (None, _) => "not checked",
        (Some(true), _) => "passed",
        (Some(false), false) => "failed",
        (Some(false), true) => "failed, left out",
    }
}

fn cell(said: &Said) -> String {
    let Said { score: Mean { mean, half_width }, viewers, .. } = said;
    let half_width = half_width.map_or(String::new(), |half_width| format!(" ± {half_width:.2}"));
    format!("{mean:+.2}{half_width} ({viewers})")
}

fn share(seen: &Mean) -> String {
    let half_width = seen.half_width.map_or(String::new(), |half_width| format!(" ± {:.0} %", 100.0 * half_width));
    format!("{:.0} %{half_width}", 100.0 * seen.mean)
}

/// A name with what Markdown and HTML would read as theirs escaped.
fn escaped(name: &str) -> String {
    let mut escaped = String::new();
    for letter in name.chars() {
        if letter.is_ascii_punctuation() && !"-./".contains(letter) {
            escaped.push('\\');
        }
        escaped.push(if letter.is_control() { ' ' } else { letter });
    }
    escaped
}

fn table(columns: &[&str], rows: &[Vec<String>]) -> String {
    head(columns, 1) + &rows.iter().map(line).collect::<String>()
}
