// SPDX-License-Identifier: MIT OR Apache-2.0
//! Frames of ten bits a sample, processed as frames of eight.
//!
//! A frame is rounded to eight bits, and changes are carried back. Blocks of [`BLOCK`]² samples without a change keep
//! all ten bits. The others become the processed eight bits. So what the self-check saw is what goes out, and no clean
//! low bits remain under a cover.

use super::{Colorimetry, FrameMut, PixelFormat, PlaneMut};
use crate::error::{Error, Result};

/// Side of a block, samples.
const BLOCK: usize = 16;
/// Bytes of a sample.
const BYTES: usize = 2;

/// Memory layout of a frame with ten bits a sample, in two bytes, little-endian.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DeepFormat {
    /// Planar Y, Cb, Cr, chroma halved in both directions; the low ten bits count (`I420_10LE`).
    I420,
    /// Plane of Y, plane of interleaved Cb and Cr, chroma halved in both directions; the high ten bits count
    /// (`P010_10LE`).
    P010,
}

impl DeepFormat {
    /// Every format.
    pub const ALL: [Self; 2] = [Self::I420, Self::P010];

    /// The format with eight bits a sample.
    pub fn narrow(self) -> PixelFormat {
        match self {
            Self::I420 => PixelFormat::I420,
            Self::P010 => PixelFormat::Nv12,
        }
    }

    /// Unused bits below the ten.
    fn shift(self) -> u32 {
        match self {
            Self::I420 => 0,
            Self::P010 => 6,
        }
    }

    /// The sample in eight bits, rounded.
    #[inline(always)]
    fn narrowed(self, sample: [u8; BYTES]) -> u8 {
        let value = u16::from_le_bytes(sample) >> self.shift() & 0x3ff;
        ((value + 2) >> 2).min(255) as u8
    }

    /// The ten-bit sample for an eight-bit one.
    #[inline(always)]
    fn widened(self, sample: u8) -> [u8; BYTES] {
        (u16::from(sample) << 2 << self.shift()).to_le_bytes()
    }
}

/// A frame in eight bits.
#[derive(Debug)]
pub struct Narrowed {
    format: DeepFormat,
    width: usize,
    height: usize,
    /// Planes with one byte per sample, without padding.
    planes: Vec<Vec<u8>>,
}

impl Narrowed {
    /// Rounds a frame of `width`×`height`.
    ///
    /// # Errors
    /// [`Error::Input`] if a plane is missing, its stride is shorter than a row, or its data are too short.
    pub fn read(format: DeepFormat, width: usize, height: usize, planes: &[PlaneMut<'_>]) -> Result<Self> {
        let narrow = format.narrow();
        if width == 0 || height == 0 || planes.len() != narrow.planes() {
            let count = planes.len();
            return Err(Error::input(format!(
                "{width}×{height} in {count} planes is no frame of the format {format:?}"
            )));
        }
        let mut read = Vec::with_capacity(planes.len());
        for (index, plane) in planes.iter().enumerate() {
            let (samples, rows) = narrow.plane_size(index, width, height);
            let needed = plane.stride.checked_mul(rows - 1).and_then(|bytes| bytes.checked_add(BYTES * samples));
            if plane.stride < BYTES * samples || needed.is_none_or(|needed| plane.data.len() < needed) {
                return Err(Error::input(format!(
                    "plane {index} of a {width}×{height} {format:?} frame of ten bits needs {rows} rows of {} bytes; \
                     stride {} and {} bytes given",
                    BYTES * samples,
                    plane.stride,
                    plane.data.len()
                )));
            }
            let mut own = Vec::with_capacity(samples * rows);
            for row in plane.data.chunks(plane.stride).take(rows) {
                let (row, _) = row.as_chunks::<BYTES>();
                own.extend(row.iter().take(samples).map(|sample| format.narrowed(*sample)));
            }
            read.push(own);
        }
        Ok(Self { format, width, height, planes: read })
    }

    /// The frame, for processing.
    ///
    /// # Errors
    /// Only those that [`read`](Self::read) would have reported.
    pub fn frame(&mut self, colorimetry: Colorimetry) -> Result<FrameMut<'_>> {
        let format = self.format.narrow();
        let planes = self.planes.iter_mut().enumerate().map(|(index, data)| {
            let (stride, _) = format.plane_size(index, self.width, self.height);
            PlaneMut { data, stride }
        });
        FrameMut::new(format, colorimetry, self.width, self.height, planes.collect())
    }

    /// Carries the changes back to the `planes` that were read.
    pub fn write(&self, planes: &mut [PlaneMut<'_>]) {
        for (index, (own, plane)) in self.planes.iter().zip(planes).enumerate() {
            let (samples, _) = self.format.narrow().plane_size(index, self.width, self.height);
            let bands = own.chunks(BLOCK * samples.max(1)).zip(plane.data.chunks_mut(BLOCK * plane.stride));
            bands.for_each(|(own, band)| self.write_band(own, band, (samples, plane.stride)));
        }
    }

    /// Writes a band of rows as high as a block.
    fn write_band(&self, own: &[u8], band: &mut [u8], (samples, stride): (usize, usize)) {
        for left in (0..samples).step_by(BLOCK) {
            let right = (left + BLOCK).min(samples);
            let span = BYTES * left..BYTES * right;
            let rows = || own.chunks_exact(samples).map(|own| &own[left..right]);
            let is_same = |(own, row): (&[u8], &[u8])| {
                let (row, _) = row[span.clone()].as_chunks::<BYTES>();
                own.iter().zip(row).all(|(own, sample)| self.format.narrowed(*sample) == *own)
            };
            if rows().zip(band.chunks(stride)).all(is_same) {
                continue;
            }
            for (own, row) in rows().zip(band.chunks_mut(stride)) {
                let (row, _) = row[span.clone()].as_chunks_mut::<BYTES>();
                own.iter().zip(row).for_each(|(own, sample)| *sample = self.format.widened(*own));
            }
        }
    }
}
