// SPDX-License-Identifier: MIT OR Apache-2.0
//! A viewing test that people can take, of two kinds. One is the stimulus comparison of ITU-R BT.500: protected
//! pictures beside clean ones. The other shows single pictures, and viewers say whether anything looks wrong.
//!
//! `advjnd viewing-test --pairs DIR --out viewing-test.html` writes one page that holds all pictures and needs no
//! network; with `--single` it shows single pictures. Every viewer opens it, judges what it shows and saves a CSV file.
//! `advjnd viewing-test results v01.csv v02.csv` makes the tables.
//!
//! # The folder of pairs
//! ```text
//! DIR/clean/NAME.png          DIR/clean/GROUP/NAME.png
//! DIR/METHOD/NAME.png         DIR/METHOD/GROUP/NAME.png
//! ```
//! One folder per method and one called `clean`. Each holds the same pictures, PNG or JPEG: pictures of the same name
//! without its ending, and of the same size, are a pair. Groups of pictures, whose means are told apart, are folders
//! one level down. Names that begin with a dot, and files beside the folders, are not looked at.
//!
//! # Single pictures
//! The reference is a method like the others, and what people say of untouched pictures. A viewer sees each picture
//! once, in one version, since who sees two compares. The seed deals the versions: each method has the same share of
//! all pictures and of each group, to within one picture. Over many seeds every version of a picture is equally likely.
//!
//! # The results
//! A line per judged pair or picture: `viewer,pair,method,side,score,milliseconds,seed`. `pair` is `GROUP/NAME` or
//! `NAME`, `side` where the method's picture stood, `score` -3 to 3 how it compared with the clean one (negative:
//! worse), `milliseconds` the time from the pictures' appearance to the answer, and `seed` what order and sides or
//! versions were drawn from. The method `identical` is the hidden check: the clean picture beside itself. Of a single
//! picture, `side` is `alone` and `score` 0 (nothing looks wrong) to -3 (something does, plainly).
//!
//! A viewer fails the check where the mean of the absolute scores of identical pairs is above a limit. Of single
//! pictures there is none; how often a viewer saw something in pictures of the reference is listed. Means are over
//! viewers: each viewer counts once, by the mean of their scores, and the 95 % confidence interval is Student's, of as
//! many samples as there are viewers.

mod page;
mod pairs;
mod report;
mod results;
mod scores;
mod student;

use std::path::PathBuf;

use advjnd::{Error, Result};
use clap::{Args, Subcommand};

use crate::folder;

/// Method of the hidden pairs of a clean picture and itself.
const IDENTICAL: &str = "identical";

/// What a viewer judges at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// A picture of the reference beside one of a method.
    Comparison,
    /// One picture, of a method or of the reference.
    Single,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Comparison => "comparison",
            Self::Single => "single",
        }
    }
}

/// Makes a page for a viewing test (pairs as in ITU-R BT.500, or single pictures), and tables of its results.
///
/// The folder of pairs contains one folder per method and one called `clean`. All have pictures (PNG, JPEG) of the same
/// names and sizes. Folders one level down are groups of pictures:
///
/// DIR/clean/NAME.png, DIR/METHOD/NAME.png, or DIR/clean/GROUP/NAME.png, DIR/METHOD/GROUP/NAME.png
#[derive(Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true, verbatim_doc_comment)]
pub struct ViewingTest {
    #[command(flatten)]
    page: Option<Page>,
    #[command(subcommand)]
    results: Option<Command>,
}

#[derive(Args)]
struct Page {
    /// Folder with the clean pictures, and one folder of pictures per method
    #[arg(long, value_name = "DIR")]
    pairs: PathBuf,
    /// Page to write; it contains all pictures
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Folder to compare all others with
    #[arg(long, value_name = "NAME", default_value = "clean")]
    reference: String,
    /// Show single pictures, those of the reference among them, and ask whether anything looks wrong; each viewer sees
    /// each picture in one version
    #[arg(long, conflicts_with = "identical")]
    single: bool,
    /// Hidden pairs of a clean picture and itself, at most one per picture [default: a tenth of the pairs, at least 2]
    #[arg(long, value_name = "N")]
    identical: Option<usize>,
}

#[derive(Subcommand)]
enum Command {
    /// Tables mean scores with 95 % confidence intervals, by method and by group of pictures
    Results(Results),
}

#[derive(Args)]
struct Results {
    /// Files that viewers saved
    #[arg(required = true, value_name = "CSV")]
    files: Vec<PathBuf>,
    /// Print JSON instead of Markdown
    #[arg(long)]
    json: bool,
    /// Of single pictures: the folder of untouched ones
    #[arg(long, value_name = "NAME", default_value = "clean")]
    reference: String,
    /// Leave out viewers who fail the check with identical pairs; they are listed in any case
    #[arg(long)]
    leave_out_failed: bool,
    /// A viewer fails if the mean absolute score of identical pairs is above this
    #[arg(long, value_name = "SCORE", default_value_t = 0.5)]
    identical_limit: f64,
}

impl ViewingTest {
    /// Writes the page, or makes the tables, and returns what is to be printed.
    ///
    /// # Errors
    /// [`Error::Input`] where the folder, a picture or a line of a file is not as it should be, or the page cannot be
    /// written, and [`Error::Io`] where something cannot be read.
    pub fn run(self) -> Result<String> {
        match (self.results, self.page) {
            (Some(Command::Results(arguments)), _) => arguments.run(),
            (None, Some(arguments)) => arguments.run(),
            (None, None) => Err(Error::input("give --pairs and --out, or `results` and CSV files")),
        }
    }
}

impl Page {
    fn run(self) -> Result<String> {
        let pairs = pairs::Pairs::read(&self.pairs, &self.reference)?;
        let (pictures, methods) = (pairs.pictures.len(), pairs.methods.len());
        let (kind, identical, content) = if self.single {
            (Kind::Single, 0, format!("{} versions of each", methods + 1))
        } else {
            let identical = self.identical_pairs(pictures, methods)?;
            (Kind::Comparison, identical, format!("{methods} methods, {identical} identical pairs"))
        };
        let page = page::html(&pairs, kind, identical)?;
        folder::replace(&self.out, &page)?;
        let megabytes = page.len() as f64 / 1e6;
        Ok(format!("{}: {pictures} pictures, {content}, {megabytes:.1} MB\n", self.out.display()))
    }

    fn identical_pairs(&self, pictures: usize, methods: usize) -> Result<usize> {
        let identical = self.identical.unwrap_or_else(|| (pictures * methods).div_ceil(10).max(2).min(pictures));
        if identical <= pictures {
            return Ok(identical);
        }
        Err(Error::input(format!(
            "{identical} identical pairs of {pictures} pictures; each picture makes one, so give --identical \
             {pictures} or less"
        )))
    }
}

impl Results {
    fn run(self) -> Result<String> {
        if !(self.identical_limit.is_finite() && self.identical_limit >= 0.0) {
            return Err(Error::input(format!(
                "--identical-limit {}: give a score from 0 (any difference seen fails) to 3 (nobody fails)",
                self.identical_limit
            )));
        }
        let scores = scores::read(&self.files)?;
        let results = match scores.first().map(|score| score.kind) {
            Some(Kind::Single) if self.leave_out_failed => {
                return Err(Error::input(
                    "--leave-out-failed: single pictures have no identical pairs, so nobody fails; leave it out",
                ));
            }
            Some(Kind::Single) => results::Results::of_single(&scores, &self.reference)?,
            _ => results::Results::of_pairs(&scores, self.identical_limit, self.leave_out_failed)?,
        };
        if self.json { report::json(&results) } else { Ok(report::markdown(&results)) }
    }
}
