//! Protects the faces of a video file; the sound stays.
//!
//! ```text
//! cargo run --release --example protect_file -- clip.mp4 protected.mp4
//! ```
//!
//! Reads whatever GStreamer can decode; writes H.264 and AAC in MP4, or, with `--lossless`, FFV1 in Matroska. Beside the
//! output comes a picture of one frame before and after, decoded from both files.

mod options;
mod picture;
mod transcode;

use std::error::Error;
use std::process::ExitCode;
use std::time::{Duration, Instant};

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
    if !options.input.is_file() {
        return Err(format!("there is no file {}", options.input.display()).into());
    }
    if let Some(folder) = options.output.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let watch = Instant::now();
    let outcome = Transcode::new(options)?.run()?;
    report(options, &outcome, watch.elapsed())?;

    let picture = options.output.with_extension("png");
    picture::side_by_side(&options.input, &options.output, outcome.shown_at, &picture)?;
    println!("side by side: {} (clean | protected, at {:.2} s)", picture.display(), outcome.shown_at.as_secs_f64());
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
