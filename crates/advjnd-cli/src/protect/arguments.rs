// SPDX-License-Identifier: MIT OR Apache-2.0
//! The arguments of `advjnd protect`.

use std::path::PathBuf;

use clap::Args;

use super::plan::Rules;
use super::settings::Settings;
use super::shard::Shard;

const AFTER_HELP: &str = "\
Video is written as H.264 in .mp4, .mov or .mkv (with --lossless as FFV1 in .mkv), pictures (PNG,
JPEG, WebP) in their own format. Sound is copied, or converted to AAC if the container cannot hold
it. Additional video streams are protected, subtitles and chapters kept. Titles, places, devices,
dates and cover art are left out. The program opens only files that you name, even if one of them
refers to others.

Exit codes:
  0    all files were written; every face that was found is protected, covered, or left as it is by
       choice
  1    at least one file was not written; the messages name it
  2    the command line is wrong
  3    all files were written, at least one with a warning: for example, frames were left out, or
       passed as they came. Read the warnings
  128+ a signal ended the run (130: Ctrl-C); no unfinished file is left";

/// How a face that is not protected is hidden, by the name that other programs have for it.
const COVERS: [(&str, &str); 3] = [("solid", "fill"), ("mosaic", "pixelate"), ("blur", "blur")];

/// Protects the faces in videos and pictures, in single files or whole folders.
#[derive(Args)]
#[command(after_long_help = AFTER_HELP, after_help = AFTER_HELP)]
pub struct Protect {
    /// Files, folders, and patterns such as 'in/*.mp4'; the content decides the type, not the name
    #[arg(required = true, value_name = "INPUT")]
    pub(super) inputs: Vec<PathBuf>,
    /// For one input, the file to write (with a suffix); otherwise a folder, where outputs are named NAME-protected.EXT
    #[arg(short, long, value_name = "OUT")]
    pub(super) output: PathBuf,
    /// Replace existing files
    #[arg(short = 'y', long)]
    overwrite: bool,
    /// Skip files whose output exists, to go on where a run ended
    #[arg(long, conflicts_with = "overwrite")]
    skip_existing: bool,
    /// How much of the change may show: invisible, balanced (the default), strong or natural
    #[arg(long, value_name = "NAME")]
    preset: Option<String>,
    /// `protect` (the default), or `cover` to cover every face, for people at risk
    #[arg(long, value_name = "MODE")]
    mode: Option<String>,
    /// How to cover a face that is not protected; only solid is sure to hide it
    #[arg(long, value_name = "COVER", value_parser = COVERS.map(|(name, _)| name))]
    replacewith: Option<String>,
    /// Property of the element (see gst-inspect-1.0 advjndprotect)
    #[arg(long, value_name = "NAME=VALUE", value_parser = pair)]
    property: Vec<(String, String)>,
    /// Take the faces from this file, which `advjnd analyze` made of the same input, instead of searching
    #[arg(long, value_name = "FILE", conflicts_with_all = ["watch", "shard"])]
    pub(super) faces: Option<PathBuf>,
    /// With --faces: leave the people with these numbers as they are, RECOGNISABLE
    #[arg(long, value_name = "PERSON,...", value_delimiter = ',', requires = "faces")]
    pub(super) keep: Vec<u32>,
    /// With --faces: protect the people with these numbers, and leave all others as they are, RECOGNISABLE
    #[arg(long, value_name = "PERSON,...", value_delimiter = ',', requires = "faces", conflicts_with = "keep")]
    pub(super) only: Vec<u32>,
    /// Write lossless video (FFV1 in .mkv)
    #[arg(long)]
    lossless: bool,
    /// Keep titles, places, devices, dates and comments of videos; embedded pictures are never kept
    #[arg(long)]
    keep_metadata: bool,
    /// Leave out additional video streams, subtitles and chapters
    #[arg(long)]
    strip: bool,
    /// Make one frame of each field of interlaced video; this doubles the frame rate
    #[arg(long)]
    both_fields: bool,
    /// Map high dynamic range (HLG, PQ) to standard range; otherwise such video is refused
    #[arg(long)]
    tone_map: bool,
    /// Also write NAME-clean-and-protected.png; half of it shows a frame that is NOT protected
    #[arg(long)]
    picture: bool,
    /// Write only the first SECONDS of each video
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    preview: Option<f64>,
    /// Number of files to process at once; even one uses all cores
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    pub(super) jobs: u32,
    /// Do part I of N, to share the work among N runs on one or several machines
    #[arg(long, value_name = "I/N")]
    pub(super) shard: Option<Shard>,
    /// Look for new files every SECONDS (10), protect those that no longer grow, until a signal stops it; replaces
    /// older outputs
    #[arg(
        long,
        value_name = "SECONDS",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "10",
        value_parser = seconds,
        conflicts_with_all = ["skip_existing", "preview"]
    )]
    pub(super) watch: Option<f64>,
    /// Give up on a file after this many seconds without a new frame
    #[arg(long, value_name = "SECONDS", default_value = "60", value_parser = seconds)]
    pub(super) timeout: f64,
    /// Report each file as one line of JSON with checksums, instead of text
    #[arg(long)]
    pub(super) json: bool,
}

impl Protect {
    /// What every file is protected with.
    pub(super) fn settings(&self) -> Settings {
        let cover = COVERS.into_iter().find(|(name, _)| self.replacewith.as_deref() == Some(*name));
        // A preset sets others, which may be set anew behind it.
        let named = [
            ("preset", self.preset.clone()),
            ("mode", self.mode.clone()),
            ("fail-policy", cover.map(|(_, value)| value.to_owned())),
        ];
        let named = named.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
        Settings {
            properties: named.chain(self.property.iter().cloned()).collect(),
            lossless: self.lossless,
            keep_metadata: self.keep_metadata,
            strip: self.strip,
            both_fields: self.both_fields,
            tone_map: self.tone_map,
            preview: self.preview,
        }
    }

    /// How outputs are named. A folder that is watched holds what was protected before, which may be done anew.
    pub(super) fn rules(&self) -> Rules {
        Rules {
            overwrite: self.overwrite || self.watch.is_some(),
            skip_existing: self.skip_existing,
            picture: self.picture,
            lossless: self.lossless,
            ending: if self.preview.is_some() { "-protected-preview" } else { "-protected" },
        }
    }
}

fn pair(text: &str) -> std::result::Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("it takes NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

/// A time of more than nothing, at most a year.
fn seconds(text: &str) -> std::result::Result<f64, String> {
    let seconds: f64 = text.parse().map_err(|_| "it is not a number of seconds")?;
    if !(seconds > 0.0 && seconds <= 3.2e7) {
        return Err("it takes a number of seconds above 0".to_owned());
    }
    Ok(seconds)
}
