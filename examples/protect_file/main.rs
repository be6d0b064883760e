// SPDX-License-Identifier: MIT OR Apache-2.0
//! Protects the faces of a video file; the sound stays.
//!
//! ```text
//! cargo run --release --example protect_file -- clip.mp4 protected.mp4
//! ```
//!
//! Reads whatever GStreamer can decode; writes H.264 and AAC in MP4, or, with `--lossless`, FFV1 in Matroska. Video
//! that is to be shown turned, as phones take it, is turned. The output has its name only when it is whole. With
//! `--picture`, a picture of one frame before and after, decoded from both files, comes beside it: half of that is not
//! protected.

mod files;
mod options;
mod picture;
mod transcode;

use std::error::Error;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use files::Unfinished;
use options::Options;
use transcode::{Outcome, Transcode};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> ExitCode {
    match Options::parse(std::env::args().skip(1)).and_then(|options| run(&options)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("protect_file: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<()> {
    gst::init()?;
    gstadvjndprotect::plugin_register_static()?;
    files::check(options)?;
    let unfinished = Unfinished::beside(&options.output)?;
    let watch = Instant::now();
    let outcome = Transcode::new(options, unfinished.path())?.run()?;
    unfinished.finish(options.overwrite)?;
    report(options, &outcome, watch.elapsed())?;

    if options.picture {
        let picture = files::picture(&options.output);
        picture::side_by_side(&options.input, &options.output, outcome.shown_at, &picture)?;
        let seconds = outcome.shown_at.as_secs_f64();
        println!("side by side: {} (clean, NOT protected | protected, at {seconds:.2} s)", picture.display());
    }
    Ok(())
}

fn report(options: &Options, outcome: &Outcome, elapsed: Duration) -> Result<()> {
    let count = |field: &str| outcome.stats.get::<u64>(field);
    let similarity = |field: &str| outcome.stats.get::<f64>(field);
    let (frames, seconds) = (count("frames")?, elapsed.as_secs_f64());
    println!("{}: {frames} frames in {seconds:.1} s ({:.1} fps)", options.input.display(), frames as f64 / seconds);
    println!(
        "faces: {} in all frames together; {} protected, {} covered; {} frames dropped",
        count("faces")?,
        count("protected")?,
        count("covered")?,
        count("frames-dropped")?
    );
    if count("protected")? > 0 {
        println!(
            "mean similarity of the protected faces to the clean ones: {:.3} before, {:.3} after (1 = the same)",
            similarity("similarity-before")?,
            similarity("similarity-after")?
        );
        println!("protected: the built-in recogniser no longer matches the frame as it left the filter; others may");
    }
    let sound = if outcome.sound { "sound kept" } else { "no sound" };
    println!("written: {} ({sound})", options.output.display());
    Ok(())
}
