// SPDX-License-Identifier: MIT OR Apache-2.0
//! Look, choose, render, prove: `advjnd analyze`, `protect --faces` and `verify`, on some frames of the sample clip.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that fails must say so")]

mod protect;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Output};

use gst::prelude::*;
use protect::{Folder, file, frames, play, text};
use serde_json::{Value, json};

/// Frames of the clip at least; it shows three people or more.
const FRAMES: usize = 8;
const SIZE: [usize; 2] = [1280, 720];

fn advjnd(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_advjnd")).current_dir(file("")).args(arguments).output().unwrap()
}

/// What the program says, and that it ends with `code`.
fn said(arguments: &[&str], code: i32) -> String {
    let done = advjnd(arguments);
    let said = format!("{}{}", text(&done.stdout), text(&done.stderr));
    assert_eq!(done.status.code(), Some(code), "{arguments:?}: {said}");
    said
}

/// Some frames of the sample clip, without loss. Cut before the decoder, which gives what it holds back in order.
fn clip(folder: &Folder) -> String {
    let (sample, path) = (file("examples/media/portraits_720p.mp4"), folder.path("clip.mkv"));
    play(&format!(
        "filesrc location=\"{sample}\" ! qtdemux ! identity eos-after=12 ! decodebin ! videoconvert ! avenc_ffv1 \
         ! matroskamux ! filesink location=\"{path}\""
    ));
    path
}

fn read(path: &str) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

/// The best face of the `index`th person in its best frame: frame, and x, y, width and height.
fn best(analysis: &Value, index: usize) -> (usize, [usize; 4]) {
    let best = &analysis["people"][index]["best"];
    let side = |at: usize| best["box"][at].as_f64().unwrap() as usize;
    (best["frame"].as_u64().unwrap() as usize, [side(0), side(1), side(2), side(3)])
}

/// The luma of the middle half of a box.
fn middle(frame: &[u8], [x, y, width, height]: [usize; 4]) -> Vec<u8> {
    let rows = y + height / 4..y + 3 * height / 4;
    rows.flat_map(|row| &frame[row * SIZE[0] + x + width / 4..row * SIZE[0] + x + 3 * width / 4]).copied().collect()
}

/// Writes frames of a size, I420, without loss.
fn write(path: &str, frames: &[Vec<u8>], [width, height]: [usize; 2]) {
    let pipeline = gst::parse::launch(&format!(
        "appsrc name=source format=time caps=video/x-raw,format=I420,width={width},height={height},framerate=25/1 \
         ! avenc_ffv1 ! matroskamux ! filesink location=\"{path}\""
    ));
    let pipeline = pipeline.unwrap().downcast::<gst::Pipeline>().unwrap();
    let source = pipeline.by_name("source").unwrap().downcast::<gst_app::AppSrc>().unwrap();
    for (index, frame) in frames.iter().enumerate() {
        let mut buffer = gst::Buffer::from_slice(frame.clone());
        let writable = buffer.get_mut().unwrap();
        writable.set_pts(gst::ClockTime::from_mseconds(40 * index as u64));
        writable.set_duration(gst::ClockTime::from_mseconds(40));
        source.push_buffer(buffer).unwrap();
    }
    source.end_of_stream().unwrap();
    protect::play_to_the_end(&pipeline);
}

#[test]
fn people_are_found_and_chosen() {
    let folder = Folder::new();
    let (clip, faces) = (clip(&folder), folder.path("clip.faces.json"));
    let told = said(&["analyze", &clip, "-o", &faces], 0);
    assert!(told.contains("person 1: ") && told.contains("NOT protected"), "{told}");
    let private = folder.path("clip.faces-clean-faces");
    assert_eq!(fs::metadata(&private).unwrap().permissions().mode() & 0o777, 0o700);
    let page = fs::read_to_string(format!("{private}/review.html")).unwrap();
    assert!(page.contains("\"advjnd-faces\"") && page.contains("data:image/png;base64,"), "the page has its data");
    assert!(!page.contains("/*FACES*/\n") && !page.contains(">/*THUMBNAILS*/"), "no mark is left");
    let analysis = read(&faces);
    let count = analysis["times"].as_array().unwrap().len();
    assert!(count >= FRAMES, "{told}");
    assert!(analysis["people"].as_array().unwrap().len() >= 3, "{told}");
    assert!(said(&["analyze", &clip, "-o", &faces], 1).contains("already exists"));

    // Person 1 is kept, person 2 covered by hand, and so is a place without anybody.
    let mut edited = analysis.clone();
    edited["people"][1]["action"] = json!("cover");
    edited["people"][1]["name"] = json!("Zoë <b>");
    edited["boxes"] = json!([{ "first": 2, "last": 4, "box": [4, 600, 100, 80], "note": "a plate" }]);
    let by_hand = folder.path("by-hand.json");
    fs::write(&by_hand, edited.to_string()).unwrap();
    let output = folder.path("chosen.mkv");
    let told = said(&["protect", &clip, "--faces", &by_hand, "--keep", "1", "--lossless", "-o", &output], 0);
    assert!(told.contains("left as they are, RECOGNISABLE, by choice: person 1"), "{told}");
    let (before, after) = (frames(&clip).0, frames(&output).0);
    assert_eq!((before.len(), after.len()), (count, count));
    let (frame, kept) = best(&analysis, 0);
    assert!(middle(&after[frame], kept) == middle(&before[frame], kept), "person 1 was touched");
    let (frame, covered) = best(&analysis, 1);
    let flat = middle(&after[frame], covered);
    assert!(flat.iter().all(|value| *value == flat[0]), "person 2 is not covered");
    let (frame, protected) = best(&analysis, 2);
    assert!(middle(&after[frame], protected) != middle(&before[frame], protected), "person 3 is as before");
    for (index, frame) in after.iter().enumerate() {
        let place = middle(frame, [4, 600, 100, 80]);
        let is_flat = place.iter().all(|value| *value == place[0]);
        assert_eq!(is_flat, (2..=4).contains(&index), "frame {index}");
    }
}

#[test]
fn an_analysis_that_does_not_fit_is_refused() {
    let folder = Folder::new();
    let (clip, faces) = (folder.clip("clip.mp4", false), folder.path("clip.json"));
    said(&["analyze", &clip, "-o", &faces, "--no-review"], 0);
    assert_eq!(folder.files(""), ["clip.json", "clip.mp4"]);
    let output = folder.path("out.mp4");
    let refusal = |analysis: &str, more: &[&str]| {
        let faces = folder.path("edited.json");
        fs::write(&faces, analysis).unwrap();
        said(&[&["protect", &clip, "--faces", &faces, "-o", &output], more].concat(), 1)
    };
    let analysis = fs::read_to_string(&faces).unwrap();
    assert!(refusal(&analysis, &["--keep", "3"]).contains("there is no person 3 in the analysis; it has nobody"));
    assert!(refusal("{}", &[]).contains("is no file of analysis"));
    assert!(refusal(&analysis.replace("\"boxes\"", "\"bokses\""), &[]).contains("unknown field `bokses`"));
    assert!(refusal(&analysis.replace("\"version\": 1", "\"version\": 2"), &[]).contains("reads `advjnd-faces` 1"));
    let mut later = read(&faces);
    later["times"][3] = json!(0.1300001);
    assert!(refusal(&later.to_string(), &[]).contains("the analysis has no frame at 0.120 s"));
    let other = folder.long_clip("other.mp4", 1);
    let told = said(&["protect", &other, "--faces", &faces, "-o", &output], 1);
    assert!(told.contains("is the analysis of another file"), "{told}");
    assert!(!folder.files("").contains(&"out.mp4".to_owned()));
}

/// What `verify` says as JSON, and that it ends with `code`.
fn verified(arguments: &[&str], code: i32) -> Value {
    serde_json::from_str(&said(&[&["verify", "--json"], arguments].concat(), code)).unwrap()
}

#[test]
fn what_is_protected_passes_and_a_clean_frame_in_it_does_not() {
    let folder = Folder::new();
    let (clip, output) = (clip(&folder), folder.path("protected.mkv"));
    let record = folder.path("record.json");
    fs::write(&record, said(&["protect", &clip, "--lossless", "--json", "-o", &output], 0)).unwrap();
    let verify =
        |protected: &str, more: &[&str], code| verified(&[&[protected, "--original", &clip], more].concat(), code);
    let variants = "output,crf23,scale0.5,jpeg50,blur1,average5";
    let verdict = verify(&output, &["--through", variants, "--allow-known", "100"], 0);
    assert_eq!((&verdict["verdict"], &verdict["reasons"]), (&json!("PASS"), &json!([])), "{verdict}");
    assert_eq!(verdict["through"].as_array().unwrap().len(), 6);
    assert!(verdict["psnr"].is_null() && verdict["quality"]["psnr"]["mean"].as_f64().unwrap() > 25.0, "{verdict}");
    let dlib = &verdict["through"][0]["recognizers"]["dlib_resnet29"];
    let rates = dlib["rates"].as_array().unwrap();
    let number = |value: &Value| value.as_f64().unwrap();
    assert_eq!(
        rates.iter().map(|rate| number(&rate["false_match_rate"]) as f32).collect::<Vec<_>>(),
        [0.01, 1e-3, 1e-4]
    );
    assert!(rates.windows(2).all(|pair| number(&pair[1]["threshold"]) < number(&pair[0]["threshold"])), "{dlib}");
    assert!(number(&rates[0]["known"]["of"]) >= 3.0 && rates[0]["known"]["count"] == 0, "{dlib}");
    assert!(number(&dlib["similarity"]["after"]["mean"]) > number(&dlib["similarity"]["before"]["mean"]), "{dlib}");
    let search = &dlib["identification"];
    assert_eq!((&search["others"], &search["generated"]), (&json!(1000), &json!(true)));
    let missed = |when: &str| number(&search[when][0]["searches"]["count"]);
    assert!(missed("missed_before") < missed("missed_after"), "{search}");

    let page = folder.path("report.html");
    let verdict = verify(&clip, &["--report", &page], 4);
    assert_eq!(verdict["verdict"], "FAIL");
    let text = fs::read_to_string(&page).unwrap();
    assert!(text.contains("FAIL") && text.contains("<svg") && text.contains("data:image/jpeg"), "the page is whole");
    assert!(!text.contains("http:") && !text.contains("https:"), "nothing of it lies elsewhere");
    assert_eq!(fs::metadata(&page).unwrap().permissions().mode() & 0o777, 0o600);
    verify(&output, &["--report", &page, "-y", "--record", &record], 0);
    assert!(fs::read_to_string(&page).unwrap().contains(" ms a frame: of "));

    // Frame 3 is none that recognisers look at of themselves.
    let (mut shown, clean) = (frames(&output).0, frames(&clip).0);
    shown[3].clone_from(&clean[3]);
    let leaky = folder.path("leaky.mkv");
    write(&leaky, &shown, SIZE);
    let verdict = verify(&leaky, &[], 4);
    assert_eq!(verdict["through"][0]["untouched"]["first"], 3, "{verdict}");

    let other = folder.path("other.mkv");
    play(&format!(
        "videotestsrc num-buffers={FRAMES} ! video/x-raw,format=I420,width=1280,height=720 ! avenc_ffv1 ! matroskamux \
         ! filesink location=\"{other}\""
    ));
    let refusal = |arguments: &[&str]| said(&[&["verify"], arguments].concat(), 1);
    assert!(refusal(&[&other, "--original", &clip]).contains("shows something else"));
    write(&leaky, &shown[..5], SIZE);
    assert!(refusal(&[&leaky, "--original", &clip]).contains("it has fewer frames"));
    assert!(
        refusal(&[&leaky, "--original", &clip, "--through", "brighter"]).contains("`brighter` is no step; take output")
    );
    assert!(refusal(&[&leaky, "--original", &folder.path("gone.mkv")]).contains("there is no file"));
    assert!(said(&["verify", &leaky], 2).contains("--original"));
    let verdict = verify(&leaky, &["--preview", "0.2"], 4);
    assert_eq!((&verdict["frames"], &verdict["through"][0]["untouched"]["first"]), (&json!(5), &json!(3)), "{verdict}");
}

/// Without the original, an analysis says where faces are and whose, and a photograph whom to look for.
#[test]
fn an_analysis_or_a_photograph_stand_in_for_the_original() {
    let folder = Folder::new();
    let (clip, output, faces) = (clip(&folder), folder.path("protected.mkv"), folder.path("clip.faces.json"));
    said(&["protect", &clip, "--lossless", "-o", &output], 0);
    said(&["analyze", &clip, "-o", &faces], 0);
    let known = |verdict: &Value| verdict["through"][0]["recognizers"]["dlib_resnet29"]["rates"][0]["known"].clone();
    // A thumbnail of one frame enrols less strictly than the frames themselves, and may be known by chance.
    let verdict = verified(&[&output, "--faces", &faces, "--allow-known", "30"], 0);
    assert_eq!((&verdict["reference"], &verdict["through"][0]["untouched"]), (&json!("analysis"), &Value::Null));
    assert!(verdict["covered"]["of"].as_u64().unwrap() >= 3 * FRAMES as u64, "{verdict}");
    let own = known(&verified(&[&clip, "--faces", &faces], 4));
    assert!(own["count"].as_u64().unwrap() * 10 >= own["of"].as_u64().unwrap() * 7, "{own}");

    // The thumbnail of person 1 is a photograph of somebody in these frames, the chip one of somebody who comes later.
    let photograph = folder.path("clip.faces-clean-faces/person-1.png");
    let own = known(&verified(&[&clip, "--enrol", &photograph], 4));
    assert!(own["count"].as_u64().unwrap() >= 2 && own["count"] != own["of"], "{own}");
    assert_eq!(known(&verified(&[&output, "--enrol", &photograph], 0))["count"], 0);
    let stranger = file("crates/advjnd/tests/data/chips/impostor_2.png");
    let verdict = verified(&[&clip, "--enrol", &stranger], 0);
    assert_eq!((&verdict["reference"], &known(&verdict)["count"]), (&json!("photographs"), &json!(0)), "{verdict}");
    fs::remove_dir_all(folder.path("clip.faces-clean-faces")).unwrap();
    assert!(
        said(&["verify", &output, "--faces", &faces], 1).contains("give --original, or --enrol with one photograph")
    );
}

/// What `protect` makes of interlaced and of squeezed video is held against the original as the filter got it.
#[test]
fn fields_and_squeezed_pixels_are_undone_in_the_original_too() {
    let folder = Folder::new();
    let sample = file("examples/media/portraits_720p.mp4");
    let (interlaced, squeezed) = (folder.path("interlaced.mkv"), folder.path("squeezed.mkv"));
    let encode = "avenc_ffv1 ! matroskamux ! filesink location=";
    play(&format!(
        "filesrc location=\"{sample}\" ! qtdemux ! identity eos-after=9 ! decodebin ! videoconvert \
         ! video/x-raw,format=I420 \
         ! capssetter caps=video/x-raw,interlace-mode=interleaved,field-order=top-field-first \
         ! avenc_ffv1 ! matroskamux ! filesink location=\"{interlaced}\""
    ));
    play(&format!(
        "filesrc location=\"{sample}\" ! qtdemux ! identity eos-after=9 ! decodebin ! videoconvert ! videoscale \
         ! video/x-raw,format=I420,width=640,height=720,pixel-aspect-ratio=2/1 ! {encode}\"{squeezed}\""
    ));
    for (clip, more, frames) in [(&interlaced, &["--both-fields"][..], 2), (&squeezed, &[][..], 1)] {
        let output = folder.path("protected.mkv");
        said(&[&["protect", clip, "--lossless", "-y", "-o", &output], more].concat(), 0);
        let verdict = verified(&[&[output.as_str(), "--original", clip], more].concat(), 0);
        let count = verdict["frames"].as_u64().unwrap();
        assert!((6 * frames..=12 * frames).contains(&count), "{clip}: {verdict}");
        assert!(verdict["covered"]["of"].as_u64().unwrap() >= 3 * count, "{clip}: {verdict}");
    }
}

#[test]
fn a_cut_from_one_face_to_another_at_the_same_place_makes_two_people() {
    let folder = Folder::new();
    let sample = file("examples/media/portraits_720p.mp4");
    let piece = |left: usize, top: usize| {
        let (right, bottom) = (SIZE[0] - 320 - left, SIZE[1] - 320 - top);
        let (mut frames, _) = protect::buffers(&format!(
            "filesrc location=\"{sample}\" ! qtdemux ! identity eos-after=9 ! decodebin \
             ! videocrop left={left} top={top} right={right} bottom={bottom} ! videoconvert ! video/x-raw,format=I420"
        ));
        frames.truncate(6);
        frames
    };
    let (clip, faces, output) = (folder.path("cut.mkv"), folder.path("cut.json"), folder.path("kept.mkv"));
    let clean = [piece(240, 260), piece(780, 70)].concat();
    write(&clip, &clean, [320, 320]);
    let told = said(&["analyze", &clip, "-o", &faces, "--no-review"], 0);
    assert!(told.contains("2 people in 2 tracks"), "{told}");
    let analysis = read(&faces);
    let first = analysis["tracks"][0]["person"].to_string();
    assert_eq!(analysis["tracks"][1]["faces"][0]["frame"], 6);
    said(&["protect", &clip, "--faces", &faces, "--keep", &first, "--lossless", "-o", &output], 0);
    let shown = frames(&output).0;
    assert!(shown[..6] == clean[..6], "the first person is kept");
    assert!((6..12).all(|index| shown[index] != clean[index]), "the second person is not");

    // Tracks of six frames are looked at, too, and who is kept is left out.
    let verify = |more: &[&str], code| said(&[&["verify", &output, "--original", &clip], more].concat(), code);
    assert!(verify(&[], 4).contains("untouched"));
    assert!(verify(&["--faces", &faces, "--keep", &first], 0).contains("PASS"));
}
