// SPDX-License-Identifier: MIT OR Apache-2.0
//! `element_bench [--python PYTHON] [--out FILE]`: frames a second of the element, of `deface` and of GStreamer's
//! `faceblur` on the same clips in the same run.
//!
//! The clips are made here: none, one, two or four of the project's face chips sway over a soft background, in 360,
//! 720 and 1080 lines, H.264. What is measured is decoding and the filter, from the third frame on, without an encoder
//! and without the time programs take to start. Every run is short, all take turns, and the median of the rounds
//! counts. PYTHON has
//! `deface` installed (`pip install deface`); without it, that column stays empty.

mod clip;
#[path = "../../crates/advjnd-cli/src/proc.rs"]
mod proc;
mod table;

use std::error::Error;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use gst::prelude::*;
use proc::processor;
use serde_json::{Value, json};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

const HEIGHTS: [u32; 3] = [360, 720, 1080];
const FACES: [usize; 4] = [0, 1, 2, 4];
const ITERATIONS: [u32; 3] = [1, 2, 4];
const ROUNDS: usize = 3;
/// A run ends after this time, or with the clip, but not before this many frames were counted.
const RUN: Duration = Duration::from_millis(700);
const LEAST_FRAMES: u32 = 2;
/// Frames at the start that are not counted: faces are new, buffers are made.
const WARM_UP: u32 = 2;
const CASCADE: &str = "/usr/share/opencv4/haarcascades/haarcascade_frontalface_default.xml";
const DEFACE: &str = include_str!("../../crates/advjnd-cli/assets/deface.py");

fn main() -> Result<()> {
    let (mut python, mut out) = (None, String::from("results/element.json"));
    let mut arguments = std::env::args().skip(1);
    while let Some(name) = arguments.next() {
        let value = arguments.next().ok_or_else(|| format!("{name} needs a value"))?;
        match name.as_str() {
            "--python" => python = Some(value),
            "--out" => out = value,
            _ => {
                return Err(
                    format!("unknown option {name}; usage: element_bench [--python PYTHON] [--out FILE]").into()
                );
            }
        }
    }
    gst::init()?;
    gstadvjndprotect::plugin_register_static()?;
    let folder = tempfile::tempdir()?;
    let result = bench(folder.path(), python.as_deref())?;
    let text = serde_json::to_string_pretty(&result)? + "\n";
    fs::write(&out, &text)?;
    println!("{}\nwritten: {out}", table::markdown(&text)?);
    Ok(())
}

/// A clip, and what each round measured on it.
struct Cell {
    height: u32,
    faces: usize,
    clip: PathBuf,
    ours: [Vec<f64>; ITERATIONS.len()],
    /// Faces a frame that the element and `deface` found.
    found: [Vec<f64>; 2],
    faceblur: Vec<f64>,
    deface: Vec<f64>,
}

fn bench(folder: &Path, python: Option<&str>) -> Result<Value> {
    let mut cells = Vec::new();
    for (height, faces) in HEIGHTS.into_iter().flat_map(|height| FACES.map(|faces| (height, faces))) {
        let path = folder.join(format!("{height}p_{faces}.mp4"));
        clip::make(&path, height, faces)?;
        let (ours, found) = (Default::default(), Default::default());
        cells.push(Cell { height, faces, clip: path, ours, found, faceblur: Vec::new(), deface: Vec::new() });
    }
    let mut deface = python.map(Deface::start).transpose()?;
    let faceblur = gst::ElementFactory::find("faceblur").is_some() && Path::new(CASCADE).exists();
    for round in 0..ROUNDS {
        for cell in &mut cells {
            for (count, runs) in ITERATIONS.into_iter().zip(&mut cell.ours) {
                let filter = format!("videoconvert ! advjndprotect name=filter max-iterations={count}");
                let (fps, found) = run(&cell.clip, &filter)?;
                runs.push(fps);
                cell.found[0].extend(found);
            }
            if faceblur {
                let filter = format!("videoconvert ! faceblur name=filter profile={CASCADE}");
                cell.faceblur.push(run(&cell.clip, &filter)?.0);
            }
            if let Some(deface) = &mut deface {
                let (fps, found) = deface.run(&cell.clip)?;
                cell.deface.push(fps);
                cell.found[1].push(found);
            }
            let [ours, last] = [&cell.ours[ITERATIONS.len() - 1], &cell.deface].map(|runs| runs.last().copied());
            println!("round {round}: {}p, {} faces: {ours:?} fps, deface {last:?}", cell.height, cell.faces);
        }
    }
    let field = |name: &str| processor(name).unwrap_or_else(|| "unknown".to_owned());
    let isa = if field("flags").contains("avx512f") { "AVX-512" } else { "no AVX-512" };
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let (version, backend) = deface.as_ref().map_or(("not measured", ""), |deface| (&deface.version, &deface.backend));
    let (major, minor, micro, _) = gst::version();
    let cell = |cell: &Cell| {
        json!({
            "height": cell.height, "faces": cell.faces,
            "ours": cell.ours.each_ref().map(|runs| median(runs)),
            "deface": median(&cell.deface), "faceblur": median(&cell.faceblur),
            "found": { "ours": median(&cell.found[0]), "deface": median(&cell.found[1]) },
            "runs": { "ours": &cell.ours, "deface": &cell.deface, "faceblur": &cell.faceblur },
        })
    };
    Ok(json!({
        "program": "make element-bench",
        "version": env!("CARGO_PKG_VERSION"),
        "machine": field("model name"),
        "isa": isa,
        "cores": std::thread::available_parallelism().map_or(1, usize::from),
        "load": load.split_whitespace().nth(1).and_then(|load| load.parse::<f64>().ok()),
        "gstreamer": format!("{major}.{minor}.{micro}"),
        "deface": version,
        "deface_backend": backend,
        "clip": clip::DESCRIPTION,
        "iterations": ITERATIONS,
        "rounds": ROUNDS,
        "cells": cells.iter().map(cell).collect::<Vec<_>>(),
    }))
}

fn median(runs: &[f64]) -> Option<f64> {
    let mut sorted = runs.to_vec();
    sorted.sort_by(f64::total_cmp);
    Some((sorted.get(sorted.len() / 2)? * 100.0).round() / 100.0)
}

/// Frames a second of `filter` on a clip, and the faces a frame that it counts if it is ours.
fn run(clip: &Path, filter: &str) -> Result<(f64, Option<f64>)> {
    let pipeline = format!(
        "filesrc location=\"{}\" ! qtdemux ! h264parse ! avdec_h264 ! {filter} ! appsink name=sink sync=false max-buffers=1",
        clip.display()
    );
    let pipeline = gst::parse::launch(&pipeline)?.downcast::<gst::Pipeline>().map_err(|_| "no pipeline")?;
    let sink = pipeline.by_name("sink").and_downcast::<gst_app::AppSink>().ok_or("no appsink")?;
    pipeline.set_state(gst::State::Playing)?;
    for _ in 0..WARM_UP {
        sink.pull_sample()?;
    }
    let (start, mut frames) = (Instant::now(), 0);
    while (start.elapsed() < RUN || frames < LEAST_FRAMES) && sink.pull_sample().is_ok() {
        frames += 1;
    }
    let elapsed = start.elapsed().as_secs_f64();
    let filter = pipeline.by_name("filter").ok_or("no filter")?;
    let found = filter.has_property("stats").then(|| {
        let stats: gst::Structure = filter.property("stats");
        let count = |field: &str| stats.get::<u64>(field).map(|count| count as f64);
        Ok::<_, Box<dyn Error>>(count("faces")? / count("frames")?.max(1.0))
    });
    pipeline.set_state(gst::State::Null)?;
    if frames < LEAST_FRAMES {
        return Err(format!("{} gave {frames} frames", clip.display()).into());
    }
    Ok((f64::from(frames) / elapsed, found.transpose()?))
}

/// `deface` in a process that lasts, so that its start is not measured.
struct Deface {
    process: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    version: String,
    backend: String,
}

impl Deface {
    fn start(python: &str) -> Result<Self> {
        let numbers = [RUN.as_secs_f64().to_string(), LEAST_FRAMES.to_string(), WARM_UP.to_string()];
        let mut process = Command::new(python)
            // As a file, the script would hide the package of its name.
            .args(["-c", DEFACE, "clips"])
            .args(numbers)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let input = process.stdin.take().ok_or("no input")?;
        let output = BufReader::new(process.stdout.take().ok_or("no output")?);
        let mut deface = Self { process, input, output, version: String::new(), backend: String::new() };
        let hello = deface.line()?;
        let text = |field: &str| hello[field].as_str().map(str::to_owned).ok_or("deface does not start");
        (deface.version, deface.backend) = (text("version")?, text("backend")?);
        Ok(deface)
    }

    fn line(&mut self) -> Result<Value> {
        let mut line = String::new();
        self.output.read_line(&mut line)?;
        Ok(serde_json::from_str(&line).map_err(|_| "deface ended: is it installed in that Python?")?)
    }

    fn run(&mut self, clip: &Path) -> Result<(f64, f64)> {
        writeln!(self.input, "{}", clip.display())?;
        let answer = self.line()?;
        let number = |field: &str| answer[field].as_f64().ok_or("deface gives no number");
        Ok((number("fps")?, number("faces")?))
    }
}

impl Drop for Deface {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
