// SPDX-License-Identifier: MIT OR Apache-2.0
//! What is installed, and how fast faces are protected on this machine.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use advjnd::{Error, Result};
use clap::Args;
use gst::prelude::*;
use gst_video::VideoFormat;
use image::RgbImage;
use image::imageops::replace;

use crate::machine::machine;
use crate::protect::start;

/// Elements of which one is needed, what for, and the package of Debian that brings the first.
const PARTS: [(&[&str], &str, &str); 12] = [
    (&["x264enc"], "write H.264", "gstreamer1.0-plugins-ugly"),
    (&["avenc_ffv1"], "write video without loss", "gstreamer1.0-libav"),
    (&["fdkaacenc", "avenc_aac", "voaacenc"], "write AAC", "gstreamer1.0-libav"),
    (&["mp4mux"], "write .mp4", "gstreamer1.0-plugins-good"),
    (&["matroskamux"], "write .mkv", "gstreamer1.0-plugins-good"),
    (&["parsebin"], "read files", "gstreamer1.0-plugins-base"),
    (&["capssetter"], "keep subtitles", "gstreamer1.0-plugins-good"),
    (&["h264parse"], "read and write H.264", "gstreamer1.0-plugins-bad"),
    (&["avdec_h264", "openh264dec"], "read H.264", "gstreamer1.0-libav"),
    (&["avdec_h265", "libde265dec"], "read HEVC", "gstreamer1.0-libav"),
    (&["vp9dec", "avdec_vp9"], "read VP9", "gstreamer1.0-plugins-good"),
    (&["av1dec", "dav1ddec", "avdec_av1"], "read AV1", "gstreamer1.0-plugins-bad"),
];
const PRESETS: [&str; 4] = ["invisible", "balanced", "strong", "natural"];
/// A face of an aligned photograph (public domain, NASA).
const FACE: &[u8] = include_bytes!("../assets/astronaut.png");
const SIZE: (u32, u32) = (1280, 720);
/// Frames before the clock starts: the face is found and its first perturbation is there.
const WARM_UP: u32 = 12;
const FRAMES: u32 = 24;
/// A frame's time at 30 frames a second.
const LIVE: Duration = Duration::from_nanos(1_000_000_000 / 30);

/// Checks what is installed, and how fast this machine protects faces.
#[derive(Args)]
pub struct Doctor {
    /// Device that runs the recognisers: cpu, auto, gpu or gpu:N
    #[arg(long, value_name = "DEVICE", default_value = "cpu")]
    device: String,
    /// Skip the measurement of speed
    #[arg(long)]
    quick: bool,
}

impl Doctor {
    /// The text.
    ///
    /// # Errors
    /// [`Error::Input`] where GStreamer does not start, or the device cannot be had.
    pub fn run(self) -> Result<String> {
        start()?;
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let mut text = format!(
            "advjnd {}, {}\nprocessor: {}\n",
            env!("CARGO_PKG_VERSION"),
            gst::version_string(),
            machine(threads)
        );
        for (elements, purpose, package) in PARTS {
            let found = elements.iter().find(|element| gst::ElementFactory::find(element).is_some());
            let line = found.map_or(format!("MISSING: apt install {package}"), |element| format!("ok ({element})"));
            // Writing to a string does not fail.
            let _ = writeln!(text, "{purpose}: {line}");
        }
        if !self.quick {
            self.speed(&mut text)?;
        }
        Ok(text)
    }

    fn speed(&self, text: &mut String) -> Result<()> {
        let cover = Trial::run(&self.device, &[("mode", "cover")])?;
        let _ = writeln!(
            text,
            "{}x{}, one face, device {}: {:.1} ms a frame to find and cover it",
            SIZE.0,
            SIZE.1,
            cover.device,
            ms(cover.frame)
        );
        for preset in PRESETS {
            let [one, four] = ["1", "4"]
                .map(|iterations| Trial::run(&self.device, &[("preset", preset), ("max-iterations", iterations)]));
            let (one, four) = (one?, four?);
            let more = four.frame.saturating_sub(one.frame).as_secs_f64() / (four.iterations - one.iterations).max(0.1);
            let live = if one.frame <= LIVE { "live at 30 fps" } else { "too slow for 30 fps live" };
            let _ = writeln!(
                text,
                "preset {preset}: {:.1} ms a frame with one iteration ({live}), {:.0} iterations a second more",
                ms(one.frame),
                1.0 / more.max(1e-6)
            );
        }
        Ok(())
    }
}

/// How long frames took, one after the other.
struct Trial {
    /// Of a frame.
    frame: Duration,
    /// Iterations in a frame, on average.
    iterations: f64,
    /// What computed them.
    device: String,
}

impl Trial {
    /// Puts a face that moves through an element with these properties.
    fn run(device: &str, properties: &[(&str, &str)]) -> Result<Self> {
        let broken = |error: glib::BoolError| Error::input(format!("the trial cannot be made: {error}"));
        let face = image::load_from_memory(FACE).map_err(|error| Error::input(format!("the face: {error}")))?.to_rgb8();
        let element =
            gst::ElementFactory::make("advjndprotect").property("look-ahead", 0_u32).build().map_err(broken)?;
        element.set_property_from_str("device", device);
        properties.iter().for_each(|(name, value)| element.set_property_from_str(name, value));
        let info = gst_video::VideoInfo::builder(VideoFormat::Rgb, SIZE.0, SIZE.1);
        let info = info.fps(gst::Fraction::new(30, 1)).build().map_err(broken)?;
        let source =
            gst_app::AppSrc::builder().caps(&info.to_caps().map_err(broken)?).format(gst::Format::Time).build();
        let sink = gst_app::AppSink::builder().sync(false).build();
        let pipeline = gst::Pipeline::new();
        pipeline.add_many([source.upcast_ref(), &element, sink.upcast_ref()]).map_err(broken)?;
        gst::Element::link_many([source.upcast_ref(), &element, sink.upcast_ref()]).map_err(broken)?;
        // Why it does not start is told where no frame comes.
        let _ = pipeline.set_state(gst::State::Playing);
        let (mut begun, mut before) = (Instant::now(), 0);
        let mut result = Ok(());
        for index in 0..WARM_UP + FRAMES {
            if index == WARM_UP {
                (begun, before) = (Instant::now(), iterations(&element));
            }
            let _ = source.push_buffer(frame(&face, index));
            if sink.pull_sample().is_err() {
                let why = advjnd_media::fault(&pipeline);
                result = Err(why.unwrap_or_else(|| Error::input("no frame of the trial came out")));
                break;
            }
        }
        let (frame, count) = (begun.elapsed() / FRAMES, iterations(&element) - before);
        let stats: gst::Structure = element.property("stats");
        let _ = pipeline.set_state(gst::State::Null);
        result?;
        let device = stats.get("device").unwrap_or_default();
        Ok(Self { frame, iterations: count as f64 / f64::from(FRAMES), device })
    }
}

fn ms(time: Duration) -> f64 {
    1e3 * time.as_secs_f64()
}

fn iterations(element: &gst::Element) -> u64 {
    element.property::<gst::Structure>("stats").get("iterations").unwrap_or_default()
}

/// A frame of grey with the face, a pixel further than in the frame before.
fn frame(face: &RgbImage, index: u32) -> gst::Buffer {
    let mut picture = RgbImage::from_pixel(SIZE.0, SIZE.1, image::Rgb([112; 3]));
    replace(&mut picture, face, i64::from(500 + index), 250);
    let mut buffer = gst::Buffer::from_mut_slice(picture.into_raw());
    if let Some(buffer) = buffer.get_mut() {
        buffer.set_pts(u64::from(index) * gst::ClockTime::SECOND / 30);
        buffer.set_duration(gst::ClockTime::SECOND / 30);
    }
    buffer
}
