// SPDX-License-Identifier: MIT OR Apache-2.0
//! Reads what viewers saved, and refuses lines that the page would not write.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use advjnd::{Error, Result};
use csv::{Reader, StringRecord};

/// The columns of a file, in their order.
const COLUMNS: [&str; 7] = ["viewer", "pair", "method", "side", "score", "milliseconds", "seed"];

/// One judged pair. Side and time are checked when read; no table tells them.
#[derive(Debug, Clone, PartialEq)]
pub struct Score {
    pub viewer: String,
    /// `GROUP/NAME` or `NAME`.
    pub pair: String,
    pub method: String,
    /// -3..=3: the method's picture compared with the clean one.
    pub score: i8,
    pub seed: u32,
}

impl Score {
    /// The group of the picture; empty where it has none.
    pub fn group(&self) -> &str {
        self.pair.rsplit_once('/').map_or("", |(group, _)| group)
    }
}

/// All lines of all files. Who judged a pair twice is refused: a file was given twice, or two viewers have one id.
pub fn read(files: &[PathBuf]) -> Result<Vec<Score>> {
    let mut scores: Vec<Score> = Vec::new();
    let mut places: HashMap<(String, String, String), String> = HashMap::new();
    for path in files {
        let source = std::fs::read(path).map_err(|source| Error::Io { path: path.clone(), source })?;
        for (line, score) in parse(path, &source)? {
            let place = format!("{} line {line}", path.display());
            let key = (score.viewer.clone(), score.method.clone(), score.pair.clone());
            if let Some(first) = places.insert(key, place.clone()) {
                return Err(Error::input(format!(
                    "{place}: viewer `{}` judges `{}` by `{}` once more (first in {first}); give each file once, and each \
                     viewer an id of their own",
                    score.viewer, score.pair, score.method
                )));
            }
            scores.push(score);
        }
    }
    Ok(scores)
}

/// The scores of one file, with their lines.
fn parse(path: &Path, source: &[u8]) -> Result<Vec<(u64, Score)>> {
    // Spreadsheets write a byte order mark.
    let source = source.strip_prefix(b"\xef\xbb\xbf").unwrap_or(source);
    let wrong = |line: u64, reason: String| Error::input(format!("{} line {line}: {reason}", path.display()));
    let mut reader = Reader::from_reader(source);
    let malformed = |error: csv::Error| {
        let line = error.position().map_or(1, csv::Position::line);
        match error.kind() {
            csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
                wrong(line, format!("{len} fields instead of {expected_len}; give the file as the page saved it"))
            }
            _ => wrong(line, format!("not CSV in UTF-8 ({error}); give the file as the page saved it")),
        }
    };
    if reader.headers().map_err(malformed)? != COLUMNS[..] {
        return Err(wrong(1, format!("the first line must be `{}`", COLUMNS.join(","))));
    }
    let mut scores = Vec::new();
    for record in reader.records() {
        let record = record.map_err(malformed)?;
        let line = record.position().map_or(0, csv::Position::line);
        scores.push((line, score(&record).map_err(|reason| wrong(line, reason))?));
    }
    Ok(scores)
}

fn score(record: &StringRecord) -> std::result::Result<Score, String> {
    let field = |column: usize| match record[column].trim() {
        "" => Err(format!("no {}", COLUMNS[column])),
        text => Ok(text),
    };
    let side = field(3)?;
    if side != "left" && side != "right" {
        return Err(format!("the side is `{side}`; it is left or right"));
    }
    let score = field(4)?;
    let Some(score) = score.parse().ok().filter(|score| (-3..=3).contains(score)) else {
        return Err(format!("the score is `{score}`; it is a whole number from -3 to 3"));
    };
    let milliseconds = field(5)?;
    if milliseconds.parse::<u64>().is_err() {
        return Err(format!("the time is `{milliseconds}`; it is a whole number of milliseconds"));
    }
    let seed = field(6)?;
    let seed =
        seed.parse().map_err(|_| format!("the seed is `{seed}`; it is a whole number from 0 to {}", u32::MAX))?;
    let [viewer, pair, method] = [field(0)?, field(1)?, field(2)?].map(str::to_owned);
    Ok(Score { viewer, pair, method, score, seed })
}
