//! The element as people run it: live streams without and with too little time, frames without a face, the start, memory.
//!
//! ```text
//! cargo bench --bench element_live                 all parts, each in a process of its own; writes results/element_live.json
//! cargo bench --bench element_live -- live idle    some parts; prints their figures
//! ```
//! `SECONDS` is the length of each live run (60). Clips come from `../shared/clips` and the repository; frames are decoded
//! before the clock runs, so that no decoder is measured.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a bench that fails must say so")]

#[path = "../tests/common/mod.rs"]
mod common;

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use gst::prelude::*;
use gst_video::VideoFormat;
use serde_json::{Value, json};

use common::{Frames, Session, caps, file, init, sample_clip, shared};

const PARTS: [&str; 5] = ["live", "slow", "idle", "start", "memory"];
const RESULTS: &str = "results/element_live.json";
/// Frames that are decoded for a live run, and shown to and fro.
const LOOP: usize = 75;
const FPS: u64 = 30;
const HD: &str = "videoscale ! video/x-raw,width=1280,height=720,pixel-aspect-ratio=1/1";

fn main() {
    let mut parts: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let all = parts.is_empty();
    if all {
        parts = PARTS.map(str::to_owned).to_vec();
    }
    if let [part] = parts.as_slice() {
        println!("{}", serde_json::to_string_pretty(&measure(part)).unwrap());
        return;
    }
    let mut results = json!({ "machine": machine() });
    for part in parts {
        eprintln!("{part} ...");
        let output = Command::new(std::env::current_exe().unwrap()).arg(&part).output().unwrap();
        assert!(output.status.success(), "{part}: {}", String::from_utf8_lossy(&output.stderr));
        results[&part] = serde_json::from_slice(&output.stdout).unwrap();
    }
    let text = serde_json::to_string_pretty(&results).unwrap() + "\n";
    print!("{text}");
    if all {
        std::fs::write(file(RESULTS), text).unwrap();
    }
}

fn measure(part: &str) -> Value {
    init();
    match part {
        "live" => json!([live(&one_face(), 0), live(&three_faces(), 0)]),
        "slow" => json!([live(&one_face(), 2), live(&one_face(), 6), live(&three_faces(), 6)]),
        "idle" => idle(),
        "start" => start(),
        "memory" => memory(),
        _ => panic!("no part `{part}`; there are {PARTS:?}"),
    }
}

fn machine() -> Value {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let model = read("/proc/cpuinfo")
        .lines()
        .find_map(|line| Some(line.strip_prefix("model name")?.trim().trim_start_matches(": ").to_owned()));
    let cores = thread::available_parallelism().map_or(1, usize::from);
    json!({ "processor": model, "cores": cores, "load_before": read("/proc/loadavg").split(' ').next() })
}

/// Frames with a name.
struct Clip {
    name: &'static str,
    frames: Frames,
}

fn one_face() -> Clip {
    let path = shared("clips/pexels_wolfgang_360p.mp4").expect("test material");
    Clip { name: "pexels_wolfgang, 720p, one face", frames: Frames::of_clip(&path, HD, VideoFormat::I420, LOOP) }
}

fn three_faces() -> Clip {
    Clip { name: "portraits, 720p, three faces", frames: Frames::sample("identity", VideoFormat::I420, LOOP) }
}

/// A live run, with `hogs` threads besides that keep the processor busy.
fn live(clip: &Clip, hogs: usize) -> Value {
    let seconds: u64 = std::env::var("SECONDS").map_or(60, |text| text.parse().expect("a number of seconds"));
    let pipeline = "appsrc name=source is-live=true format=time ! queue ! advjndprotect name=protect ! queue ! \
                    fakevideosink name=sink sync=true";
    let pipeline = gst::parse::launch(pipeline).unwrap().downcast::<gst::Pipeline>().unwrap();
    let source = pipeline.by_name("source").unwrap().downcast::<gst_app::AppSrc>().unwrap();
    let protect = pipeline.by_name("protect").unwrap();
    let mut caps = clip.frames.caps();
    caps.make_mut().set("framerate", gst::Fraction::new(FPS as i32, 1));
    source.set_caps(Some(&caps));

    let over = Arc::new(AtomicBool::new(false));
    let hogs: Vec<_> = (0..hogs)
        .map(|_| {
            let over = Arc::clone(&over);
            thread::spawn(move || while !over.load(Ordering::Relaxed) {})
        })
        .collect();
    pipeline.set_state(gst::State::Playing).unwrap();
    let interval = gst::ClockTime::SECOND / FPS;
    let count = (seconds * FPS) as usize;
    for index in 0..count {
        let due = interval * index as u64;
        while let Some(wait) = pipeline.current_running_time().map_or(Some(interval), |now| due.checked_sub(now)) {
            thread::sleep(Duration::from(wait).min(Duration::from_millis(5)).max(Duration::from_micros(200)));
        }
        let place = index % (2 * LOOP - 2);
        let place = if place < LOOP { place } else { 2 * LOOP - 2 - place };
        let mut buffer = clip.frames.buffers[place].copy_deep().unwrap();
        let times = buffer.get_mut().unwrap();
        times.set_pts(due);
        times.set_duration(interval);
        source.push_buffer(buffer).unwrap();
    }
    source.end_of_stream().unwrap();
    let end = [gst::MessageType::Eos, gst::MessageType::Error];
    let message = pipeline.bus().unwrap().timed_pop_filtered(gst::ClockTime::from_seconds(60), &end).unwrap();
    assert_eq!(message.type_(), gst::MessageType::Eos, "{message:?}");
    let mut query = gst::query::Latency::new();
    assert!(pipeline.query(&mut query));
    let sink: gst::Structure = sinks(&pipeline).property("stats");
    let own = protect.property::<u64>("latency");
    let stats = protect.property::<gst::Structure>("stats");
    pipeline.set_state(gst::State::Null).unwrap();
    over.store(true, Ordering::Relaxed);
    let hogs = hogs.into_iter().map(|hog| hog.join().unwrap()).count();

    let of = |field: &str| stats.get::<u64>(field).unwrap();
    let stages: u64 = ["detect-time", "jnd-time", "attack-time", "verify-time"].map(of).iter().sum();
    json!({
        "clip": clip.name,
        "seconds": seconds,
        "busy_threads_besides": hogs,
        "frames_sent": count,
        "frames_shown": sink.get::<u64>("rendered").unwrap(),
        "dropped_by_sink": sink.get::<u64>("dropped").unwrap(),
        "dropped_late_by_element": of("frames-late"),
        "element_latency_ms": own as f64 / 1e6,
        "pipeline_latency_ms": query.result().1.nseconds() as f64 / 1e6,
        "deadline_misses": of("deadline-misses"),
        "frames_searched": of("frames-searched"),
        "faces": of("faces"),
        "protected": of("protected"),
        "covered": of("covered"),
        "covered_out_of_time": of("out-of-time"),
        "iterations_per_face": of("iterations") as f64 / of("faces").max(1) as f64,
        "mean_frame_ms": stages as f64 / 1e6 / of("frames").max(1) as f64,
    })
}

/// The element that counts what it shows.
fn sinks(pipeline: &gst::Pipeline) -> gst::Element {
    let found = pipeline.iterate_recurse().into_iter().flatten().find(|element| element.is::<gst_base::BaseSink>());
    found.expect("a sink")
}

/// Time of this thread on a processor.
fn busy() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    Duration::from_nanos(text.split(' ').next().unwrap().parse().unwrap())
}

/// Frames without a face at 1080p, on one thread: milliseconds of processor time for each.
fn idle() -> Value {
    const COUNT: usize = 300;
    const DECODED: usize = 30;
    let full = caps(VideoFormat::I420, 1920, 1080);
    let pattern = |name: &str| Frames::of(&format!("videotestsrc pattern={name}"), &full, DECODED);
    let mut materials = vec![
        ("test picture, nothing moves (smpte75)", pattern("smpte75")),
        ("a ball moves", pattern("ball")),
        ("all is noise (snow)", pattern("snow")),
    ];
    if let Some(path) = shared("clips/pexels_wolfgang_360p.mp4") {
        let crop = "videocrop right=440 bottom=260 ! videoscale ! video/x-raw,width=1920,height=1080";
        materials.push((
            "background of pexels_wolfgang, enlarged",
            Frames::of_clip(&path, crop, VideoFormat::I420, DECODED),
        ));
    }
    let rows = materials.into_iter().map(|(name, frames)| {
        let mut session = Session::new(&frames.caps(), &[("threads", "1")]);
        let (mut all, mut most) = (Duration::ZERO, Duration::ZERO);
        for index in 0..COUNT {
            let buffer = frames.buffers[index % DECODED].copy_deep().unwrap();
            let before = busy();
            session.harness.push(buffer).unwrap();
            let took = busy() - before;
            session.harness.pull().unwrap();
            if index > 0 {
                all += took;
                most = most.max(took);
            }
        }
        let faces = session.count("faces");
        json!({
            "material": name, "mean_ms": ms(all) / (COUNT - 1) as f64, "most_ms": ms(most),
            "searched": session.count("frames-searched"), "frames": COUNT, "faces": faces,
        })
    });
    rows.collect()
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// From the call that starts the pipeline to the first frame out, in the process's first start and in later ones.
fn start() -> Value {
    let frames = Frames::sample(common::ONE_FACE, VideoFormat::I420, 1);
    let run = || {
        let pipeline = "appsrc name=source format=time ! advjndprotect ! appsink name=sink sync=false";
        let pipeline = gst::parse::launch(pipeline).unwrap().downcast::<gst::Pipeline>().unwrap();
        let source = pipeline.by_name("source").unwrap().downcast::<gst_app::AppSrc>().unwrap();
        let sink = pipeline.by_name("sink").unwrap().downcast::<gst_app::AppSink>().unwrap();
        source.set_caps(Some(&frames.caps()));
        let watch = Instant::now();
        pipeline.set_state(gst::State::Playing).unwrap();
        source.push_buffer(frames.buffers[0].copy_deep().unwrap()).unwrap();
        sink.pull_sample().unwrap();
        let took = ms(watch.elapsed());
        pipeline.set_state(gst::State::Null).unwrap();
        took
    };
    let first = run();
    let later: Vec<f64> = (0..5).map(|_| run()).collect();
    json!({ "first_ms": first, "later_ms": later })
}

/// Resident memory of a process that plays a 1080p clip.
fn memory() -> Value {
    let clip = shared("clips/grid_mosaic_1080p_9faces.mp4").unwrap_or_else(sample_clip);
    let peak = || {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let of = |name: &str| {
            let line = status.lines().find(|line| line.starts_with(name)).unwrap();
            line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap() / 1024.0
        };
        [of("VmRSS:"), of("VmHWM:")]
    };
    let play = |element: &str| {
        let (decode, scale) =
            ("decodebin ! videoconvert", "videoscale ! video/x-raw,format=I420,width=1920,height=1080");
        let pipeline = format!("filesrc location=\"{}\" ! {decode} ! {scale} ! {element} fakesink", clip.display());
        let pipeline = gst::parse::launch(&pipeline).unwrap();
        pipeline.set_state(gst::State::Playing).unwrap();
        let end = [gst::MessageType::Eos, gst::MessageType::Error];
        let message = pipeline.bus().unwrap().timed_pop_filtered(gst::ClockTime::from_seconds(300), &end).unwrap();
        assert_eq!(message.type_(), gst::MessageType::Eos, "{message:?}");
        let memory = peak();
        pipeline.set_state(gst::State::Null).unwrap();
        memory
    };
    let without = play("");
    let with = play("advjndprotect !");
    json!({
        "clip": clip.file_name().map(|name| name.to_string_lossy().into_owned()),
        "decoder_alone_mib": { "resident": without[0], "peak": without[1] },
        "with_element_mib": { "resident": with[0], "peak": with[1] },
    })
}
