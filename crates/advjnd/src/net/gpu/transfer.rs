// SPDX-License-Identifier: MIT OR Apache-2.0
//! Uploads to and downloads from a device, through two buffers that are made once and mapped in turn.

use std::ops::Range;

use super::device::Gpu;
use crate::error::Result;

/// A run of numbers in a staging buffer and in the buffer of values.
#[derive(Debug, Clone, Copy)]
pub(super) struct Passage {
    /// Offset in the staging buffer, bytes.
    staged: u64,
    /// Offset in the buffer of values, bytes.
    place: u64,
    /// Length, bytes.
    length: u64,
}

impl Passage {
    /// Its length in bytes.
    pub(super) fn bytes(&self) -> u64 {
        self.length
    }

    fn range(&self) -> Range<u64> {
        self.staged..self.staged + self.length
    }
}

/// A staging buffer, mapped whenever the device does not use it.
pub(super) struct Staging {
    buffer: wgpu::Buffer,
    mode: wgpu::MapMode,
}

/// Numbers from one passage's start to the next's.
const ALIGNMENT: usize = 64;

/// Consecutive passages for each of `places`, an offset and a length in numbers; also their total bytes.
pub(super) fn passages(places: impl IntoIterator<Item = (usize, usize)>) -> (Vec<Passage>, u64) {
    let mut staged = 0;
    let passages = places.into_iter().map(|(place, numbers)| {
        let passage = Passage { staged, place: 4 * place as u64, length: 4 * numbers as u64 };
        staged += 4 * numbers.next_multiple_of(ALIGNMENT) as u64;
        passage
    });
    (passages.collect(), staged)
}

impl Staging {
    /// A buffer for uploads.
    pub(super) fn up(gpu: &Gpu, bytes: u64) -> Self {
        Self::new(gpu, bytes, wgpu::BufferUsages::MAP_WRITE | wgpu::BufferUsages::COPY_SRC, wgpu::MapMode::Write)
    }

    /// A buffer for downloads.
    pub(super) fn down(gpu: &Gpu, bytes: u64) -> Self {
        Self::new(gpu, bytes, wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST, wgpu::MapMode::Read)
    }

    fn new(gpu: &Gpu, bytes: u64, usage: wgpu::BufferUsages, mode: wgpu::MapMode) -> Self {
        let (size, mapped_at_creation) = (bytes.max(4), true);
        let descriptor = wgpu::BufferDescriptor { label: Some("staging"), size, usage, mapped_at_creation };
        Self { buffer: gpu.device.create_buffer(&descriptor), mode }
    }

    /// Writes `numbers` for `passage` to upload.
    pub(super) fn write(&self, gpu: &Gpu, passage: Passage, numbers: &[f32]) -> Result<()> {
        let Ok(mut mapped) = self.buffer.slice(passage.range()).get_mapped_range_mut() else {
            return Err(gpu.fail("its memory cannot be written"));
        };
        mapped.copy_from_slice(bytemuck::cast_slice(numbers));
        Ok(())
    }

    /// Reads the numbers that `passage` downloaded into `numbers`.
    pub(super) fn read(&self, gpu: &Gpu, passage: Passage, numbers: &mut [f32]) -> Result<()> {
        let Ok(mapped) = self.buffer.slice(passage.range()).get_mapped_range() else {
            return Err(gpu.fail("its memory cannot be read"));
        };
        bytemuck::cast_slice_mut(numbers).copy_from_slice(&mapped);
        Ok(())
    }

    /// Unmaps the buffer for the device.
    pub(super) fn lend(&self) {
        self.buffer.unmap();
    }

    /// Requests the buffer back; it is mapped when the submitted work is done.
    pub(super) fn ask_back(&self) {
        // A failure shows when it is read or written.
        self.buffer.slice(..).map_async(self.mode, |_| ());
    }

    /// Copies the numbers of `passage` from here to `values`.
    pub(super) fn copy_up(&self, encoder: &mut wgpu::CommandEncoder, passage: Passage, values: &wgpu::Buffer) {
        let Passage { staged, place, length } = passage;
        encoder.copy_buffer_to_buffer(&self.buffer, staged, values, place, length);
    }

    /// Copies the numbers of `passage` from `values` to here.
    pub(super) fn copy_down(&self, encoder: &mut wgpu::CommandEncoder, passage: Passage, values: &wgpu::Buffer) {
        let Passage { staged, place, length } = passage;
        encoder.copy_buffer_to_buffer(values, place, &self.buffer, staged, length);
    }
}
