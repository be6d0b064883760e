// SPDX-License-Identifier: MIT OR Apache-2.0
//! `advjnd protect` and the picture: upright, of the same colours and size, whatever it came as; and nothing beside it.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that fails must say so")]

mod protect;

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use gst::prelude::*;
use image::{DynamicImage, ImageDecoder, ImageFormat, RgbaImage};
use protect::{AUDIO, Folder, H264, VIDEO, buffers, file, frames, holds, play, play_to_the_end, protected, refused};

/// Has players turn the video of an MP4 file, as phones do: the matrix `a b c d` in the header of its track.
fn lay_on_its_side(path: &str, [a, b, c, d]: [i32; 4]) {
    let mut file = fs::read(path).unwrap();
    let at = matrix_at(&file);
    for (index, value) in [a << 16, b << 16, 0, c << 16, d << 16, 0, 0, 0, 1 << 30].into_iter().enumerate() {
        file[at + 4 * index..][..4].copy_from_slice(&i32::to_be_bytes(value));
    }
    fs::write(path, file).unwrap();
}

/// Where the matrix of the first track lies.
fn matrix_at(file: &[u8]) -> usize {
    file.windows(4).position(|window| window == b"tkhd").unwrap() + 44
}

/// Whether GStreamer reads from a file that it is to be shown turned.
fn is_turned(path: &str) -> bool {
    let turned = Arc::new(AtomicBool::new(false));
    let pipeline = format!("filesrc location=\"{path}\" ! decodebin ! video/x-raw ! fakesink name=sink");
    let pipeline = gst::parse::launch(&pipeline).unwrap().downcast::<gst::Pipeline>().unwrap();
    let (pad, found) = (pipeline.by_name("sink").unwrap().static_pad("sink").unwrap(), turned.clone());
    pad.add_probe(gst::PadProbeType::EVENT_DOWNSTREAM, move |_, info| {
        if let Some(gst::EventView::Tag(tag)) = info.event().map(|event| event.view())
            && tag.tag().get::<gst::tags::ImageOrientation>().is_some_and(|orientation| orientation.get() != "rotate-0")
        {
            found.store(true, Ordering::Relaxed);
        }
        gst::PadProbeReturn::Ok
    });
    play_to_the_end(&pipeline);
    turned.load(Ordering::Relaxed)
}

#[test]
fn videos_of_phones_come_out_upright_and_are_turned_by_nobody_again() {
    let folder = Folder::new();
    let turns = [([0, 1, -1, 0], "90r"), ([-1, 0, 0, -1], "180"), ([0, -1, 1, 0], "90l"), ([-1, 0, 0, 1], "horiz")];
    // GStreamer before 1.24 reads turns alone, and no mirror.
    let known = if gst::version() >= (1, 24, 0, 0) { 4 } else { 3 };
    for (matrix, direction) in turns.into_iter().take(known) {
        let input = folder.clip(&format!("{direction}.mp4"), true);
        lay_on_its_side(&input, matrix);
        assert!(is_turned(&input), "{direction}");
        let (lossless, encoded) =
            (folder.path(&format!("{direction}.mkv")), folder.path(&format!("{direction}-out.mp4")));
        for (output, options) in [(&lossless, &["--lossless"][..]), (&encoded, &[])] {
            protected(&[options, &[input.as_str(), "-o", output]].concat());
            assert!(!is_turned(output), "{direction}: {output} is turned again");
        }
        let written = fs::read(&encoded).unwrap();
        let identity: Vec<u8> =
            [1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30].into_iter().flat_map(i32::to_be_bytes).collect();
        assert!(written[matrix_at(&written)..].starts_with(&identity), "{direction}: the container turns it again");
        let (expected, _) = buffers(&format!(
            "filesrc location=\"{input}\" ! decodebin ! videoconvert ! video/x-raw,format=I420 \
             ! videoflip video-direction={direction}"
        ));
        let (found, size) = frames(&lossless);
        assert_eq!(size, if direction.starts_with("90") { (120, 160) } else { (160, 120) });
        assert!(expected == found, "{direction}: not upright");
    }
}

#[test]
fn what_tells_who_and_where_does_not_get_into_the_output() {
    let folder = Folder::new();
    let cover = fs::read(file("examples/media/skin.jpg")).unwrap();
    for (suffix, muxer) in [("mp4", "mp4mux"), ("mov", "qtmux"), ("mkv", "matroskamux")] {
        let (input, output) = (folder.path(&format!("in.{suffix}")), folder.path(&format!("out.{suffix}")));
        let tags = "taginject tags=\"title=Planted-Title,comment=Planted-Comment,artist=Planted-Artist\"";
        let pipeline = format!(
            "{VIDEO} ! {tags} ! identity name=first ! {H264} ! mux. {AUDIO} ! {tags} ! avenc_aac ! mux. \
             {muxer} name=mux ! filesink location=\"{input}\""
        );
        let pipeline = gst::parse::launch(&pipeline).unwrap().downcast::<gst::Pipeline>().unwrap();
        let picture = cover.clone();
        let pad = pipeline.by_name("first").unwrap().static_pad("src").unwrap();
        pad.add_probe(gst::PadProbeType::BUFFER, move |pad, _| {
            let caps = gst::Caps::builder("image/jpeg").build();
            let sample = gst::Sample::builder().buffer(&gst::Buffer::from_slice(picture.clone())).caps(&caps).build();
            let mut tags = gst::TagList::new();
            tags.make_mut().set_scope(gst::TagScope::Global);
            let all = tags.make_mut();
            all.add::<gst::tags::Image>(&sample, gst::TagMergeMode::Append);
            all.add::<gst::tags::Title>(&"Planted-Title", gst::TagMergeMode::Append);
            all.add::<gst::tags::DeviceModel>(&"Planted-Model", gst::TagMergeMode::Append);
            all.add::<gst::tags::DeviceManufacturer>(&"Planted-Maker", gst::TagMergeMode::Append);
            all.add::<gst::tags::GeoLocationName>(&"Planted-Place", gst::TagMergeMode::Append);
            all.add::<gst::tags::Keywords>(&"Planted-Keyword", gst::TagMergeMode::Append);
            pad.push_event(gst::event::Tag::new(tags));
            gst::PadProbeReturn::Remove
        });
        play_to_the_end(&pipeline);
        assert!(holds(&input, b"Planted-"), "{suffix}: nothing was planted");
        protected(&[&input, "-o", &output]);
        assert!(!holds(&output, b"Planted-") && !holds(&output, &cover), "{suffix}");
        let kept = folder.path(&format!("kept.{suffix}"));
        protected(&["--keep-metadata", &input, "-o", &kept]);
        assert!(holds(&kept, b"Planted-Title") && !holds(&kept, &cover), "{suffix}: --keep-metadata");
    }
}

/// Some formats of sound hold comments in their headers, which are copied with it.
#[test]
fn comments_in_the_headers_of_sound_do_not_get_into_the_output() {
    let folder = Folder::new();
    for encoder in ["vorbisenc", "flacenc"] {
        let (input, output) = (folder.path(&format!("{encoder}.mkv")), folder.path(&format!("{encoder}-out.mkv")));
        play(&format!(
            "{VIDEO} ! {H264} ! mux. {AUDIO} ! audioconvert ! taginject tags=\"title=Planted-Title,artist=Planted-Artist\" \
             ! {encoder} ! mux. matroskamux name=mux ! filesink location=\"{input}\""
        ));
        assert!(holds(&input, b"Planted-"), "{encoder}: nothing was planted");
        let said = protected(&[&input, "-o", &output]);
        assert!(said.contains("sound: kept as it was"), "{said}");
        assert!(!holds(&output, b"Planted-"), "{encoder}");
        let sound = |path: &str| {
            let sound = "matroskademux name=d d.audio_0 ! decodebin ! audioconvert ! audio/x-raw,format=S16LE";
            buffers(&format!("filesrc location=\"{path}\" ! {sound}")).0.concat()
        };
        let (before, after) = (sound(&input), sound(&output));
        assert!(before.len() > 30_000 && after.len() > 30_000, "{encoder}: {} {}", before.len(), after.len());
        let length = before.len().min(after.len());
        assert!(before[..length] == after[..length], "{encoder}: another sound");
    }
}

#[test]
fn a_file_without_a_face_comes_out_the_same_without_loss() {
    let folder = Folder::new();
    let (input, output) = (folder.clip("clip.mp4", false), folder.path("protected.mkv"));
    protected(&["--lossless", &input, "-o", &output]);
    assert!(frames(&input).0 == frames(&output).0);
}

/// The first frame of `tests/data/NAME`, and of what becomes of it without loss, as I420.
fn first_frames(name: &str) -> [Vec<u8>; 2] {
    let folder = Folder::new();
    let (input, output) = (file(&format!("tests/data/{name}")), folder.path("protected.mkv"));
    protected(&["--lossless", &input, "-o", &output]);
    [input, output].map(|path| frames(&path).0.swap_remove(0))
}

/// The clip is white, full range (255), and names no matrix:
/// `ffmpeg -f lavfi -i color=white:size=64x48:rate=25:duration=0.12 -pix_fmt yuvj420p -c:v libx264 full_range.mkv`.
#[test]
fn full_range_becomes_limited_range_in_truth() {
    assert_eq!(first_frames("full_range.mkv").map(|frame| frame[0]), [255, 235]);
}

/// A source of high definition that names no colours keeps its samples:
/// `ffmpeg -f lavfi -i color=red:size=1280x720:rate=25:duration=0.08 -pix_fmt yuv420p -c:v libx264 unnamed_720p.mkv`.
#[test]
fn colours_that_are_not_named_are_not_converted() {
    let [before, after] = first_frames("unnamed_720p.mkv");
    assert!(before == after);
}

#[test]
fn layouts_depths_odd_sizes_and_fields_are_taken_and_what_changes_is_said() {
    let folder = Folder::new();
    let raw = |format: &str, size: (u32, u32)| {
        let (width, height) = size;
        format!("videotestsrc num-buffers=6 ! video/x-raw,format={format},width={width},height={height},framerate=25/1")
    };
    let cases = [
        ("422", raw("Y42B", (160, 120)), "avenc_ffv1", "colour of 4:2:2 became 4:2:0", (160, 120)),
        ("444", raw("Y444", (160, 120)), "avenc_ffv1", "colour of 4:4:4 became 4:2:0", (160, 120)),
        ("rgb", raw("BGRx", (160, 120)), "avenc_ffv1", "R'G'B' became Y'CbCr 4:2:0", (160, 120)),
        ("grey", raw("GRAY8", (160, 120)), "avenc_ffv1", "", (160, 120)),
        ("10", raw("I420_10LE", (160, 120)), "x264enc", "10 bits a sample became 8", (160, 120)),
        ("odd", raw("I420", (161, 121)), "avenc_ffv1", "161×121 became 162×122", (162, 122)),
        (
            "fields",
            format!("{} ! interlace field-pattern=1:1", raw("I420", (160, 120)).replace("=6", "=12")),
            "x264enc interlaced=true",
            "interlaced frames became whole ones, at the same",
            (160, 120),
        ),
    ];
    for (name, source, encoder, said, size) in cases {
        let (input, output) = (folder.path(&format!("{name}.mkv")), folder.path(&format!("{name}-out.mp4")));
        play(&format!("{source} ! {encoder} ! matroskamux ! filesink location=\"{input}\""));
        let told = protected(&[&input, "-o", &output]);
        assert!(told.contains(said), "{name}: {told}");
        let (found, found_size) = frames(&output);
        assert_eq!((found.len(), found_size), (6, size), "{name}: {told}");
    }
    let input = folder.path("fields.mkv");
    protected(&["--both-fields", &input, "-o", &folder.path("both.mp4")]);
    assert_eq!(frames(&folder.path("both.mp4")).0.len(), 12);
}

/// A grey clip in 10 bits, of 50 % of the numbers, with this colorimetry.
fn grey_clip(path: &str, colorimetry: &str) {
    play(&format!(
        "videotestsrc num-buffers=6 pattern=solid-color foreground-color=0xff808080 \
         ! video/x-raw,format=I420_10LE,width=160,height=120,framerate=25/1,colorimetry={colorimetry} ! x264enc \
         ! h264parse ! matroskamux ! filesink location=\"{path}\""
    ));
}

/// What the caps of a decoded file say of its colours.
fn colorimetry(path: &str) -> String {
    let (_, caps) = buffers(&format!("filesrc location=\"{path}\" ! decodebin"));
    caps.unwrap().structure(0).unwrap().get::<String>("colorimetry").unwrap()
}

#[test]
fn video_of_high_dynamic_range_is_refused_and_not_relabelled() {
    let folder = Folder::new();
    let (input, output) = (folder.path("hdr.mkv"), folder.path("out.mp4"));
    grey_clip(&input, "bt2100-pq");
    let said = refused(&[&input, "-o", &output], 1);
    assert!(said.contains("--tone-map"), "{said}");
}

/// Half of the numbers of PQ (BT.2100, table 4) are 94.6 cd/m², which are shown by (94.6 / 203)^(1 / 2.4) = 0.728 of
/// the numbers of the standard range; half of HLG are 1000 (1 / 12 × 1.008)^1.2 = 51.2 cd/m², by 0.563.
#[test]
fn high_dynamic_range_is_mapped_to_standard_range_when_asked_for() {
    let folder = Folder::new();
    for (transfer, luma) in [("bt2100-pq", 175), ("bt2100-hlg", 139)] {
        let (input, output) = (folder.path(&format!("{transfer}.mkv")), folder.path(&format!("{transfer}.mp4")));
        grey_clip(&input, transfer);
        let said = protected(&["--tone-map", &input, "-o", &output]);
        assert!(said.contains("high dynamic range became standard range"), "{said}");
        let (found, _) = frames(&output);
        assert!(found[0][9680].abs_diff(luma) <= 1, "{transfer}: {} instead of {luma}", found[0][9680]);
        assert_eq!(colorimetry(&output), "bt709", "{transfer}");
    }
}

#[test]
fn colours_keep_their_names_at_any_size() {
    let folder = Folder::new();
    for name in ["bt601", "bt709", "bt2020"] {
        let (input, output) = (folder.path(&format!("{name}.mkv")), folder.path(&format!("{name}.mp4")));
        grey_clip(&input, name);
        protected(&[&input, "-o", &output]);
        assert_eq!(colorimetry(&output), colorimetry(&input), "{name}");
    }
}

#[test]
fn pixels_far_from_square_become_square() {
    let folder = Folder::new();
    for (ratio, size) in [("32/11", (466, 120)), ("1/2", (160, 240)), ("16/11", (160, 120))] {
        let (input, output) = (folder.path("squeezed.mp4"), folder.path("out.mp4"));
        play(&format!(
            "videotestsrc num-buffers=6 ! video/x-raw,format=I420,width=160,height=120,framerate=25/1,\
             pixel-aspect-ratio={ratio} ! x264enc ! h264parse ! mp4mux ! filesink location=\"{input}\""
        ));
        let said = protected(&["-y", &input, "-o", &output]);
        assert_eq!(frames(&output).1, size, "{ratio}: {said}");
        assert_eq!(said.contains("of square ones"), ratio != "16/11", "{said}");
    }
}

/// A picture with a face, with `alpha`.
fn portrait(alpha: bool) -> DynamicImage {
    let picture = image::open(file("crates/advjnd/tests/data/astronaut.png")).unwrap();
    let picture = picture.crop_imm(100, 0, 256, 256);
    if !alpha {
        return DynamicImage::ImageRgb8(picture.into_rgb8());
    }
    let mut picture: RgbaImage = picture.into_rgba8();
    picture.enumerate_pixels_mut().for_each(|(x, _, pixel)| pixel.0[3] = x as u8);
    DynamicImage::ImageRgba8(picture)
}

#[test]
fn pictures_keep_format_and_size_and_their_faces_change() {
    let folder = Folder::new();
    for (name, format, alpha) in
        [("a.png", ImageFormat::Png, true), ("b.jpg", ImageFormat::Jpeg, false), ("c.webp", ImageFormat::WebP, false)]
    {
        let (input, output) = (folder.path(name), folder.path(&format!("out-{name}")));
        portrait(alpha).save_with_format(&input, format).unwrap();
        let said = protected(&["--property", "max-iterations=40", &input, "-o", &output]);
        assert!(said.contains("faces: 1 in all"), "{name}: {said}");
        let reader = image::ImageReader::open(&output).unwrap().with_guessed_format().unwrap();
        assert_eq!(reader.format(), Some(format), "{name}");
        let (before, after) = (image::open(&input).unwrap(), reader.decode().unwrap());
        assert_eq!((before.width(), before.height()), (after.width(), after.height()));
        assert!(!after.color().has_alpha(), "{name}: alpha can be a picture of its own");
        assert_eq!(said.contains("transparency became white"), alpha, "{name}: {said}");
        let (before, after) = (before.into_rgba8(), after.into_rgba8());
        // Nothing is left of what is hidden: here the left column.
        assert!(!alpha || (0..256).all(|y| after.get_pixel(0, y).0 == [255; 4]), "{name}");
        assert!(before.pixels().zip(after.pixels()).any(|(before, after)| before != after), "{name}: nothing changed");
    }
}

/// The orientation is 6, turned clockwise by 90°, as phones write it.
#[test]
fn pictures_of_phones_come_out_upright_and_without_exif() {
    let folder = Folder::new();
    let (input, output) = (folder.path("phone.jpg"), folder.path("out.jpg"));
    let lying = portrait(false).rotate270().crop_imm(0, 0, 256, 200);
    lying.save_with_format(&input, ImageFormat::Jpeg).unwrap();
    let mut bytes = fs::read(&input).unwrap();
    let mut exif =
        b"Exif\0\0MM\0\x2a\0\0\0\x08\0\x02\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\x01\x0f\0\x02\0\0\0\x0c\0\0\0\x26\0\0\0\0"
            .to_vec();
    exif.extend_from_slice(b"PlantedMaker");
    let length = u16::try_from(exif.len() + 2).unwrap().to_be_bytes();
    let segment = [&[0xff, 0xe1][..], &length, &exif].concat();
    bytes.splice(2..2, segment);
    fs::write(&input, bytes).unwrap();
    let said = protected(&["--property", "max-iterations=40", &input, "-o", &output]);
    assert!(said.contains("turned upright") && said.contains("faces: 1 in all"), "{said}");
    let reader = image::ImageReader::open(&output).unwrap().with_guessed_format().unwrap();
    let mut decoder = reader.into_decoder().unwrap();
    assert_eq!(decoder.orientation().unwrap(), image::metadata::Orientation::NoTransforms);
    assert_eq!(decoder.dimensions(), (200, 256));
    assert!(!holds(&output, b"Planted"), "EXIF is left");
}
