// SPDX-License-Identifier: MIT OR Apache-2.0
//! `soak [--seconds N] [--out FILE]`: plays the sample clip over and over for an hour of video, as fast as it goes, and
//! writes what the process held on the way: resident memory, threads, open files.
//!
//! What is played is a part of the clip that shows one face and then others, 240×240 at 10 frames a second, so that an
//! hour of it takes well under one. Memory is flat if the last tenth of the samples holds hardly more than the second:
//! the program fails if it is more than 5 %.

#[path = "../crates/advjnd-cli/src/proc.rs"]
mod proc;

use std::error::Error;
use std::fs;
use std::path::Path;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use gst::prelude::*;
use proc::{resident, status};
use serde_json::json;

/// Frames a second of the clip as it is played.
const RATE: u64 = 10;
/// Samples of the process, evenly over the video.
const SAMPLES: u64 = 120;
/// How much more memory the last tenth of the samples may hold than the second.
const GROWTH: f64 = 0.05;
const CLIP: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/media/portraits_720p.mp4");

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => {
            eprintln!("memory grows; look at the samples");
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<bool, Box<dyn Error>> {
    let (mut seconds, mut out) = (3600u64, String::from("results/soak.json"));
    let mut arguments = std::env::args().skip(1);
    while let Some(name) = arguments.next() {
        let value = arguments.next().ok_or_else(|| format!("{name} needs a value"))?;
        match name.as_str() {
            "--seconds" => seconds = value.parse()?,
            "--out" => out = value,
            _ => return Err(format!("unknown option {name}; usage: soak [--seconds N] [--out FILE]").into()),
        }
    }
    gst::init()?;
    gstadvjndprotect::plugin_register_static()?;
    let folder = tempfile::tempdir()?;
    soak(seconds, &folder.path().join("clip.h264"), Path::new(&out))
}

fn soak(seconds: u64, clip: &Path, out: &Path) -> Result<bool, Box<dyn Error>> {
    make_loop(clip)?;
    let frames = seconds * RATE;
    let pipeline = format!(
        "multifilesrc location=\"{}\" loop=true caps=video/x-h264,stream-format=byte-stream,alignment=nal \
         ! h264parse ! avdec_h264 max-threads=1 ! advjndprotect name=protect ! fakesink name=sink sync=false signal-handoffs=true num-buffers={frames}",
        clip.display()
    );
    let pipeline = gst::parse::launch(&pipeline)?.downcast::<gst::Pipeline>().map_err(|_| "no pipeline")?;
    let named = |name: &str| pipeline.by_name(name).ok_or_else(|| format!("no element {name}"));
    let (protect, sink) = (named("protect")?, named("sink")?);
    let samples = Arc::new(Mutex::new(Vec::new()));
    let (kept, start, shown) = (samples.clone(), Instant::now(), AtomicU64::new(0));
    sink.connect("handoff", false, move |_| {
        let count = shown.fetch_add(1, Ordering::Relaxed) + 1;
        if count.is_multiple_of((frames / SAMPLES).max(1))
            && let (Some(held), Ok(mut samples)) = (Held::now(), kept.lock())
        {
            println!(
                "{:5} s of video: {:6.1} MiB, {} threads, {} files",
                count / RATE,
                held.memory,
                held.threads,
                held.files
            );
            samples.push((count / RATE, held));
        }
        None
    });
    pipeline.set_state(gst::State::Playing)?;
    wait(&pipeline)?;
    let elapsed = start.elapsed().as_secs_f64();
    let stats: gst::Structure = protect.property("stats");
    pipeline.set_state(gst::State::Null)?;

    let samples = samples.lock().map_err(|_| "a sample failed")?;
    let tenth = (samples.len() / 10).max(1);
    let mean = |part: &[(u64, Held)]| part.iter().map(|(_, held)| held.memory).sum::<f64>() / part.len().max(1) as f64;
    let early = mean(samples.get(tenth..2 * tenth).unwrap_or_default());
    let late = mean(samples.get(samples.len() - tenth..).unwrap_or_default());
    let count = |field: &str| stats.get::<u64>(field);
    let report = json!({
        "program": "cargo run --release --example soak",
        "version": env!("CARGO_PKG_VERSION"),
        "video_seconds": seconds,
        "frames": count("frames")?,
        "faces": count("faces")?,
        "protected": count("protected")?,
        "covered": count("covered")?,
        "faults": count("faults")?,
        "seconds": elapsed.round(),
        "second_tenth_mib": early,
        "last_tenth_mib": late,
        "samples": samples.iter().map(|(at, held)| json!({
            "video_seconds": at, "mib": held.memory, "threads": held.threads, "files": held.files,
        })).collect::<Vec<_>>(),
    });
    if let Some(folder) = out.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(out, serde_json::to_string_pretty(&report)? + "\n")?;
    println!("{frames} frames in {elapsed:.0} s; {early:.1} MiB early, {late:.1} MiB late: {}", out.display());
    Ok(late <= early * (1.0 + GROWTH))
}

/// The sample clip as a bare stream that can be played over and over.
fn make_loop(clip: &Path) -> Result<(), Box<dyn Error>> {
    let pipeline = format!(
        "filesrc location=\"{CLIP}\" ! decodebin ! videoconvert ! videocrop left=240 top=260 right=720 bottom=140 \
         ! videoscale ! videorate ! video/x-raw,format=I420,width=240,height=240,framerate={RATE}/1 ! x264enc quantizer=18 pass=quant key-int-max=25 bframes=0 ! h264parse config-interval=-1 \
         ! video/x-h264,stream-format=byte-stream ! filesink location=\"{}\"",
        clip.display()
    );
    let pipeline = gst::parse::launch(&pipeline)?;
    pipeline.set_state(gst::State::Playing)?;
    let result = wait(&pipeline);
    pipeline.set_state(gst::State::Null)?;
    result
}

/// Until the end of the stream, or the error that ends it.
fn wait(pipeline: &impl IsA<gst::Element>) -> Result<(), Box<dyn Error>> {
    let bus = pipeline.bus().ok_or("no bus")?;
    for message in bus.iter_timed(gst::ClockTime::NONE) {
        match message.view() {
            gst::MessageView::Eos(_) => break,
            gst::MessageView::Error(error) => return Err(error.error().to_string().into()),
            _ => (),
        }
    }
    Ok(())
}

/// What the process holds.
struct Held {
    /// Resident, MiB.
    memory: f64,
    threads: u64,
    files: usize,
}

impl Held {
    /// Now; `None` where there is no `/proc`.
    fn now() -> Option<Self> {
        let files = fs::read_dir("/proc/self/fd").ok()?.count();
        Some(Self { memory: resident()?, threads: status("Threads")?, files })
    }
}
