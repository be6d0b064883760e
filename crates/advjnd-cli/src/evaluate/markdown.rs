// SPDX-License-Identifier: MIT OR Apache-2.0
//! The tables for people.

use std::collections::BTreeSet;

use super::counts::Share;
use super::figures::Figures;
use super::quality::Quality;
use super::results::{Key, Results, Row, Seen};
use crate::document::{head, line, number, percent};

const NOTES: &str = "\
    Faces are found in the clean clip (detector score 0.6, 32 pixels), and again in every variant; where a face is \
    not found there, recognisers look at its place. A face counts if the recogniser knows the enrolled person in the \
    clean frame. Stopped: the face is shown, and the recogniser no longer takes it for that person. Thresholds are \
    those of the models' manifest, at 1 % false accepts. Neither the attack nor the self-check knows the judges. \
    Shares are of all face-frames together.\n";

/// All tables of the results.
pub fn tables(results: &Results) -> String {
    let experiment = &results.experiment;
    let enrolled =
        if experiment.photograph.is_some() { "a photograph" } else { "the mean clean embedding of each track" };
    let most = experiment.most_frames.map_or(String::new(), |most| format!(", the first {most} frames of a clip"));
    let every = experiment.every;
    let mut text = format!("# Evaluation of video\n\nOne frame in {every}{most}; enrolled: {enrolled}. {NOTES}");
    let variants = variants(&results.rows);
    text += "\n## By number of surrogates\n\nEach cell of a variant: stopped, surrogates / judges.\n\n";
    text += &in_short(results);
    text += "\n## By surrogates\n\nEach cell: stopped, by recogniser; attacked ones in brackets.\n\n";
    text +=
        &by_recognizer(&groups(&results.rows, |row| (row.key.surrogates.join(", "), properties(&row.key))), &variants);
    text += "\n## Pooled, best frame, time\n\nSurrogates / judges. Pooled: the mean embedding over a second, over the track. Best \
        frame: tracks of which no frame is taken for the person. Leaked: frames with a face that is. Reached: tracks that are \
        stopped in some frame, and after how many seconds on average. Bit rate: of the protected clip over the clean one.\n\n";
    text += &in_time(&groups(&results.rows, by_number), &variants);
    text += "\n## By clip\n\nEach cell of a variant: stopped, surrogates / judges.\n\n";
    text += &overview(&groups(&results.rows, |row| (row.key.clip.clone(), of_clip(&row.key))), &variants);
    text
}

/// The table by number of surrogates.
pub fn in_short(results: &Results) -> String {
    overview(&groups(&results.rows, by_number), &variants(&results.rows))
}

/// Number of surrogates and settings of a row.
fn by_number(row: &Row) -> (String, String) {
    (row.key.surrogates.len().to_string(), properties(&row.key))
}

/// Rows that belong together, by what the first two columns say.
type Groups<'a> = Vec<((String, String), Vec<&'a Row>)>;

fn groups<'a>(rows: &'a [Row], columns: impl Fn(&Row) -> (String, String)) -> Groups<'a> {
    let mut groups = Groups::new();
    for row in rows {
        let columns = columns(row);
        match groups.iter_mut().find(|(taken, _)| *taken == columns) {
            Some((_, rows)) => rows.push(row),
            None => groups.push((columns, vec![row])),
        }
    }
    groups.sort_by_cached_key(|((first, second), _)| (natural(first), natural(second)));
    groups
}

/// Orders text with the numbers in it as numbers.
fn natural(text: &str) -> Vec<(String, u64)> {
    let is_digit = |c: char| c.is_ascii_digit();
    let mut parts = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (word, after) = rest.split_at(rest.find(is_digit).unwrap_or(rest.len()));
        let (digits, after) = after.split_at(after.find(|c| !is_digit(c)).unwrap_or(after.len()));
        parts.push((word.to_owned(), digits.parse().unwrap_or(0)));
        rest = after;
    }
    parts
}

fn properties(key: &Key) -> String {
    key.properties.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" ")
}

fn of_clip(key: &Key) -> String {
    format!("{}; {}", key.surrogates.join(", "), properties(key))
}

/// Names of all variants, in the order of the rows.
fn variants(rows: &[Row]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for seen in rows.iter().flat_map(|row| &row.variants) {
        if !names.contains(&seen.variant) {
            names.push(seen.variant.clone());
        }
    }
    names
}

/// What a variant came to in all rows: the surrogates' figures and the judges'.
fn roles(rows: &[&Row], variant: &str) -> [Figures; 2] {
    let mut roles = [Figures::default(); 2];
    for row in rows {
        for (name, figures) in
            row.variants.iter().filter(|seen| seen.variant == variant).flat_map(|seen| &seen.recognizers)
        {
            roles[usize::from(!row.key.surrogates.contains(name))].add(figures);
        }
    }
    roles
}

fn pair(roles: &[Figures; 2], share: fn(&Figures) -> Option<f64>) -> String {
    let [surrogates, judges] = roles.map(|figures| percent(share(&figures), 1));
    format!("{surrogates} / {judges}")
}

fn overview(groups: &Groups<'_>, variants: &[String]) -> String {
    let measures = ["surrogates", "settings", "covered", "PSNR", "SSIM", "SSIMULACRA2", "flicker", "warping error"]
        .map(str::to_owned);
    let mut text = head(&measures.iter().chain(variants).collect::<Vec<_>>(), 2);
    for ((first, second), rows) in groups {
        let (mut covered, mut quality) = (Share::default(), Quality::default());
        for row in rows {
            covered.add(&row.covered);
            quality.add(&row.quality);
        }
        let cells = [
            first.clone(),
            second.clone(),
            percent(covered.value(), 1),
            number(quality.psnr.value(), 1),
            number(quality.ssim.value(), 3),
            number(quality.ssimulacra2.value(), 1),
            number(quality.flicker.value(), 2),
            number(quality.warping_error.value(), 2),
        ];
        let stopped = variants.iter().map(|variant| pair(&roles(rows, variant), |figures| figures.stopped.value()));
        text += &line(cells.into_iter().chain(stopped));
    }
    text
}

fn by_recognizer(groups: &Groups<'_>, variants: &[String]) -> String {
    let mut names = BTreeSet::new();
    for row in groups.iter().flat_map(|(_, rows)| rows) {
        names.extend(row.variants.iter().flat_map(|seen| seen.recognizers.keys().cloned()));
    }
    let columns = ["surrogates", "settings", "variant"];
    let mut text = head(&columns.into_iter().chain(names.iter().map(String::as_str)).collect::<Vec<_>>(), 2);
    for ((surrogates, settings), rows) in groups {
        for variant in variants {
            let cells = names.iter().map(|name| {
                let mut figures = Figures::default();
                let seen = rows.iter().flat_map(|row| &row.variants).filter(|seen| seen.variant == *variant);
                seen.filter_map(|seen| seen.recognizers.get(name)).for_each(|own| figures.add(own));
                let stopped = percent(figures.stopped.value(), 1);
                let attacked = rows.iter().any(|row| row.key.surrogates.contains(name));
                if attacked { format!("({stopped})") } else { stopped }
            });
            text += &line([surrogates.clone(), settings.clone(), variant.clone()].into_iter().chain(cells));
        }
    }
    text
}

fn in_time(groups: &Groups<'_>, variants: &[String]) -> String {
    let columns = [
        "surrogates",
        "settings",
        "variant",
        "per frame",
        "per frame, mean of tracks",
        "pooled, 1 s",
        "pooled, clip",
        "best frame",
        "frames leaked",
        "reached",
        "after, s",
        "found",
        "bit rate",
    ];
    let mut text = head(&columns, 2);
    for ((surrogates, settings), rows) in groups {
        for variant in variants {
            let roles = roles(rows, variant);
            let seen = || rows.iter().flat_map(|row| &row.variants).filter(|seen| seen.variant == *variant);
            let mut found = Share::default();
            seen().for_each(|seen| found.add(&seen.found));
            let after = roles.map(|figures| number(figures.seconds_to_protection.value(), 2)).join(" / ");
            text += &line([
                surrogates.clone(),
                settings.clone(),
                variant.clone(),
                pair(&roles, |figures| figures.stopped.value()),
                pair(&roles, |figures| figures.stopped_by_track.value()),
                pair(&roles, |figures| figures.stopped_pooled_second.value()),
                pair(&roles, |figures| figures.stopped_pooled_clip.value()),
                pair(&roles, |figures| figures.stopped_best_frame.value()),
                pair(&roles, |figures| figures.leaked_frames.value()),
                pair(&roles, |figures| figures.reached.value()),
                after,
                percent(found.value(), 1),
                overhead(seen()),
            ]);
        }
    }
    text
}

/// How many bytes more, of all clips together.
fn overhead<'a>(seen: impl Iterator<Item = &'a Seen>) -> String {
    let pairs = seen.filter_map(|seen| seen.bytes.zip(seen.clean_bytes));
    let (protected, clean) = pairs.fold((0, 0), |(a, b), (protected, clean)| (a + protected, b + clean));
    if clean == 0 {
        return "–".to_owned();
    }
    format!("{:+.1} %", 100.0 * (protected as f64 / clean as f64 - 1.0))
}
