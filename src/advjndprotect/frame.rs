// SPDX-License-Identifier: MIT OR Apache-2.0
//! Buffers of GStreamer as frames of the core: formats, colorimetry, planes.
//!
//! The planes are cut from the buffer's memory here, not by `GstVideoFrame`: its slices are `stride × height` bytes
//! long even if the memory is shorter, and a `GstVideoMeta` of another format makes it fail an assertion. Here every
//! plane is checked to lie inside the memory and apart from the others.
//!
//! A buffer may hold a larger picture than its caps say (a `GstVideoCropMeta` marks the visible part); the frame is the
//! whole picture.

use advjnd::frame::{DeepFormat, Narrowed};
use advjnd::{Colorimetry, Error, FrameMut, Matrix, PixelFormat, PlaneMut, Result};
use gst_video::{
    VideoCapsBuilder, VideoColorMatrix, VideoColorRange, VideoFormat, VideoInfo, VideoInterlaceMode, VideoMeta,
};

use super::formats::{DEEP_FORMATS, FORMATS};

/// The caps of both pads, progressive first so that it is preferred. Interlaced video links, too, and then gets the
/// [`refusal`], which says what to put in front; a failed link would say nothing.
pub(super) fn caps() -> gst::Caps {
    let any = || VideoCapsBuilder::new().format_list(formats());
    let mut caps = any().field("interlace-mode", VideoInterlaceMode::Progressive.to_str()).build();
    caps.merge(any().build());
    caps
}

/// Why video of these caps is refused, and what to do about it; `None` if it is accepted.
pub(super) fn refusal(info: &VideoInfo) -> Option<gst::ErrorMessage> {
    if info.interlace_mode() != VideoInterlaceMode::Progressive {
        return Some(gst::error_msg!(
            gst::StreamError::Format,
            (
                "Video with interlace-mode {} is refused, for faces that move would be missed; put deinterlace in \
                 front",
                info.interlace_mode().to_str()
            )
        ));
    }
    let (width, height) = (i64::from(info.par().numer()), i64::from(info.par().denom()));
    // One side of the pixel is more than one and a half times the other.
    (2 * width.max(height) > 3 * width.min(height)).then(|| {
        gst::error_msg!(
            gst::StreamError::Format,
            ("Video with pixel-aspect-ratio {width}/{height} is refused, for faces that are squeezed would be \
                 missed; put videoscale ! video/x-raw,pixel-aspect-ratio=1/1 in front")
        )
    })
}

/// Maps `buffer` and runs `work` on it as a frame of the core.
///
/// # Errors
/// [`Error::Input`] if the buffer cannot be written, or does not hold the frame that `info` (or its own `GstVideoMeta`)
/// describes; errors of `work`.
pub(super) fn with_frame<R>(
    buffer: &mut gst::BufferRef,
    info: &VideoInfo,
    work: impl FnOnce(&mut FrameMut<'_>) -> Result<R>,
) -> Result<R> {
    let format = Samples::of(info.format())?;
    let (layout, width, height) = layout(buffer, info)?;
    let mut map = buffer
        .map_writable()
        .map_err(|_| Error::input("the buffer cannot be mapped for writing; put a copying element in front"))?;
    let mut planes = cut(map.as_mut_slice(), &layout)?;
    let (colorimetry, width, height) = (colorimetry(info), width as usize, height as usize);
    match format {
        Samples::Of8Bits(format) => work(&mut FrameMut::new(format, colorimetry, width, height, planes)?),
        Samples::Of10Bits(format) => {
            let mut narrowed = Narrowed::read(format, width, height, &planes)?;
            let result = work(&mut narrowed.frame(colorimetry)?)?;
            narrowed.write(&mut planes);
            Ok(result)
        }
    }
}

/// How the core handles the samples of a format.
enum Samples {
    Of8Bits(PixelFormat),
    Of10Bits(DeepFormat),
}

impl Samples {
    fn of(format: VideoFormat) -> Result<Self> {
        let narrow = FORMATS.iter().find(|(ours, _)| *ours == format).map(|(_, core)| Self::Of8Bits(*core));
        let deep = || DEEP_FORMATS.iter().find(|(ours, _)| *ours == format).map(|(_, core)| Self::Of10Bits(*core));
        let unknown = || Error::input(format!("format {format} is not supported; convert with videoconvert"));
        narrow.or_else(deep).ok_or_else(unknown)
    }
}

/// Offset and stride of each plane.
type Layout = Vec<(usize, usize)>;

/// All formats, best first.
fn formats() -> impl Iterator<Item = VideoFormat> {
    FORMATS.iter().map(|(format, _)| *format).chain(DEEP_FORMATS.iter().map(|(format, _)| *format))
}

/// Width and height of the picture in `buffer`, by its own `GstVideoMeta` if it has one, else by the caps.
pub(super) fn size(buffer: &gst::BufferRef, info: &VideoInfo) -> (u32, u32) {
    buffer.meta::<VideoMeta>().map_or((info.width(), info.height()), |meta| (meta.width(), meta.height()))
}

/// The layout, width and height of the picture, by the buffer's own `GstVideoMeta` if it has one, else by the caps.
fn layout(buffer: &gst::BufferRef, info: &VideoInfo) -> Result<(Layout, u32, u32)> {
    let pair = |(offset, stride): (&usize, &i32)| match usize::try_from(*stride) {
        Ok(stride) => Ok((*offset, stride)),
        Err(_) => Err(Error::input(format!("rows from bottom to top (stride {stride}) are not supported"))),
    };
    let (width, height) = size(buffer, info);
    let Some(meta) = buffer.meta::<VideoMeta>() else {
        let layout: Result<Layout> = info.offset().iter().zip(info.stride()).map(pair).collect();
        return Ok((layout?, width, height));
    };
    if meta.format() != info.format() || meta.width() < info.width() || meta.height() < info.height() {
        return Err(Error::input(format!(
            "the buffer is marked as {}x{} {}, its caps say {}x{} {}",
            meta.width(),
            meta.height(),
            meta.format(),
            info.width(),
            info.height(),
            info.format()
        )));
    }
    let layout: Result<Layout> = meta.offset().iter().zip(meta.stride()).map(pair).collect();
    Ok((layout?, width, height))
}

/// Splits `data` where the planes start; a plane reaches up to the next one in memory.
fn cut<'a>(data: &'a mut [u8], layout: &Layout) -> Result<Vec<PlaneMut<'a>>> {
    let size = data.len();
    let mut last_first: Vec<usize> = (0..layout.len()).collect();
    last_first.sort_by_key(|plane| std::cmp::Reverse(layout[*plane].0));
    let mut head = data;
    let mut planes = Vec::with_capacity(layout.len());
    for plane in last_first {
        let (offset, stride) = layout[plane];
        let (rest, data) = head.split_at_mut_checked(offset).ok_or_else(|| {
            Error::input(format!(
                "plane {plane} starts at byte {offset} of a buffer of {size}: the buffer is too short"
            ))
        })?;
        head = rest;
        planes.push((plane, PlaneMut { data, stride }));
    }
    planes.sort_by_key(|(plane, _)| *plane);
    Ok(planes.into_iter().map(|(_, plane)| plane).collect())
}

fn colorimetry(info: &VideoInfo) -> Colorimetry {
    let matrix = match info.colorimetry().matrix() {
        VideoColorMatrix::Bt709 | VideoColorMatrix::Smpte240m => Matrix::Bt709,
        VideoColorMatrix::Bt2020 => Matrix::Bt2020,
        _ => Matrix::Bt601,
    };
    Colorimetry { matrix, full_range: info.colorimetry().range() == VideoColorRange::Range0_255 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_those_of_the_core_without_alpha() {
        let alpha = [PixelFormat::Rgba, PixelFormat::Bgra, PixelFormat::Argb, PixelFormat::Abgr];
        let opaque = PixelFormat::ALL.into_iter().filter(|format| !alpha.contains(format));
        assert!(FORMATS.into_iter().map(|(_, core)| core).eq(opaque));
    }

    #[test]
    fn planes_are_cut_in_memory_order_and_returned_in_their_own() {
        let mut data: Vec<u8> = (0..10).collect();
        let planes = cut(&mut data, &vec![(0, 4), (7, 2), (4, 2)]).unwrap();
        let bytes: Vec<&[u8]> = planes.iter().map(|plane| &*plane.data).collect();
        assert_eq!(bytes, [&[0, 1, 2, 3][..], &[7, 8, 9], &[4, 5, 6]]);
    }

    #[test]
    fn a_plane_beyond_the_memory_is_an_error() {
        let mut data = vec![0; 10];
        let error = cut(&mut data, &vec![(0, 4), (11, 2)]).unwrap_err();
        assert!(error.to_string().contains("too short"), "{error}");
    }
}
