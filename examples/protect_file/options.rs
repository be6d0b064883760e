// SPDX-License-Identifier: MIT OR Apache-2.0
//! The command line.

use std::path::PathBuf;

use crate::Result;

const USAGE: &str = "usage: protect_file [--lossless] [--picture] [-y] [--property NAME=VALUE]... INPUT OUTPUT

  INPUT           a video file in any format that GStreamer decodes
  OUTPUT          H.264 and AAC in MP4; with --lossless, FFV1 and AAC in Matroska (.mkv)
  --picture       writes NAME-clean-and-protected.png beside OUTPUT; half of it is a frame that is NOT protected
  -y --overwrite  replaces files that are there already
  --property      sets a property of the element, as listed by: gst-inspect-1.0 advjndprotect
  --              what follows is a file, whatever it begins with";

/// What is asked for.
#[derive(Default)]
pub struct Options {
    pub input: PathBuf,
    pub output: PathBuf,
    pub lossless: bool,
    pub picture: bool,
    pub overwrite: bool,
    pub properties: Vec<(String, String)>,
}

impl Options {
    pub fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Self> {
        let (mut options, mut files, mut only_files) = (Self::default(), Vec::new(), false);
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                file if only_files => files.push(PathBuf::from(file)),
                "--" => only_files = true,
                "--lossless" => options.lossless = true,
                "--picture" => options.picture = true,
                "-y" | "--overwrite" => options.overwrite = true,
                "--property" => {
                    let pair = arguments.next().unwrap_or_default();
                    let (name, value) = pair.split_once('=').ok_or("--property takes NAME=VALUE")?;
                    options.properties.push((name.to_owned(), value.to_owned()));
                }
                option if option.starts_with('-') => return Err(format!("unknown option {option}\n{USAGE}").into()),
                file => files.push(PathBuf::from(file)),
            }
        }
        [options.input, options.output] = <[PathBuf; 2]>::try_from(files).map_err(|_| USAGE)?;
        Ok(options)
    }
}
