// SPDX-License-Identifier: MIT OR Apache-2.0
//! The command line of `advjnd verify`.

use std::path::{Path, PathBuf};

use advjnd::{Error, Result};
use clap::{ArgGroup, Args, ValueEnum};

use super::policy::Policy;
use crate::analysis::Choice;
use crate::protect::Settings;

const AFTER_HELP: &str = "\
Exit codes:
  0    PASS
  1    a file could not be read or is invalid; the message names it
  2    the command line is wrong
  4    FAIL: the report says why";

/// Checks a protected file: is every face covered, or shown and no longer recognised?
#[derive(Args)]
#[command(after_long_help = AFTER_HELP, after_help = AFTER_HELP)]
#[command(group(ArgGroup::new("reference").args(["original", "faces", "enrol"]).required(true).multiple(true)))]
pub struct Verify {
    /// The file that `advjnd protect` wrote
    #[arg(value_name = "PROTECTED")]
    pub protected: PathBuf,
    /// The original that it was made from
    #[arg(long, value_name = "FILE")]
    pub original: Option<PathBuf>,
    /// The analysis that it was made with. People who were kept are left out of the check, and counted. Without
    /// --original, the analysis says where faces are, and its thumbnails say whose
    #[arg(long, value_name = "FILE")]
    pub faces: Option<PathBuf>,
    /// The people who were kept; the same numbers as for `protect --keep`
    #[arg(long, value_name = "PERSON,...", value_delimiter = ',', requires = "faces")]
    pub keep: Vec<u32>,
    /// The only people who were protected; the same numbers as for `protect --only`
    #[arg(long, value_name = "PERSON,...", value_delimiter = ',', requires = "faces", conflicts_with = "keep")]
    pub only: Vec<u32>,
    /// Photographs to enrol people from, instead of clean frames; each stands for the tracks that are most like it.
    /// Without --original and --faces, faces are searched for in the protected file
    #[arg(long, value_name = "PHOTO", num_args = 1..)]
    pub enrol: Vec<PathBuf>,
    /// What happens to the file before recognisers see it: `output` (nothing), or steps joined by +: crf0..51 (x264),
    /// vp9-0..63, jpeg1..100, scale0.1..1, blur0.1..20 (pixels), average2..30 (frames)
    #[arg(long, value_name = "NAME,...", value_delimiter = ',', default_value = "output")]
    pub through: Vec<String>,
    /// Ask the recognisers in every N-th frame; in the others, only about faces that changed less than usual
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
    pub every: u32,
    /// Landmarks to align a face of the protected file by: found in it anew, or those of the original, which nobody has
    /// who knows the protected file alone
    #[arg(long, value_enum, default_value_t = Alignment::Anew)]
    pub landmarks: Alignment,
    /// Untouched faces to allow, counted once per frame
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub allow_untouched: u64,
    /// Percentage of the faces known in the original that a recogniser of --models may still know
    #[arg(long, value_name = "PERCENT", default_value_t = 5.0, value_parser = percent)]
    pub allow_known: f64,
    /// Folder with the networks that may have been attacked, and their manifest
    #[arg(long, value_name = "DIR", default_value = "models")]
    pub models: PathBuf,
    /// Folders with more judges: safetensors files with a manifest.toml, or NAME.onnx with NAME.toml; judges are
    /// reported, but do not decide
    #[arg(long, value_name = "DIR")]
    pub judges: Vec<PathBuf>,
    /// One more judge: NAME.onnx, with NAME.toml beside it
    #[arg(long, value_name = "NAME.onnx")]
    pub judge: Vec<PathBuf>,
    /// Number of other people in the gallery that faces are searched in; they do not exist (0 = no search)
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(0..=100_000))]
    pub gallery: u32,
    /// Statistics of other people, written by `advjnd population`, instead of the built-in ones
    #[arg(long, value_name = "FILE.safetensors")]
    pub population: Option<PathBuf>,
    /// The file was made with --preview SECONDS
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub preview: Option<f64>,
    /// The file was made with --both-fields
    #[arg(long)]
    pub both_fields: bool,
    /// The file was made with --tone-map
    #[arg(long)]
    pub tone_map: bool,
    /// Report as JSON
    #[arg(long)]
    pub json: bool,
    /// Also write a page with curves and the worst frames; it shows faces that are NOT protected
    #[arg(long, value_name = "FILE.html")]
    pub report: Option<PathBuf>,
    /// Output of `protect --json` for this file, so that the page can say how long a frame took
    #[arg(long, value_name = "FILE", requires = "report")]
    pub record: Option<PathBuf>,
    /// Replace an existing page
    #[arg(short = 'y', long, requires = "report")]
    pub overwrite: bool,
}

/// By which landmarks a face of the protected file is aligned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Alignment {
    /// Those found in the protected file.
    Anew,
    /// Those of the same face in the original.
    Original,
}

impl Verify {
    /// What a file must hold to pass.
    pub(super) fn policy(&self) -> Policy {
        Policy { untouched: self.allow_untouched, known: self.allow_known / 100.0 }
    }

    /// What becomes of the people of the analysis.
    pub(super) fn choice(&self) -> Choice {
        Choice { keep: self.keep.clone(), only: self.only.clone() }
    }

    /// How the original is decoded.
    pub(super) fn decoding(&self) -> Settings {
        Settings { both_fields: self.both_fields, tone_map: self.tone_map, ..Settings::default() }
    }

    /// All files that are read.
    pub(super) fn inputs(&self) -> Vec<&Path> {
        let optional = [&self.original, &self.faces, &self.record, &self.population].into_iter().flatten();
        [&self.protected].into_iter().chain(optional).chain(&self.enrol).map(PathBuf::as_path).collect()
    }

    /// Refuses files that are not there, before anything long begins.
    pub(super) fn refuse_missing(&self) -> Result<()> {
        match self.inputs().into_iter().find(|path| !path.is_file()) {
            Some(path) => Err(Error::input(format!("there is no file {}; name one", path.display()))),
            None => Ok(()),
        }
    }
}

/// A share of a hundred.
fn percent(text: &str) -> std::result::Result<f64, String> {
    let value: f64 = text.parse().map_err(|_| "it is not a number")?;
    if (0.0..=100.0).contains(&value) { Ok(value) } else { Err("it takes a number from 0 to 100".to_owned()) }
}

fn seconds(text: &str) -> std::result::Result<f64, String> {
    let value: f64 = text.parse().map_err(|_| "it is not a number")?;
    if value.is_finite() && value > 0.0 { Ok(value) } else { Err("it takes a number above 0".to_owned()) }
}
