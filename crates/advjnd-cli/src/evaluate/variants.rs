// SPDX-License-Identifier: MIT OR Apache-2.0
//! What becomes of the filter's output on its way to who looks at it.

use std::fmt::{Display, Formatter, Result as FmtResult};

use advjnd::{Error, Result};

use super::average::average;

/// Name of the variant in which nothing becomes of it.
const OUTPUT: &str = "output";
const H264: &str = "crf";
const VP9: &str = "vp9-";
const JPEG: &str = "jpeg";
const SCALE: &str = "scale";
const BLUR: &str = "blur";
const AVERAGE: &str = "average";

/// What the steps need beyond GStreamer's core, and where Debian keeps it.
pub const PACKAGES: [(&str, &str); 8] = [
    ("x264enc", "gstreamer1.0-plugins-ugly"),
    ("h264parse", "gstreamer1.0-plugins-bad"),
    ("avdec_h264", "gstreamer1.0-libav"),
    ("vp9enc", "gstreamer1.0-plugins-good"),
    ("vp9dec", "gstreamer1.0-plugins-good"),
    ("jpegenc", "gstreamer1.0-plugins-good"),
    ("videoscale", "gstreamer1.0-plugins-base"),
    ("gaussianblur", "gstreamer1.0-plugins-bad"),
];

/// Steps, one after the other; none: the frames as the filter put them out.
#[derive(Debug, Clone, PartialEq)]
pub struct Variant(Vec<Step>);

#[derive(Debug, Clone, Copy, PartialEq)]
enum Step {
    /// x264, medium, constant rate factor.
    H264(u32),
    /// libvpx, good quality, constant quality.
    Vp9(u32),
    /// Every frame a JPEG, chroma not reduced.
    Jpeg(u32),
    /// Both sides times this, Lanczos.
    Scale(f32),
    /// A Gaussian of this standard deviation, pixels.
    Blur(f32),
    /// The mean of so many frames, of which the frame is the last; at the start of fewer.
    Average(u32),
}

impl Variant {
    /// Reads `output`, or steps joined by `+`: `crf23`, `vp9-32`, `jpeg75`, `scale0.5`, `blur1`, `average5`.
    ///
    /// # Errors
    /// [`Error::Input`] names what is no step.
    pub fn parse(text: &str) -> Result<Self> {
        if text == OUTPUT {
            return Ok(Self(Vec::new()));
        }
        text.split('+').map(Step::parse).collect::<Result<_>>().map(Self)
    }

    /// Whether nothing becomes of it.
    pub fn is_nothing(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether there is an encoder in it, whose bytes can be counted.
    pub fn is_coded(&self) -> bool {
        self.0.iter().any(Step::is_coded)
    }

    /// The elements that do it to frames of `size`, each with ` ! ` in front; an `identity` named `coded` stands
    /// behind the last encoder. [`prepare`](Self::prepare) does the rest.
    pub fn elements(&self, size: [usize; 2]) -> String {
        let last = self.0.iter().rposition(Step::is_coded);
        let mut scale = 1.0;
        let steps = self.0.iter().enumerate().map(|(index, step)| {
            if let Step::Scale(factor) = step {
                scale *= factor;
            }
            step.elements(index, size.map(|side| even(scale * side as f32)), last == Some(index))
        });
        steps.collect()
    }

    /// Has the [`elements`](Self::elements) of `pipeline` do what GStreamer has no element for.
    ///
    /// # Errors
    /// [`Error::Input`] where the pipeline does not have them.
    pub fn prepare(&self, pipeline: &gst::Pipeline) -> Result<()> {
        for (index, step) in self.0.iter().enumerate() {
            if let Step::Average(frames) = step {
                average(pipeline, &averaged(index), *frames as usize)?;
            }
        }
        Ok(())
    }
}

/// Name of the element behind which the step `index` averages frames.
fn averaged(index: usize) -> String {
    format!("{AVERAGE}{index}")
}

impl Display for Variant {
    fn fmt(&self, f: &mut Formatter<'_>) -> FmtResult {
        if self.0.is_empty() {
            return f.write_str(OUTPUT);
        }
        for (index, step) in self.0.iter().enumerate() {
            let joint = if index > 0 { "+" } else { "" };
            match step {
                Step::H264(factor) => write!(f, "{joint}{H264}{factor}")?,
                Step::Vp9(level) => write!(f, "{joint}{VP9}{level}")?,
                Step::Jpeg(quality) => write!(f, "{joint}{JPEG}{quality}")?,
                Step::Scale(factor) => write!(f, "{joint}{SCALE}{factor}")?,
                Step::Blur(deviation) => write!(f, "{joint}{BLUR}{deviation}")?,
                Step::Average(frames) => write!(f, "{joint}{AVERAGE}{frames}")?,
            }
        }
        Ok(())
    }
}

impl Step {
    fn parse(text: &str) -> Result<Self> {
        let number = |name: &str, range: std::ops::RangeInclusive<u32>| {
            text.strip_prefix(name).and_then(|number| number.parse().ok()).filter(|number| range.contains(number))
        };
        let real = |name: &str, range: std::ops::RangeInclusive<f32>| {
            text.strip_prefix(name).and_then(|number| number.parse().ok()).filter(|number| range.contains(number))
        };
        number(H264, 0..=51)
            .map(Self::H264)
            .or_else(|| number(VP9, 0..=63).map(Self::Vp9))
            .or_else(|| number(JPEG, 1..=100).map(Self::Jpeg))
            .or_else(|| real(SCALE, 0.1..=1.0).map(Self::Scale))
            .or_else(|| real(BLUR, 0.1..=20.0).map(Self::Blur))
            .or_else(|| number(AVERAGE, 2..=30).map(Self::Average))
            .ok_or_else(|| {
                Error::input(format!(
                    "`{text}` is no step; take {OUTPUT}, or of {H264}0..51, {VP9}0..63, {JPEG}1..100, {SCALE}0.1..1, \
                     {BLUR}0.1..20 and {AVERAGE}2..30 one or several joined by +"
                ))
            })
    }

    /// Whether it is an encoder.
    fn is_coded(&self) -> bool {
        matches!(self, Self::H264(_) | Self::Vp9(_) | Self::Jpeg(_))
    }

    /// To `size`, if it is a change of size.
    fn elements(self, index: usize, [width, height]: [usize; 2], counted: bool) -> String {
        let coded = if counted { " ! identity name=coded" } else { "" };
        match self {
            // Without a buffer to keep to, x264's rate factor is the only bound.
            Self::H264(factor) => format!(
                " ! x264enc pass=qual quantizer={factor} speed-preset=medium vbv-buf-capacity=0 ! \
                 video/x-h264,profile=high{coded} ! h264parse ! avdec_h264"
            ),
            Self::Vp9(level) => format!(
                " ! vp9enc end-usage=cq cq-level={level} target-bitrate=100000000 deadline=1000000 cpu-used=4{coded} ! \
                 vp9dec"
            ),
            // jpegenc takes limited range for full, and GStreamer 1.22 loses a level where it turns one into the other.
            Self::Jpeg(quality) => format!(
                " ! videoconvert dither=none ! video/x-raw,format=RGB ! jpegenc quality={quality} idct-method=islow{coded} \
                 ! jpegdec idct-method=islow"
            ),
            Self::Scale(_) => {
                format!(" ! videoscale method=lanczos add-borders=false ! video/x-raw,width={width},height={height}")
            }
            Self::Blur(deviation) => {
                format!(" ! videoconvert dither=none ! gaussianblur sigma={deviation} ! videoconvert dither=none")
            }
            Self::Average(_) => {
                format!(" ! videoconvert dither=none ! video/x-raw,format=RGB ! identity name={}", averaged(index))
            }
        }
    }
}

/// The nearest even number of pixels, at least two.
fn even(side: f32) -> usize {
    2 * ((side / 2.0).round() as usize).max(1)
}
