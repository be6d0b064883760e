// SPDX-License-Identifier: MIT OR Apache-2.0
//! The tables as Markdown and as JSON.

use std::collections::BTreeSet;

use advjnd::{Error, Result};

use super::results::{Mean, Results, Viewer};
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
    let mut text = format!(
        "Comparison scores, -3 (much worse than the reference) to +3 (much better). Means over viewers ± {percent:.0} % \
         confidence (Student's t), number of viewers in brackets.\n\n"
    );
    let methods =
        results.methods.iter().map(|row| [escaped(&row.method), cell(&row.mean), row.mean.scores.to_string()]);
    text += &table(&["method", "score", "judgements"], &methods.map(Vec::from).collect::<Vec<_>>());

    let groups: BTreeSet<&str> = results.groups.iter().map(|row| row.group.as_str()).collect();
    if groups.iter().any(|group| !group.is_empty()) {
        let head: Vec<String> = results.methods.iter().map(|row| escaped(&row.method)).collect();
        let head: Vec<&str> = ["group"].into_iter().chain(head.iter().map(String::as_str)).collect();
        let rows = groups.iter().map(|group| {
            let cells = results.methods.iter().map(|method| {
                let row = results.groups.iter().find(|row| row.group == *group && row.method == method.method);
                row.map_or("–".to_owned(), |row| cell(&row.mean))
            });
            let name = if group.is_empty() { "–".to_owned() } else { escaped(group) };
            [name].into_iter().chain(cells).collect()
        });
        text += "\n";
        text += &table(&head, &rows.collect::<Vec<_>>());
    }

    text += &format!(
        "\nThe check by identical pairs: passed at a mean absolute score of at most {}.\n\n",
        results.identical_limit
    );
    let viewers = results.viewers.iter().map(|viewer| {
        let check =
            viewer.identical_mean.map_or("–".to_owned(), |mean| format!("{mean:.2} of {}", viewer.identical_pairs));
        let seeds: Vec<String> = viewer.seeds.iter().map(u32::to_string).collect();
        vec![escaped(&viewer.viewer), viewer.scores.to_string(), check, verdict(viewer).to_owned(), seeds.join(", ")]
    });
    text += &table(&["viewer", "judgements", "identical pairs", "check", "seed"], &viewers.collect::<Vec<_>>());
    text
}

fn verdict(viewer: &Viewer) -> &'static str {
    match (viewer.passed, viewer.left_out) {
        (None, _) => "not checked",
        (Some(true), _) => "passed",
        (Some(false), false) => "failed",
        (Some(false), true) => "failed, left out",
    }
}

fn cell(mean: &Mean) -> String {
    let half_width = mean.half_width.map_or(String::new(), |half_width| format!(" ± {half_width:.2}"));
    format!("{:+.2}{half_width} ({})", mean.mean, mean.viewers)
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
