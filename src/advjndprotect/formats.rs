// SPDX-License-Identifier: MIT OR Apache-2.0
//! The formats of both sides. Tests include this file.

use advjnd::PixelFormat;
use advjnd::frame::DeepFormat;
use gst_video::VideoFormat;

/// GStreamer's and the core's formats, best first. None has alpha, which could carry a picture of its own.
pub const FORMATS: [(VideoFormat, PixelFormat); 16] = [
    (VideoFormat::I420, PixelFormat::I420),
    (VideoFormat::Nv12, PixelFormat::Nv12),
    (VideoFormat::Yv12, PixelFormat::Yv12),
    (VideoFormat::Nv21, PixelFormat::Nv21),
    (VideoFormat::Y42b, PixelFormat::Y42b),
    (VideoFormat::Nv16, PixelFormat::Nv16),
    (VideoFormat::Yuy2, PixelFormat::Yuy2),
    (VideoFormat::Uyvy, PixelFormat::Uyvy),
    (VideoFormat::Y444, PixelFormat::Y444),
    (VideoFormat::Rgb, PixelFormat::Rgb),
    (VideoFormat::Bgr, PixelFormat::Bgr),
    (VideoFormat::Rgbx, PixelFormat::Rgbx),
    (VideoFormat::Bgrx, PixelFormat::Bgrx),
    (VideoFormat::Xrgb, PixelFormat::Xrgb),
    (VideoFormat::Xbgr, PixelFormat::Xbgr),
    (VideoFormat::Gray8, PixelFormat::Gray8),
];

/// The formats of ten bits a sample, which come after the others.
pub const DEEP_FORMATS: [(VideoFormat, DeepFormat); 2] =
    [(VideoFormat::I42010le, DeepFormat::I420), (VideoFormat::P01010le, DeepFormat::P010)];
