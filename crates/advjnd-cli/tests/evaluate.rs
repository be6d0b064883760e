// SPDX-License-Identifier: MIT OR Apache-2.0
//! The program's evaluation of video, on a second of the sample clip that shows one face: what it writes, that it goes
//! on where it ended, and what it refuses.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::path::{Path, PathBuf};
use std::process::Command;

use gst::prelude::*;
use serde_json::{Value, json};

const DLIB: &str = "dlib_resnet29";
const RECOGNIZERS: [&str; 3] = [DLIB, "sface_2021dec", "mobilefacenet"];
const FRAMES: u32 = 8;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// An empty folder of a test's own.
fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("evaluate_{name}"));
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// The part of the sample clip that shows one face of about 140 pixels.
fn clip(folder: &Path) -> PathBuf {
    gst::init().unwrap();
    let path = folder.join("face.mkv");
    let sample = root().join("examples/media/portraits_720p.mp4");
    let pipeline = gst::parse::launch(&format!(
        "filesrc location=\"{}\" ! qtdemux ! identity eos-after=16 ! decodebin ! \
         videocrop left=240 top=260 right=720 bottom=140 ! videoconvert ! avenc_ffv1 ! matroskamux ! \
         filesink location=\"{}\"",
        sample.display(),
        path.display()
    ));
    let pipeline = pipeline.unwrap();
    pipeline.set_state(gst::State::Playing).unwrap();
    let end = [gst::MessageType::Eos, gst::MessageType::Error];
    let message = pipeline.bus().unwrap().timed_pop_filtered(gst::ClockTime::from_seconds(60), &end).unwrap();
    pipeline.set_state(gst::State::Null).unwrap();
    assert_eq!(message.type_(), gst::MessageType::Eos, "{message:?}");
    path
}

fn evaluate(arguments: &[&str]) -> Result<String, String> {
    let done = Command::new(env!("CARGO_BIN_EXE_advjnd"))
        .current_dir(root())
        .arg("evaluate")
        .args(arguments)
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    if done.status.success() { Ok(text(&done.stdout)) } else { Err(text(&done.stderr)) }
}

fn results(out: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(out.join("evaluate.json")).unwrap()).unwrap()
}

fn share(value: &Value) -> f64 {
    value["count"].as_f64().unwrap() / value["of"].as_f64().unwrap()
}

#[test]
fn a_clip_is_protected_encoded_and_looked_at_by_surrogates_and_judges() {
    let out = folder("rows");
    let clip = clip(&out);
    let (clip, out_text) = (clip.to_str().unwrap(), out.to_str().unwrap());
    let frames = FRAMES.to_string();
    let variants = ["output", "crf23", "vp9-32", "jpeg50", "scale0.75", "crf28+scale0.5", "blur1+average3"];
    let names = variants.join(",");
    let common = ["--out", out_text, "--frames", &frames, "--every", "2", "--property", "max-iterations=20"];
    let run = |more: &[&str]| evaluate(&[&[clip], &common[..], more].concat());
    let said = run(&["--variants", &names, "--vary", "jnd-scale=0,12"]).unwrap();
    assert!(said.contains("2 rows made, 0 kept"), "{said}");

    let found = results(&out);
    let [covered, protected] = found["rows"].as_array().unwrap().as_slice() else { panic!("{found}") };
    assert_eq!(covered["properties"], json!({ "jnd-scale": "0", "max-iterations": "20" }));
    assert_eq!(covered["covered"], json!({ "count": 4, "of": 4 }), "without a budget every face is covered");
    assert_eq!(covered["psnr"]["of"], 0);
    assert_eq!(protected["properties"]["jnd-scale"], "12");
    for row in [covered, protected] {
        assert_eq!((&row["frames"], &row["tracks"], &row["clip"]), (&json!(FRAMES), &json!(1), &json!("face")));
        assert_eq!(row["surrogates"], json!([DLIB]));
        assert_eq!(row["element"]["frames"], FRAMES);
        let seen = row["variants"].as_array().unwrap();
        assert_eq!(seen.iter().map(|seen| seen["variant"].as_str().unwrap()).collect::<Vec<_>>(), variants);
        for seen in seen {
            assert_eq!(seen["recognizers"].as_object().unwrap().len(), RECOGNIZERS.len());
            let name = seen["variant"].as_str().unwrap();
            let coded = ["crf", "vp9", "jpeg"].iter().any(|encoder| name.contains(encoder));
            for bytes in [&seen["bytes"], &seen["clean_bytes"]] {
                assert_eq!(bytes.as_u64().is_some_and(|bytes| bytes > 500), coded, "{seen}");
            }
        }
    }
    assert_eq!(protected["covered"], json!({ "count": 0, "of": 4 }), "{protected}");
    let within = |name: &str, low: f64, high: f64| {
        let mean = protected[name]["mean"].as_f64().unwrap();
        assert!((low..high).contains(&mean) && protected[name]["of"].as_u64() > Some(0), "{name}: {mean}");
    };
    within("psnr", 28.0, 50.0);
    within("ssim", 0.8, 1.0);
    within("ssimulacra2", 20.0, 100.0);
    within("flicker", 0.01, 10.0);
    within("warping_error", -2.0, 5.0);
    let figures = |variant: usize, name: &str| &protected["variants"][variant]["recognizers"][name];
    for variant in 0..variants.len() {
        let surrogate = figures(variant, DLIB);
        assert_eq!(surrogate["stopped"]["of"], 4, "{surrogate}");
        assert_eq!(share(&surrogate["stopped"]) + share(&surrogate["leaked_frames"]), 1.0);
        assert!(
            figures(variant, DLIB)["margin"]["mean"].as_f64()
                > figures(variant, RECOGNIZERS[1])["margin"]["mean"].as_f64()
        );
    }
    let surrogate = figures(0, DLIB);
    assert_eq!(share(&surrogate["stopped"]), 1.0, "what is shown is protected by the self-check's word: {surrogate}");
    for pooled in ["stopped_pooled_second", "stopped_pooled_clip", "stopped_best_frame", "reached"] {
        assert_eq!(surrogate[pooled], json!({ "count": 1, "of": 1 }), "{pooled}");
    }
    assert_eq!(surrogate["seconds_to_protection"]["mean"], 0.0, "covered or protected from its first frame on");
    assert_eq!(share(&figures(0, RECOGNIZERS[1])["stopped"]), 0.0, "SFace was not attacked");

    let table = std::fs::read_to_string(out.join("evaluate.md")).unwrap();
    assert!(table.contains("| dlib_resnet29 | jnd-scale=12 max-iterations=20 | output | (100.0 %) |"), "{table}");
    let per_frame = std::fs::read_dir(out.join("frames")).unwrap().count();
    assert_eq!(per_frame, 2);
    assert!(
        !std::fs::read_dir(&out).unwrap().any(|entry| entry
            .unwrap()
            .file_name()
            .to_string_lossy()
            .contains(".evaluate"))
    );

    let before = std::fs::read(out.join("evaluate.json")).unwrap();
    let said = run(&["--variants", "output", "--vary", "jnd-scale=0,12"]).unwrap();
    assert!(said.contains("0 rows made, 2 kept"), "{said}");
    assert!(std::fs::read(out.join("evaluate.json")).unwrap() == before);
    let error = evaluate(&[clip, "--out", out_text, "--every", "3"]).unwrap_err();
    assert!(error.contains("another --every"), "{error}");
}

#[test]
fn each_is_the_judge_once_and_a_photograph_may_enrol() {
    let out = folder("leave_one_out");
    let clip = clip(&out);
    let photograph = root().join("crates/advjnd/tests/data/astronaut.png");
    let (clip, out_text) = (clip.to_str().unwrap(), out.to_str().unwrap());
    let common = [clip, "--out", out_text, "--frames", "5", "--every", "2", "--variants", "output"];
    let more = ["--leave-one-out", "--enrolment", photograph.to_str().unwrap(), "--property", "max-iterations=1"];
    evaluate(&[&common[..], &more].concat()).unwrap();
    let found = results(&out);
    let rows = found["rows"].as_array().unwrap();
    assert_eq!(rows.len(), RECOGNIZERS.len());
    for name in RECOGNIZERS {
        let without = |row: &&Value| !row["surrogates"].as_array().unwrap().contains(&json!(name));
        assert_eq!(rows.iter().filter(without).count(), 1, "{name} is the judge once");
        // Another person's photograph: nobody is known, so nobody counts.
        let row = rows.iter().find(without).unwrap();
        assert_eq!((&row["tracks"], &row["covered"]["of"]), (&json!(1), &json!(3)), "{row}");
        assert_eq!(row["variants"][0]["recognizers"][name]["stopped"]["of"], 0, "{row}");
    }
}

/// A field of a protocol buffer that holds bytes.
fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
    assert!(bytes.len() < 128, "one byte of length");
    [&[number << 3 | 2, bytes.len() as u8], bytes].concat()
}

/// A field that holds a small number.
fn number(number: u8, value: u8) -> Vec<u8> {
    vec![number << 3, value]
}

/// An ONNX model of two nodes: the mean of each plane of a picture, and that as a vector.
fn mean_color_onnx() -> Vec<u8> {
    let node = |input: &str, output: &str, operator: &str| {
        [field(1, input.as_bytes()), field(2, output.as_bytes()), field(4, operator.as_bytes())].concat()
    };
    let value = |name: &str, shape: &[u8]| {
        let dims: Vec<u8> = shape.iter().flat_map(|size| field(1, &number(1, *size))).collect();
        let tensor = [number(1, 1), field(2, &dims)].concat();
        [field(1, name.as_bytes()), field(2, &field(1, &tensor))].concat()
    };
    let mut graph = field(1, &node("x", "p", "GlobalAveragePool"));
    graph.extend(field(1, &node("p", "y", "Flatten")));
    graph.extend(field(2, b"g"));
    graph.extend(field(11, &value("x", &[1, 3, 112, 112])));
    graph.extend(field(12, &value("y", &[1, 3])));
    let mut model = number(1, 8);
    // Longer than one byte of length.
    model.extend([7 << 3 | 2, graph.len() as u8 | 0x80, (graph.len() >> 7) as u8]);
    model.extend(graph);
    model.extend(field(8, &number(2, 13)));
    model
}

const MEAN_COLOR: &str = "embedding_len = 3\nmetric = \"euclidean\"\nverification_threshold = 0.1\nfalse_accept_rate = 0.01\n\
    [input]\nsize = [112, 112]\nchannels = \"RGB\"\nlayout = \"NCHW\"\nmean = [127.5, 127.5, 127.5]\nscale = 0.0078125\n\
    template = [[38.3, 51.7], [73.5, 51.5], [56.0, 71.7], [41.5, 92.4], [70.7, 92.2]]\n";

#[test]
fn onnx_files_of_a_folder_are_judges() {
    let out = folder("onnx");
    let clip = clip(&out);
    let judges = out.join("judges");
    std::fs::create_dir_all(&judges).unwrap();
    std::fs::write(judges.join("mean_color.onnx"), mean_color_onnx()).unwrap();
    let run = |out: &Path| {
        let [clip, judges, out] = [clip.as_path(), &judges, out].map(|path| path.to_str().unwrap());
        let common = ["--every", "2", "--variants", "output", "--property", "max-iterations=20"];
        evaluate(&[&[clip, "--judges", judges, "--out", out, "--frames", "5"], &common[..]].concat())
    };
    assert!(run(&out).unwrap_err().contains("mean_color.toml"));
    std::fs::write(judges.join("mean_color.toml"), MEAN_COLOR.replace("len = 3", "len = 4")).unwrap();
    assert!(run(&out).unwrap_err().contains("puts out 3 values"));
    std::fs::write(judges.join("mean_color.toml"), MEAN_COLOR.replace("RGB", "YUV")).unwrap();
    assert!(run(&out).unwrap_err().contains("mean_color.toml"));
    std::fs::write(judges.join("mean_color.toml"), MEAN_COLOR).unwrap();
    run(&out).unwrap();
    let found = results(&out);
    let row = &found["rows"][0];
    assert_eq!(row["surrogates"], json!([DLIB]));
    let judge = &row["variants"][0]["recognizers"]["mean_color"];
    assert!(judge["stopped"]["of"].as_u64() > Some(0), "{row}");
    assert_eq!(judge["stopped"]["count"], 0, "the mean colour hardly changes");
    std::fs::write(judges.join("mean_color.onnx"), b"no model").unwrap();
    assert!(run(&out.join("other")).unwrap_err().contains("mean_color"));
}

/// The page has the figures of the file.
#[test]
fn the_page_shows_the_presets() {
    let copy = folder("page").join("evaluation.md");
    std::fs::copy(root().join("docs/evaluation.md"), &copy).unwrap();
    let splice = || evaluate(&["--out", "results/presets", "--splice", copy.to_str().unwrap()]);
    splice().unwrap();
    let [written, expected] =
        [&root().join("docs/evaluation.md"), &copy].map(|path| std::fs::read_to_string(path).unwrap());
    assert!(
        written == expected,
        "out of date: run `advjnd evaluate --out results/presets --splice docs/evaluation.md`"
    );
    assert!(["balanced", "strong"].iter().all(|name| written.contains(&format!("| preset={name} |"))));
    std::fs::write(&copy, "no marks").unwrap();
    assert!(splice().unwrap_err().contains("there are no lines `<!-- video-table -->`"));
}

#[test]
fn mistakes_are_told() {
    let out = folder("mistakes");
    let clip = clip(&out);
    let empty = out.join("empty");
    std::fs::create_dir_all(&empty).unwrap();
    let grey = out.join("grey.png");
    image::RgbImage::from_pixel(200, 200, image::Rgb([128; 3])).save(&grey).unwrap();
    let [clip, out_text, empty, grey] = [&clip, &out, &empty, &grey].map(|path| path.to_str().unwrap());
    let mistakes: [(&[&str], &str); 13] = [
        (&["/nonexistent.mp4"], "/nonexistent.mp4"),
        (&[clip, clip], "the same name"),
        (&[clip, "--variants", "crf99"], "`crf99` is no step"),
        (&[clip, "--variants", "output+scale0.5"], "`output` is no step"),
        (&[clip, "--variants", "average1"], "`average1` is no step; take output"),
        (&[clip, "--surrogates", "arcface"], "no recogniser `arcface`"),
        (&[clip, "--surrogates", "dlib_resnet29,dlib_resnet29"], "named twice"),
        (&[clip, "--property", "strength=1"], "no property `strength`"),
        (&[clip, "--property", "models=/tmp"], "sets `models` itself"),
        (&[clip, "--property", "jnd-scale"], "NAME=VALUE"),
        (&[clip, "--judges", empty], "holds no recogniser"),
        (&[clip, "--enrolment", grey], "shows no face"),
        (&[clip, "--frames", "3", "--property", "fail-policy=drop", "--property", "jnd-scale=0"], "every frame"),
    ];
    for (arguments, expected) in mistakes {
        let error = evaluate(&[arguments, &["--out", out_text]].concat()).unwrap_err();
        assert!(error.contains(expected), "{arguments:?}: {error}");
    }
    assert!(!out.join("evaluate.json").exists());
}
