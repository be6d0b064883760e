//! The command line.

use std::path::PathBuf;

use crate::Result;

const USAGE: &str = "usage: protect_file [--lossless] [--property NAME=VALUE]... INPUT OUTPUT

  INPUT       a video file in any format that GStreamer decodes
  OUTPUT      H.264 and AAC in MP4; with --lossless, FFV1 and AAC in Matroska (.mkv)
  --property  sets a property of the element, as listed by: gst-inspect-1.0 advjndprotect";

/// What is asked for.
pub struct Options {
    pub input: PathBuf,
    pub output: PathBuf,
    pub lossless: bool,
    pub properties: Vec<(String, String)>,
}

impl Options {
    pub fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Self> {
        let (mut files, mut lossless, mut properties) = (Vec::new(), false, Vec::new());
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--lossless" => lossless = true,
                "--property" => {
                    let pair = arguments.next().unwrap_or_default();
                    let (name, value) = pair.split_once('=').ok_or("--property takes NAME=VALUE")?;
                    properties.push((name.to_owned(), value.to_owned()));
                }
                option if option.starts_with("--") => return Err(format!("unknown option {option}\n{USAGE}").into()),
                file => files.push(PathBuf::from(file)),
            }
        }
        let [input, output] = <[PathBuf; 2]>::try_from(files).map_err(|_| USAGE)?;
        if input == output {
            return Err("the output would overwrite the input".into());
        }
        Ok(Self { input, output, lossless, properties })
    }
}
