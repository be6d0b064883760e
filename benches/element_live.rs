// SPDX-License-Identifier: MIT OR Apache-2.0
//! The element as people run it: live streams without and with too little time, frames without a face, the start,
//! memory.
//!
//! ```text
//! cargo bench --bench element_live                 all parts
//! cargo bench --bench element_live -- live idle    some of them
//! ```
//! Every part runs in a process of its own; its figures go into `results/element_live.json`, with what else the
//! machine was doing and whether the process had to share it. `SECONDS` is the length of each live run (60). Clips
//! come from
//! `../shared/clips` and the repository; frames are decoded before the clock runs, so that no decoder is measured.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a bench that fails must say so")]

#[path = "../tests/common/mod.rs"]
mod common;
#[path = "../crates/advjnd-cli/src/proc.rs"]
mod proc;

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use gst::prelude::*;
use gst_video::VideoFormat;
use serde_json::{Value, json};

use common::{Frames, Session, caps, file, init, sample_clip, skip};

const PARTS: [&str; 5] = ["live", "slow", "idle", "start", "memory"];
const RESULTS: &str = "results/element_live.json";
/// Frames that are decoded for a live run, and shown to and fro.
const LOOP: usize = 60;
const FPS: u64 = 30;
const HD: &str = "videoscale ! video/x-raw,width=1280,height=720,pixel-aspect-ratio=1/1";

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    if let [only, part] = arguments.as_slice()
        && only == "--part"
    {
        println!("{}", measure(part));
        return;
    }
    let parts = if arguments.is_empty() { PARTS.map(str::to_owned).to_vec() } else { arguments };
    let mut results: Value =
        std::fs::read(file(RESULTS)).ok().and_then(|text| serde_json::from_slice(&text).ok()).unwrap_or(json!({}));
    results["machine"] = machine();
    for part in parts {
        let load = read("/proc/loadavg").split(' ').next().map(str::to_owned);
        let output = Command::new(std::env::current_exe().unwrap()).args(["--part", &part]).output().unwrap();
        assert!(output.status.success(), "{part}: {}", String::from_utf8_lossy(&output.stderr));
        let figures: Value = serde_json::from_slice(&output.stdout).unwrap();
        println!("{part}: {}", serde_json::to_string_pretty(&figures).unwrap());
        results[&part] = json!({ "figures": figures, "load_average_before": load, "scheduling": scheduling() });
        std::fs::write(file(RESULTS), serde_json::to_string_pretty(&results).unwrap() + "\n").unwrap();
    }
}

fn read(path: &str) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}

/// Whether the process shares the processor with others or goes before them.
fn scheduling() -> &'static str {
    // The 41st field; names with blanks stand in brackets before the third.
    let stat = read("/proc/self/stat");
    let policy = stat.rsplit(')').next().and_then(|rest| rest.split_whitespace().nth(38));
    if matches!(policy, Some("1" | "2")) { "real-time" } else { "shared" }
}

fn measure(part: &str) -> Value {
    init();
    match part {
        "live" => {
            let (one, three) = (one_face(), three_faces());
            let fewer = ["dlib_resnet29,mobilefacenet", "dlib_resnet29"].map(|names| live(&one, 0, names));
            let all = [live(&one, 0, ""), live(&three, 0, "")];
            json!(all.into_iter().chain(fewer).collect::<Vec<_>>())
        }
        "slow" => json!([one_face(), three_faces(), large_face()].map(|clip| live(&clip, 2, ""))),
        "idle" => idle(),
        "start" => start(),
        "memory" => memory(),
        _ => panic!("no part `{part}`; there are {PARTS:?}"),
    }
}

fn machine() -> Value {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    json!({ "processor": proc::processor("model name"), "cores": cores })
}

/// Frames with a name.
struct Clip {
    name: &'static str,
    frames: Frames,
}

fn of_shared(name: &'static str, path: &str) -> Clip {
    let path = skip::material(RESULTS, path).expect("test material");
    Clip { name, frames: Frames::of_clip(&path, HD, VideoFormat::I420, LOOP) }
}

fn one_face() -> Clip {
    of_shared("pyfeat_single, 720p, one face", "clips/pyfeat_single_360p.mp4")
}

fn large_face() -> Clip {
    of_shared("pexels_wolfgang, 720p, one face that fills the frame", "clips/pexels_wolfgang_360p.mp4")
}

fn three_faces() -> Clip {
    Clip { name: "portraits, 720p, three faces", frames: Frames::sample("identity", VideoFormat::I420, LOOP) }
}

/// A live run against `recognizers`, or those of the element, with `hogs` threads besides that keep the processor busy.
fn live(clip: &Clip, hogs: usize, recognizers: &str) -> Value {
    let seconds: u64 = std::env::var("SECONDS").map_or(60, |text| text.parse().expect("a number of seconds"));
    let mut caps = clip.frames.caps();
    caps.make_mut().set("framerate", gst::Fraction::new(FPS as i32, 1));
    // The caps stand in the pipeline, as a camera's mode does.
    let pipeline = format!(
        "appsrc name=source is-live=true format=time ! {caps} ! queue ! advjndprotect name=protect ! queue ! \
         fakevideosink name=sink sync=true"
    );
    let pipeline = gst::parse::launch(&pipeline).unwrap().downcast::<gst::Pipeline>().unwrap();
    let source = pipeline.by_name("source").unwrap().downcast::<gst_app::AppSrc>().unwrap();
    let protect = pipeline.by_name("protect").unwrap();
    if !recognizers.is_empty() {
        protect.set_property("recognizers", recognizers);
    }
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
    let mut covered_at_first = 0;
    for index in 0..count {
        let due = interval * index as u64;
        while let Some(wait) = pipeline.current_running_time().map_or(Some(interval), |now| due.checked_sub(now)) {
            thread::sleep(Duration::from(wait).min(Duration::from_millis(5)).max(Duration::from_micros(200)));
        }
        if index == FPS as usize {
            covered_at_first = protect.property::<gst::Structure>("stats").get::<u64>("covered").unwrap();
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
        "recognizers": protect.property::<Option<String>>("recognizers"),
        "recognizers_in_use": stats.get::<String>("recognizers").unwrap(),
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
        "covered_after_first_second": of("covered") - covered_at_first,
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
    Duration::from_nanos(read("/proc/thread-self/schedstat").split(' ').next().unwrap().parse().unwrap())
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
    if let Some(path) = skip::material(RESULTS, "clips/pexels_wolfgang_360p.mp4") {
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

/// From the call that starts the pipeline to the first frame out, in the process's first start and in later ones: of a
/// file, with as many iterations as the first frame gets there, and of a live stream.
fn start() -> Value {
    let frames = Frames::sample(common::ONE_FACE, VideoFormat::I420, 1);
    let run = |live: bool| {
        let pipeline =
            format!("appsrc name=source is-live={live} format=time ! advjndprotect ! appsink name=sink sync=false");
        let pipeline = gst::parse::launch(&pipeline).unwrap().downcast::<gst::Pipeline>().unwrap();
        let source = pipeline.by_name("source").unwrap().downcast::<gst_app::AppSrc>().unwrap();
        let sink = pipeline.by_name("sink").unwrap().downcast::<gst_app::AppSink>().unwrap();
        source.set_caps(Some(&frames.caps()));
        let watch = Instant::now();
        pipeline.set_state(gst::State::Playing).unwrap();
        source.push_buffer(frames.buffers[0].copy_deep().unwrap()).unwrap();
        // A frame of a file is held until others come, or none any more.
        source.end_of_stream().unwrap();
        sink.pull_sample().unwrap();
        let took = ms(watch.elapsed());
        pipeline.set_state(gst::State::Null).unwrap();
        took
    };
    let first = run(true);
    let [live, file] = [true, false].map(|live| (0..5).map(|_| run(live)).collect::<Vec<f64>>());
    json!({ "first_live_ms": first, "later_live_ms": live, "later_file_ms": file })
}

/// Resident memory of a process that shows 1080p frames to the element: before, and after.
fn memory() -> Value {
    const SHOWN: usize = 40;
    let resident = || proc::resident().unwrap();
    let scale = "videoscale ! video/x-raw,width=1920,height=1080,pixel-aspect-ratio=1/1";
    let full = caps(VideoFormat::I420, 1920, 1080);
    let mut clips = vec![("no face", Frames::of("videotestsrc pattern=ball", &full, 5))];
    let of_clip = |path: std::path::PathBuf| Frames::of_clip(&path, scale, VideoFormat::I420, 5);
    clips.extend(skip::material(RESULTS, "clips/pyfeat_single_360p.mp4").map(|path| ("one face", of_clip(path))));
    clips.push(("three faces", of_clip(sample_clip())));
    clips.extend(
        skip::material(RESULTS, "clips/grid_mosaic_1080p_9faces.mp4").map(|path| ("nine faces", of_clip(path))),
    );
    let before = resident();
    let properties = std::env::var("PROPERTIES").unwrap_or_default();
    let properties: Vec<_> = properties.split_whitespace().filter_map(|property| property.split_once('=')).collect();
    let rows = clips.into_iter().map(|(name, frames)| {
        let mut session = Session::new(&frames.caps(), &properties);
        for index in 0..SHOWN {
            session.protect(&frames.buffers[index % 5]);
        }
        json!({ "clip": name, "with_element_mib": resident() })
    });
    json!({ "before_mib": before, "rows": rows.collect::<Vec<_>>() })
}
