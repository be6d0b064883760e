// SPDX-License-Identifier: MIT OR Apache-2.0
//! Memory layouts of frames: which samples a format has, and where they lie in its planes.

use super::Rect;

/// Memory layout of a frame, named as GStreamer names its video formats.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PixelFormat {
    /// Planar Y, Cb, Cr, chroma halved in both directions.
    I420,
    /// As `I420` with Cr before Cb.
    Yv12,
    /// Plane of Y, plane of interleaved Cb and Cr, chroma halved in both directions.
    Nv12,
    /// As `Nv12` with Cr before Cb.
    Nv21,
    /// Planar Y, Cb, Cr, chroma halved across.
    Y42b,
    /// Plane of Y, plane of interleaved Cb and Cr, chroma halved across.
    Nv16,
    /// One plane of Y, Cb, Y, Cr: two pixels in four bytes.
    Yuy2,
    /// One plane of Cb, Y, Cr, Y: two pixels in four bytes.
    Uyvy,
    /// Planar Y, Cb, Cr, all of full resolution.
    Y444,
    /// Three bytes a pixel.
    Rgb,
    /// Three bytes a pixel.
    Bgr,
    /// Four bytes a pixel, alpha last.
    Rgba,
    /// Four bytes a pixel, alpha last.
    Bgra,
    /// Four bytes a pixel, alpha first.
    Argb,
    /// Four bytes a pixel, alpha first.
    Abgr,
    /// Four bytes a pixel, padding last.
    Rgbx,
    /// Four bytes a pixel, padding last.
    Bgrx,
    /// Four bytes a pixel, padding first.
    Xrgb,
    /// Four bytes a pixel, padding first.
    Xbgr,
    /// One plane of Y, without colour.
    Gray8,
}

/// Where the samples of one kind lie: every `step`-th byte of the rows of a plane, from `offset` on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Channel {
    pub plane: usize,
    pub offset: usize,
    pub step: usize,
}

impl Channel {
    /// The byte of sample `x` in a row of its plane.
    #[inline(always)]
    pub fn at(self, x: usize) -> usize {
        x * self.step + self.offset
    }
}

/// The directions with one sample for two pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Halved {
    pub across: bool,
    pub down: bool,
}

impl Halved {
    const ACROSS: Self = Self { across: true, down: false };
    const BOTH: Self = Self { across: true, down: true };

    /// Pixels per sample, across and down: 1 or 2.
    pub fn pixels(self) -> (usize, usize) {
        (1 + usize::from(self.across), 1 + usize::from(self.down))
    }

    /// The samples that the pixels of `rect` touch.
    pub fn rect(self, rect: Rect) -> Rect {
        let (across, down) = self.pixels();
        let (x, y) = (rect.x / across, rect.y / down);
        let (right, bottom) = ((rect.x + rect.width).div_ceil(across), (rect.y + rect.height).div_ceil(down));
        Rect { x, y, width: right - x, height: bottom - y }
    }
}

/// The chroma of Y'CbCr.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Chroma {
    /// Cb and Cr.
    pub channels: [Channel; 2],
    pub halved: Halved,
}

/// The samples of a format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Layout {
    Yuv {
        luma: Channel,
        /// None in formats without colour, in which Cb and Cr count as 128.
        chroma: Option<Chroma>,
    },
    /// R', G', B'.
    Rgb([Channel; 3]),
}

impl Layout {
    /// Every channel, and its resolution: Y, Cb, Cr or R, G, B.
    pub fn channels(&self) -> impl Iterator<Item = (Channel, Halved)> {
        let (all, count, halved) = match *self {
            Self::Rgb(rgb) => (rgb, 3, Halved::default()),
            Self::Yuv { luma, chroma: Some(Chroma { channels: [cb, cr], halved }) } => ([luma, cb, cr], 3, halved),
            Self::Yuv { luma, chroma: None } => ([luma; 3], 1, Halved::default()),
        };
        let is_color = |index| index > 0;
        let resolution = move |index| if is_color(index) { halved } else { Halved::default() };
        all.into_iter().take(count).enumerate().map(move |(index, channel)| (channel, resolution(index)))
    }

    /// The channels that a change of luma is added to: Y, or all of R', G', B'.
    pub fn lit(&self) -> &[Channel] {
        match self {
            Self::Yuv { luma, .. } => std::slice::from_ref(luma),
            Self::Rgb(rgb) => rgb,
        }
    }

    /// The channel that approximates luma: Y or G'.
    pub fn brightness(&self) -> Channel {
        match *self {
            Self::Yuv { luma, .. } => luma,
            Self::Rgb([_, green, _]) => green,
        }
    }
}

impl PixelFormat {
    /// Every format, in the order of preference for negotiation.
    pub const ALL: [Self; 20] = [
        Self::I420,
        Self::Nv12,
        Self::Yv12,
        Self::Nv21,
        Self::Y42b,
        Self::Nv16,
        Self::Yuy2,
        Self::Uyvy,
        Self::Y444,
        Self::Rgb,
        Self::Bgr,
        Self::Rgba,
        Self::Bgra,
        Self::Argb,
        Self::Abgr,
        Self::Rgbx,
        Self::Bgrx,
        Self::Xrgb,
        Self::Xbgr,
        Self::Gray8,
    ];

    pub(crate) fn layout(self) -> Layout {
        let channel = |plane, offset, step| Channel { plane, offset, step };
        let rgb = |step, [r, g, b]: [usize; 3]| Layout::Rgb([r, g, b].map(|offset| channel(0, offset, step)));
        let yuv = |luma, cb, cr, halved| Layout::Yuv { luma, chroma: Some(Chroma { channels: [cb, cr], halved }) };
        let plane = |index| channel(index, 0, 1);
        match self {
            Self::I420 => yuv(plane(0), plane(1), plane(2), Halved::BOTH),
            Self::Yv12 => yuv(plane(0), plane(2), plane(1), Halved::BOTH),
            Self::Nv12 => yuv(plane(0), channel(1, 0, 2), channel(1, 1, 2), Halved::BOTH),
            Self::Nv21 => yuv(plane(0), channel(1, 1, 2), channel(1, 0, 2), Halved::BOTH),
            Self::Y42b => yuv(plane(0), plane(1), plane(2), Halved::ACROSS),
            Self::Nv16 => yuv(plane(0), channel(1, 0, 2), channel(1, 1, 2), Halved::ACROSS),
            Self::Yuy2 => yuv(channel(0, 0, 2), channel(0, 1, 4), channel(0, 3, 4), Halved::ACROSS),
            Self::Uyvy => yuv(channel(0, 1, 2), channel(0, 0, 4), channel(0, 2, 4), Halved::ACROSS),
            Self::Y444 => yuv(plane(0), plane(1), plane(2), Halved::default()),
            Self::Gray8 => Layout::Yuv { luma: plane(0), chroma: None },
            Self::Rgb => rgb(3, [0, 1, 2]),
            Self::Bgr => rgb(3, [2, 1, 0]),
            Self::Rgba | Self::Rgbx => rgb(4, [0, 1, 2]),
            Self::Bgra | Self::Bgrx => rgb(4, [2, 1, 0]),
            Self::Argb | Self::Xrgb => rgb(4, [1, 2, 3]),
            Self::Abgr | Self::Xbgr => rgb(4, [3, 2, 1]),
        }
    }

    /// Number of planes.
    pub fn planes(self) -> usize {
        1 + self.layout().channels().map(|(channel, _)| channel.plane).max().unwrap_or(0)
    }

    /// Whether the samples are Y' or Y'CbCr, not R'G'B'.
    pub fn is_yuv(self) -> bool {
        matches!(self.layout(), Layout::Yuv { .. })
    }

    /// The bytes of `rect` in a row of plane 0.
    pub(super) fn span(self, rect: Rect) -> std::ops::Range<usize> {
        let step = self.layout().brightness().step;
        rect.x * step..(rect.x + rect.width) * step
    }

    /// Bytes in a row and number of rows of plane `plane` of a `width`×`height` frame.
    pub fn plane_size(self, plane: usize, width: usize, height: usize) -> (usize, usize) {
        let frame = Rect { x: 0, y: 0, width, height };
        let layout = self.layout();
        let own = layout.channels().filter(|(channel, _)| channel.plane == plane);
        own.fold((0, 0), |(bytes, rows), (channel, halved)| {
            let samples = halved.rect(frame);
            (bytes.max(samples.width * channel.step), rows.max(samples.height))
        })
    }
}
