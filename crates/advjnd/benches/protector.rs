// SPDX-License-Identifier: MIT OR Apache-2.0
//! How fast a clip is protected: on this engine, and on plain candle operators.
//!
//! `ffmpeg -i CLIP -pix_fmt yuv420p clip.y4m` makes the input, `cargo bench -p advjnd --bench protector -- clip.y4m…`
//! prints a line per clip: `protector CLIP iterations=N frames=N engine_fps=… candle_fps=…`. Frames per second are
//! those of the protector alone, no decoder and no encoder, over all frames but the first few; with candle, over the
//! first few that follow. Environment: `ITERATIONS` (2), gradient iterations per face and frame at most.

#![allow(clippy::expect_used, reason = "a bench fails by panicking")]

use std::path::Path;
use std::time::{Duration, Instant};

use advjnd::Pool;
use advjnd::net::Backend;
use advjnd::net::candle;
use advjnd::report::{RunStats, StageTimes};
use advjnd::{Colorimetry, Context, FrameMut, Models, PixelFormat, PlaneMut, Protector, Settings};
use candle_core::Device;

/// Frames in which plans are made and the first perturbation is found.
const WARM_UP: usize = 3;
/// Frames on plain candle operators.
const CANDLE_FRAMES: usize = 6;

struct Clip {
    width: usize,
    height: usize,
    interval: Duration,
    frames: Vec<Vec<u8>>,
}

impl Clip {
    /// YUV4MPEG2, 4:2:0, 8 bits.
    fn read(path: &Path) -> Self {
        let bytes = std::fs::read(path).expect("a readable clip");
        let (header, mut rest) = line(&bytes);
        let chroma = header.split(' ').find(|field| field.starts_with('C')).unwrap_or("C420");
        let known = ["C420", "C420jpeg", "C420mpeg2", "C420paldv"].contains(&chroma);
        assert!(header.starts_with("YUV4MPEG2 ") && known, "{header}: 4:2:0 of 8 bits only");
        let field = |tag: char| header.split(' ').find_map(|field| field.strip_prefix(tag)).expect("a complete header");
        let (width, height): (usize, usize) = (field('W').parse().expect("W"), field('H').parse().expect("H"));
        let (frames, seconds) = field('F').split_once(':').expect("F");
        let rate = frames.parse::<f64>().expect("F") / seconds.parse::<f64>().expect("F");
        let size = width * height + 2 * width.div_ceil(2) * height.div_ceil(2);
        let mut frames = Vec::new();
        while !rest.is_empty() {
            let (_, data) = line(rest);
            frames.push(data[..size].to_vec());
            rest = &data[size..];
        }
        Self { width, height, interval: Duration::from_secs_f64(1.0 / rate), frames }
    }

    /// Frames per second of `protector` over the first `count` frames that follow the warm-up.
    fn rate(&self, backend: &str, protector: &mut Protector, settings: &Settings, count: usize) -> f64 {
        let (width, height) = (self.width, self.height);
        let (chroma_width, chroma_height) = (width.div_ceil(2), height.div_ceil(2));
        let (mut busy, mut stats) = (Duration::ZERO, RunStats::default());
        let frames = self.frames.iter().take(WARM_UP.saturating_add(count)).enumerate();
        let counted = frames.len().saturating_sub(WARM_UP);
        for (index, frame) in frames {
            let mut data = frame.clone();
            let (luma, chroma) = data.split_at_mut(width * height);
            let (cb, cr) = chroma.split_at_mut(chroma_width * chroma_height);
            let plane = |data, stride| PlaneMut { data, stride };
            let planes = vec![plane(luma, width), plane(cb, chroma_width), plane(cr, chroma_width)];
            let mut frame =
                FrameMut::new(PixelFormat::I420, Colorimetry::default(), width, height, planes).expect("frame");
            let start = Instant::now();
            let context = Context { time: Some(self.interval * index as u32), ..Context::default() };
            let report = protector.process(&mut frame, &context, settings).expect("report");
            if index >= WARM_UP {
                busy += start.elapsed();
                stats.add(&report);
            }
        }
        let StageTimes { detect, jnd, attack, verify, .. } = stats.times;
        let stages = [detect, jnd, attack, verify].map(|time| time.as_secs_f64() * 1e3 / counted as f64);
        let each = stats.iterations as f64 / stats.faces.max(1) as f64;
        println!(
            "{backend}: {each:.2} iterations a face; ms a frame: detect {:.1} jnd {:.1} attack {:.1} verify {:.1}",
            stages[0], stages[1], stages[2], stages[3]
        );
        counted as f64 / busy.as_secs_f64()
    }
}

/// The text up to the first line feed, and what follows.
fn line(bytes: &[u8]) -> (&str, &[u8]) {
    let end = bytes.iter().position(|byte| *byte == b'\n').expect("a YUV4MPEG2 header");
    (std::str::from_utf8(&bytes[..end]).expect("text"), &bytes[end + 1..])
}

fn main() {
    let clips: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    if clips.is_empty() {
        println!("no clip named: ffmpeg -i CLIP -pix_fmt yuv420p clip.y4m, and name clip.y4m");
    }
    let iterations = std::env::var("ITERATIONS").map_or(2, |text| text.parse().expect("a number of iterations"));
    let settings = Settings { max_iterations: iterations, ..Settings::default() };
    let models = Models::embedded().expect("models");
    for path in clips {
        let clip = Clip::read(Path::new(&path));
        let engine = ("engine", Backend::Cpu(Pool::new(0).expect("threads")), usize::MAX);
        let rates = [engine, ("candle", candle::backend(Device::Cpu), CANDLE_FRAMES)].map(|(name, backend, count)| {
            let mut protector = Protector::with_backend(models.clone(), backend, 0).expect("protector");
            clip.rate(name, &mut protector, &settings, count)
        });
        let (name, frames) =
            (Path::new(&path).file_stem().map_or("?".into(), |name| name.to_string_lossy()), clip.frames.len());
        println!(
            "protector {name} iterations={iterations} frames={frames} engine_fps={:.1} candle_fps={:.2}",
            rates[0], rates[1]
        );
    }
}
