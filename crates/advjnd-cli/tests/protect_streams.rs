// SPDX-License-Identifier: MIT OR Apache-2.0
//! What `advjnd protect` keeps of a file besides its picture, and what it leaves out.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that fails must say so")]

mod protect;

use std::fs;
use std::io::ErrorKind;
use std::net::TcpListener;

use gst::prelude::*;
use protect::{AUDIO, Folder, H264, VIDEO, buffers, encoded_sound, frames, play, play_to_the_end, protected, refused};

const TRACK: &str = "audiotestsrc num-buffers=10 samplesperbuffer=1764 freq=880 ! audio/x-raw,rate=44100";

#[test]
fn sound_is_copied_to_the_byte() {
    let folder = Folder::new();
    let input = folder.clip("clip.mp4", true);
    for name in ["copy.mp4", "copy.mov", "copy.mkv"] {
        let output = folder.path(name);
        protected(&[&input, "-o", &output]);
        let ((before, _), (after, _)) = (encoded_sound(&input), encoded_sound(&output));
        assert!(before.len() > 10 && before == after, "{name}: {} and {} packets", before.len(), after.len());
    }
}

#[test]
fn what_a_container_cannot_hold_is_encoded_anew() {
    let folder = Folder::new();
    let (input, output) = (folder.path("clip.mkv"), folder.path("out.mp4"));
    // Four channels, and no word of where they are to be heard.
    let four = "audiotestsrc num-buffers=10 samplesperbuffer=1764 \
                ! audio/x-raw,rate=44100,channels=4,channel-mask=(bitmask)0x0";
    play(&format!("{VIDEO} ! {H264} ! mux. {four} ! mux. matroskamux name=mux ! filesink location=\"{input}\""));
    let said = protected(&[&input, "-o", &output]);
    assert!(said.contains("sound: kept (PCM") && said.contains("written as AAC)"), "{said}");
    assert!(encoded_sound(&output).0.len() > 10);
    let said = protected(&[&input, "-o", &folder.path("out.mkv")]);
    assert!(said.contains("sound: kept as it was (PCM"), "{said}");

    for (encoder, name) in
        [("avenc_eac3", "E-AC-3"), ("flacenc", "FLAC"), ("alawenc", "A-law"), ("avenc_wmav2", "Windows")]
    {
        play(&format!(
            "{VIDEO} ! {H264} ! mux. {AUDIO} ! audioconvert ! audioresample ! {encoder} ! mux. matroskamux name=mux \
             ! filesink location=\"{input}\""
        ));
        let said = protected(&["-y", &input, "-o", &output]);
        assert!(
            said.contains(&format!("sound: kept ({name}")) && said.contains("written as AAC)"),
            "{encoder}: {said}"
        );
        assert!(encoded_sound(&output).0.len() > 10, "{encoder}");
    }
}

/// Some demuxers name their streams one after the other.
#[test]
fn containers_are_taken_apart_as_a_whole() {
    let folder = Folder::new();
    for muxer in ["flvmux", "avimux", "mpegtsmux", "qtmux", "3gppmux"] {
        let (input, output) = (folder.path(muxer), folder.path(&format!("{muxer}.mp4")));
        play(&format!(
            "{VIDEO} ! {H264} ! mux. {AUDIO} ! avenc_aac ! mux. {muxer} name=mux ! filesink location=\"{input}\""
        ));
        let said = protected(&[&input, "-o", &output]);
        assert!(said.contains("sound: kept as it was (AAC"), "{muxer}: {said}");
        assert_eq!(frames(&output).0.len(), 10, "{muxer}");
    }
}

/// The container has a track of sound in which there is nothing.
#[test]
fn empty_sound_is_left_out_and_a_file_cut_within_its_head_refused() {
    let folder = Folder::new();
    let (input, output) = (folder.path("clip.ts"), folder.path("out.mp4"));
    play(&format!(
        "{VIDEO} ! {H264} ! mux. {AUDIO} ! avenc_aac ! mux. mpegtsmux name=mux ! filesink location=\"{input}\""
    ));
    let whole = fs::read(&input).unwrap();
    let packets: Vec<_> = whole.chunks(188).collect();
    // The packets of the second stream go; the tables that announce it stay.
    let of = |packet: &[u8]| (u16::from(packet[1]) & 0x1f) << 8 | u16::from(packet[2]);
    let sound = packets.iter().map(|packet| of(packet)).filter(|id| (0x30..0x1fff).contains(id)).max().unwrap();
    let silent: Vec<u8> =
        packets.iter().filter(|packet| of(packet) != sound).flat_map(|packet| packet.to_vec()).collect();
    assert!(silent.len() < whole.len());
    fs::write(&input, silent).unwrap();
    let said = protected(&[&input, "-o", &output]);
    assert!(said.contains("sound: LEFT OUT") && said.contains("there is nothing in it"), "{said}");
    assert_eq!(frames(&output).0.len(), 10);

    let cut = folder.path("cut.mkv");
    play(&format!("{VIDEO} ! {H264} ! matroskamux ! filesink location=\"{cut}\""));
    let whole = fs::read(&cut).unwrap();
    let first = whole.windows(4).position(|bytes| bytes == [0x1f, 0x43, 0xb6, 0x75]).unwrap();
    fs::write(&cut, &whole[..first]).unwrap();
    let begun = std::time::Instant::now();
    refused(&["-y", &cut, "-o", &output], 1);
    assert!(begun.elapsed().as_secs() < 30, "given up by the watchdog");
}

#[test]
fn all_tracks_are_kept_with_their_languages_and_an_undecodable_one_is_named() {
    let folder = Folder::new();
    let (input, output) = (folder.path("clip.mp4"), folder.path("out.mp4"));
    play(&format!(
        "{VIDEO} ! {H264} ! mux. {AUDIO} ! taginject tags=\"language-code=de\" ! avenc_aac ! mux. \
         {TRACK} ! taginject tags=\"language-code=fr\" ! avenc_aac ! mux. mp4mux name=mux ! filesink location=\"{input}\""
    ));
    let said = protected(&[&input, "-o", &output]);
    assert!(said.contains("kept as it was (AAC, de)") && said.contains("kept as it was (AAC, fr)"), "{said}");
    let again = protected(&[&output, "-o", &folder.path("again.mp4")]);
    assert!(again.contains("(AAC, de)") && again.contains("(AAC, fr)"), "the output has lost them: {again}");

    // The second track becomes one that nobody knows, as some phones have.
    let mut unknown = fs::read(&input).unwrap();
    let at = unknown.windows(4).rposition(|window| window == b"mp4a").unwrap();
    unknown[at..at + 4].copy_from_slice(b"apac");
    fs::write(&input, unknown).unwrap();
    let said = protected(&["-y", &input, "-o", &output]);
    assert!(said.contains("sound: LEFT OUT (audio/x-gst-fourcc-apac"), "{said}");
    assert!(said.contains("sound: kept as it was (AAC, de)"), "{said}");
    assert_eq!(frames(&output).0.len(), 10);
}

#[test]
fn further_videos_are_protected_and_subtitles_kept_unless_told_otherwise() {
    let folder = Folder::new();
    let (input, output) = (folder.path("clip.mkv"), folder.path("out.mkv"));
    let subtitles = folder.path("g.srt");
    fs::write(&subtitles, "1\n00:00:00,000 --> 00:00:05,000\nTom & Jerry\n").unwrap();
    play(&format!(
        "{VIDEO} ! {H264} ! mux. {VIDEO} ! {H264} ! mux. filesrc location=\"{subtitles}\" ! subparse ! mux. \
         matroskamux name=mux ! filesink location=\"{input}\""
    ));
    let said = protected(&[&input, "-o", &output]);
    assert_eq!(said.matches("video: protected (H.264").count(), 2, "{said}");
    assert!(said.contains("subtitles: kept as it was (text"), "{said}");
    let again = protected(&[&output, "-o", &folder.path("again.mkv")]);
    assert_eq!(again.matches("video: protected").count() + again.matches("subtitles: kept").count(), 3, "{again}");
    let text = |path: &str| buffers(&format!("filesrc location=\"{path}\" ! matroskademux ! text/x-raw")).0;
    let words = String::from_utf8(text(&folder.path("again.mkv")).concat()).unwrap();
    // The demuxer gives it with escapes.
    assert!(words.contains("Tom &amp; Jerry"), "{words}");
    let said = protected(&["--strip", &input, "-o", &folder.path("bare.mkv")]);
    assert!(said.contains("video: LEFT OUT (H.264)") && said.contains("subtitles: LEFT OUT (text"), "{said}");
    assert_eq!(frames(&folder.path("bare.mkv")).0.len(), 10);
    let said = protected(&[&input, "-o", &folder.path("out.mp4")]);
    assert_eq!(said.matches("video: protected").count() + said.matches("subtitles: kept").count(), 3, "{said}");
}

#[test]
fn chapters_are_kept_where_the_container_holds_them() {
    let folder = Folder::new();
    let input = folder.path("clip.mkv");
    let pipeline = format!("{VIDEO} ! {H264} ! matroskamux name=mux ! filesink location=\"{input}\"");
    let pipeline = gst::parse::launch(&pipeline).unwrap().downcast::<gst::Pipeline>().unwrap();
    let mut toc = gst::Toc::new(gst::TocScope::Global);
    let mut edition = gst::TocEntry::new(gst::TocEntryType::Edition, "1");
    let mut chapter = gst::TocEntry::new(gst::TocEntryType::Chapter, "2");
    chapter.get_mut().unwrap().set_start_stop_times(0, 200_000_000);
    edition.get_mut().unwrap().append_sub_entry(chapter);
    toc.get_mut().unwrap().append_entry(edition);
    let muxer = pipeline.by_name("mux").unwrap().dynamic_cast::<gst::TocSetter>().unwrap();
    muxer.set_toc(Some(&toc));
    play_to_the_end(&pipeline);
    for (name, said, kept) in [("a.mkv", "chapters: kept as it was", true), ("a.mp4", "chapters: LEFT OUT", false)] {
        let output = folder.path(name);
        let told = protected(&[&input, "-o", &output]);
        assert!(told.contains(said), "{told}");
        assert_eq!(protected(&["-y", &output, "-o", &folder.path("again.mkv")]).contains("chapters"), kept);
    }
    assert!(protected(&["--strip", &input, "-o", &folder.path("b.mkv")]).contains("chapters: LEFT OUT"));
}

/// Sound many times as long as the picture; and a picture many times as long as the sound.
#[test]
fn the_end_of_the_video_is_the_end() {
    let folder = Folder::new();
    // More than five times as long, and MPEG-4's video counts as a preview.
    for (name, mux, buffers) in [("long.mp4", "mp4mux", 16), ("long.mkv", "matroskamux", 400)] {
        let (input, output) = (folder.path(name), folder.path(&format!("out-{name}")));
        play(&format!(
            "{VIDEO} ! {H264} ! mux. audiotestsrc num-buffers={buffers} samplesperbuffer=4410 ! audio/x-raw,rate=44100 \
             ! avenc_aac ! mux. {mux} name=mux ! filesink location=\"{input}\""
        ));
        protected(&[&input, "-o", &output]);
        assert_eq!(frames(&output).0.len(), 10);
        let packets = encoded_sound(&output).0.len();
        assert!((15..30).contains(&packets), "{name}: {packets} packets for two fifths of a second");
    }
    let (input, output) = (folder.path("short.mp4"), folder.path("out-short.mp4"));
    let video = VIDEO.replace("num-buffers=10", "num-buffers=100");
    play(&format!(
        "{video} ! {H264} ! mux. {AUDIO} ! avenc_aac ! mux. mp4mux name=mux ! filesink location=\"{input}\""
    ));
    protected(&[&input, "-o", &output]);
    assert_eq!(frames(&output).0.len(), 100);
}

#[test]
fn lists_of_files_are_not_followed() {
    let folder = Folder::new();
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    server.set_nonblocking(true).unwrap();
    let address = format!("http://{}/clip.mp4", server.local_addr().unwrap());
    let lists = [
        ("hls.mp4", format!("#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\n{address}\n#EXT-X-ENDLIST\n")),
        ("list.mp4", format!("{address}\n")),
        (
            "dash.mp4",
            format!(
                "<?xml version=\"1.0\"?>\n<MPD xmlns=\"urn:mpeg:dash:schema:mpd:2011\"><BaseURL>{address}</BaseURL></MPD>\n"
            ),
        ),
    ];
    for (name, content) in lists {
        let input = folder.path(name);
        fs::write(&input, content).unwrap();
        refused(&[&input, "-o", &folder.path("out.mp4")], 1);
    }
    let asked = server.accept().map(|_| ()).map_err(|error| error.kind());
    assert_eq!(asked, Err(ErrorKind::WouldBlock), "the network was asked");
}

#[test]
fn a_preview_is_the_beginning() {
    let folder = Folder::new();
    let input = folder.long_clip("clip.mp4", 4);
    protected(&["--preview", "0.4", &input, "-o", &folder.path("out/")]);
    assert_eq!(folder.files("out"), ["clip-protected-preview.mp4"]);
    let (frames, _) = buffers(&format!(
        "filesrc location=\"{}\" ! decodebin ! video/x-raw",
        folder.path("out/clip-protected-preview.mp4")
    ));
    assert_eq!(frames.len(), 10);
}
