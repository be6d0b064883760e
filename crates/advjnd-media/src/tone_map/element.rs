// SPDX-License-Identifier: MIT OR Apache-2.0
//! The element that maps the light of each pixel.

use std::sync::{LazyLock, OnceLock};

use glib::subclass::prelude::*;
use gst::subclass::prelude::*;
use gst_base::subclass::BaseTransformMode;
use gst_base::subclass::prelude::*;
use gst_video::prelude::*;
use gst_video::subclass::prelude::*;
use gst_video::{VideoCapsBuilder, VideoFormat};

use super::HighRange;
use super::light::{PEAK, compressed, hlg_gain, of_hlg, of_pq, to_bt709, to_standard};

/// Steps of the tables that are looked up by the square root of a light.
const STEPS: usize = 4096;
/// R'G'B' of full range, BT.709 primaries and transfer.
const BT709: &str = "1:1:5:1";

glib::wrapper! {
    /// Maps R'G'B' of high dynamic range to R'G'B' of standard range.
    pub struct ToneMap(ObjectSubclass<Inner>)
        @extends gst_video::VideoFilter, gst_base::BaseTransform, gst::Element, gst::Object;
}

impl ToneMap {
    /// For video of this kind.
    pub fn new(kind: HighRange) -> Self {
        let this: Self = glib::Object::new();
        // Nothing else sets it.
        let _ = this.imp().tables.set(Tables::new(kind));
        this
    }
}

/// What each number means, and what each light becomes.
struct Tables {
    kind: HighRange,
    /// Light by number: of the display, or of the scene for HLG.
    light: Vec<f32>,
    /// What light is multiplied with, by the square root of its share of [`PEAK`].
    gain: Vec<f32>,
    /// The number of standard range, by the square root of its share of the brightest light.
    number: Vec<u8>,
}

impl Tables {
    fn new(kind: HighRange) -> Self {
        let of = match kind {
            HighRange::Pq => of_pq,
            HighRange::Hlg => of_hlg,
        };
        let share = |step: usize| (step as f32 / (STEPS - 1) as f32).powi(2);
        let brightest = compressed(PEAK);
        Self {
            kind,
            light: (0..=u16::MAX).map(|number| of(f32::from(number) / f32::from(u16::MAX))).collect(),
            gain: (0..STEPS).map(|step| PEAK * share(step).max(1e-9)).map(|light| compressed(light) / light).collect(),
            number: (0..STEPS).map(|step| (255.0 * to_standard(brightest * share(step))).round() as u8).collect(),
        }
    }

    /// A pixel of standard range for one of high range, both R', G', B'.
    fn map(&self, numbers: [u16; 3]) -> [u8; 3] {
        let mut light = numbers.map(|number| self.light.get(usize::from(number)).copied().unwrap_or_default());
        if self.kind == HighRange::Hlg {
            let gain = hlg_gain(light);
            light = light.map(|light| light * gain);
        }
        let brightest = light.into_iter().fold(0.0_f32, f32::max);
        let gain = at(&self.gain, brightest / PEAK) * (PEAK / brightest.max(PEAK));
        let white = compressed(PEAK);
        to_bt709(light).map(|light| at(&self.number, light * gain / white))
    }
}

/// The entry of `table` for a share of the greatest light.
fn at<T: Copy + Default>(table: &[T], share: f32) -> T {
    let step = (share.clamp(0.0, 1.0).sqrt() * (STEPS - 1) as f32).round() as usize;
    table.get(step).copied().unwrap_or_default()
}

#[derive(Default)]
pub struct Inner {
    tables: OnceLock<Tables>,
}

#[glib::object_subclass]
impl ObjectSubclass for Inner {
    const NAME: &'static str = "AdvjndToneMap";
    type Type = ToneMap;
    type ParentType = gst_video::VideoFilter;
}

impl ObjectImpl for Inner {}
impl GstObjectImpl for Inner {}

impl ElementImpl for Inner {
    fn pad_templates() -> &'static [gst::PadTemplate] {
        static TEMPLATES: LazyLock<Vec<gst::PadTemplate>> = LazyLock::new(|| {
            let of = |name, direction, format| {
                let caps = VideoCapsBuilder::new().format(format).build();
                gst::PadTemplate::new(name, direction, gst::PadPresence::Always, &caps)
            };
            let sink = of("sink", gst::PadDirection::Sink, VideoFormat::Argb64Le);
            let source = of("src", gst::PadDirection::Src, VideoFormat::Rgbx);
            [sink, source].into_iter().filter_map(Result::ok).collect()
        });
        TEMPLATES.as_ref()
    }
}

impl BaseTransformImpl for Inner {
    const MODE: BaseTransformMode = BaseTransformMode::NeverInPlace;
    const PASSTHROUGH_ON_SAME_CAPS: bool = false;
    const TRANSFORM_IP_ON_PASSTHROUGH: bool = false;

    fn transform_caps(
        &self,
        direction: gst::PadDirection,
        caps: &gst::Caps,
        filter: Option<&gst::Caps>,
    ) -> Option<gst::Caps> {
        let mut other = caps.copy();
        for structure in other.make_mut().iter_mut() {
            structure.remove_field("colorimetry");
            if direction == gst::PadDirection::Sink {
                structure.set("format", VideoFormat::Rgbx.to_str());
                structure.set("colorimetry", BT709);
            } else {
                structure.set("format", VideoFormat::Argb64Le.to_str());
            }
        }
        Some(match filter {
            Some(filter) => filter.intersect_with_mode(&other, gst::CapsIntersectMode::First),
            None => other,
        })
    }
}

impl VideoFilterImpl for Inner {
    fn transform_frame(
        &self,
        from: &gst_video::VideoFrameRef<&gst::BufferRef>,
        to: &mut gst_video::VideoFrameRef<&mut gst::BufferRef>,
    ) -> Result<gst::FlowSuccess, gst::FlowError> {
        let tables = self.tables.get().ok_or(gst::FlowError::NotNegotiated)?;
        let stride = |strides: &[i32]| strides.first().and_then(|stride| usize::try_from(*stride).ok());
        let (width, strides) = (from.width() as usize, stride(from.plane_stride()).zip(stride(to.plane_stride())));
        let (from_stride, to_stride) = strides.ok_or(gst::FlowError::Error)?;
        let rows = from.plane_data(0).map_err(|_| gst::FlowError::Error)?.chunks(from_stride);
        let height = to.height() as usize;
        let into = to.plane_data_mut(0).map_err(|_| gst::FlowError::Error)?.chunks_mut(to_stride);
        for (row, into) in rows.zip(into).take(height) {
            for (pixel, into) in row.chunks_exact(8).zip(into.chunks_exact_mut(4)).take(width) {
                let [_, _, r0, r1, g0, g1, b0, b1] = pixel else { continue };
                let numbers = [[*r0, *r1], [*g0, *g1], [*b0, *b1]].map(u16::from_le_bytes);
                if let [red, green, blue, _] = into {
                    [*red, *green, *blue] = tables.map(numbers);
                }
            }
        }
        Ok(gst::FlowSuccess::Ok)
    }
}
