// SPDX-License-Identifier: MIT OR Apache-2.0
//! Reads what viewers saved, and refuses lines that the page would not write.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use advjnd::{Error, Result};
use csv::{Position, Reader, StringRecord};

use super::{IDENTICAL, Kind};

/// The columns of a file, in their order.
const COLUMNS: [&str; 7] = ["viewer", "pair", "method", "side", "score", "milliseconds", "seed"];

/// One judged pair or picture. Side and time are checked when read; no table tells them.
#[derive(Debug, Clone, PartialEq)]
pub struct Score {
    pub kind: Kind,
    pub viewer: String,
    /// `GROUP/NAME` or `NAME`.
    pub pair: String,
    pub method: String,
    /// -3..=3: the method's picture compared with the clean one. -3..=0: what a single picture looks like.
    pub score: i8,
    pub seed: u32,
}

impl Score {
    /// The group of the picture; empty where it has none.
    pub fn group(&self) -> &str {
        self.pair.rsplit_once('/').map_or("", |(group, _)| group)
    }
}

/// All lines of all files, of one kind. Who judged a pair twice is refused: a file was given twice, or two viewers have
/// one id. So is who judged a single picture in two versions, and could compare.
pub fn read(files: &[PathBuf]) -> Result<Vec<Score>> {
    let mut scores: Vec<Score> = Vec::new();
    let mut first_place = String::new();
    let mut places: HashMap<(String, String, String), String> = HashMap::new();
    for path in files {
        let source = std::fs::read(path).map_err(|source| Error::Io { path: path.clone(), source })?;
        for (line, score) in parse(path, &source)? {
            let place = format!("{} line {line}", path.display());
            match scores.first() {
                None => first_place.clone_from(&place),
                Some(first) if first.kind == score.kind => {}
                Some(first) => {
                    let what = |kind| if kind == Kind::Single { "a single picture" } else { "a pair" };
                    return Err(Error::input(format!(
                        "{place} is about {}, but {first_place} is about {}; make tables of each kind on its own",
                        what(score.kind),
                        what(first.kind)
                    )));
                }
            }
            let version = if score.kind == Kind::Single { String::new() } else { score.method.clone() };
            let key = (score.viewer.clone(), version, score.pair.clone());
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
fn parse(path: &Path, source: &[u8]) -> Result<Vec<(usize, Score)>> {
    // Spreadsheets write a byte order mark.
    let source = source.strip_prefix(b"\xef\xbb\xbf").unwrap_or(source);
    let wrong = |line: usize, reason: String| Error::input(format!("{} line {line}: {reason}", path.display()));
    let mut reader = Reader::from_reader(source);
    let malformed = |error: csv::Error| {
        let line = line_of(error.position(), source);
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
        let line = line_of(record.position(), source);
        scores.push((line, score(&record).map_err(|reason| wrong(line, reason))?));
    }
    Ok(scores)
}

/// The line where a record begins; for the reader, that is before the line feed of a CR LF that ends the last one.
fn line_of(position: Option<&Position>, source: &[u8]) -> usize {
    let start = position.map_or(0, |position| position.byte() as usize).min(source.len());
    let (before, rest) = source.split_at(start);
    let ends = rest.iter().take_while(|byte| matches!(byte, b'\r' | b'\n'));
    1 + before.iter().chain(ends).filter(|byte| **byte == b'\n').count()
}

fn score(record: &StringRecord) -> std::result::Result<Score, String> {
    let field = |column: usize| match record[column].trim() {
        "" => Err(format!("no {}", COLUMNS[column])),
        text => Ok(text),
    };
    let side = field(3)?;
    let (kind, best) = match side {
        "left" | "right" => (Kind::Comparison, 3),
        "alone" => (Kind::Single, 0),
        _ => return Err(format!("the side is `{side}`; it is left, right or alone")),
    };
    let score = field(4)?;
    let Some(score) = score.parse().ok().filter(|score| (-3..=best).contains(score)) else {
        return Err(format!(
            "the score is `{score}`; where the side is `{side}`, it is a whole number from -3 to {best}"
        ));
    };
    let milliseconds = field(5)?;
    if milliseconds.parse::<u64>().is_err() {
        return Err(format!("the time is `{milliseconds}`; it is a whole number of milliseconds"));
    }
    let seed = field(6)?;
    let seed =
        seed.parse().map_err(|_| format!("the seed is `{seed}`; it is a whole number from 0 to {}", u32::MAX))?;
    let [viewer, pair, method] = [field(0)?, field(1)?, field(2)?].map(str::to_owned);
    if kind == Kind::Single && method == IDENTICAL {
        return Err(format!("the method is `{IDENTICAL}`, but a single picture is beside no other"));
    }
    Ok(Score { kind, viewer, pair, method, score, seed })
}
