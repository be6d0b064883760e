// SPDX-License-Identifier: MIT OR Apache-2.0
//! What goes up to a device and comes down, by two buffers that are made once and mapped in turn.

use std::ops::Range;

use super::device::Gpu;
use crate::error::Result;

/// A run of numbers of a staging buffer, and of the buffer of values.
#[derive(Debug, Clone, Copy)]
pub(super) struct Passage {
    /// Bytes in the staging buffer.
    staged: u64,
    /// Bytes in the buffer of values.
    place: u64,
    /// Bytes.
    length: u64,
}

impl Passage {
    /// How many bytes take it.
    pub(super) fn bytes(&self) -> u64 {
        self.length
    }

    fn range(&self) -> Range<u64> {
        self.staged..self.staged + self.length
    }
}

/// A staging buffer that is mapped whenever the device does not use it.
pub(super) struct Staging {
    buffer: wgpu::Buffer,
    mode: wgpu::MapMode,
}

/// Numbers from one passage's start to the next's.
const ALIGNMENT: usize = 64;

/// Passages, one behind the other, for each of `places` and its numbers; and how many bytes all take.
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
    /// For what goes up.
    pub(super) fn up(gpu: &Gpu, bytes: u64) -> Self {
        Self::new(gpu, bytes, wgpu::BufferUsages::MAP_WRITE | wgpu::BufferUsages::COPY_SRC, wgpu::MapMode::Write)
    }

    /// For what comes down.
    pub(super) fn down(gpu: &Gpu, bytes: u64) -> Self {
        Self::new(gpu, bytes, wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST, wgpu::MapMode::Read)
    }

    fn new(gpu: &Gpu, bytes: u64, usage: wgpu::BufferUsages, mode: wgpu::MapMode) -> Self {
        let (size, mapped_at_creation) = (bytes.max(4), true);
        let descriptor = wgpu::BufferDescriptor { label: Some("staging"), size, usage, mapped_at_creation };
        Self { buffer: gpu.device.create_buffer(&descriptor), mode }
    }

    /// Puts `numbers` where `passage` takes them up from.
    pub(super) fn write(&self, gpu: &Gpu, passage: Passage, numbers: &[f32]) -> Result<()> {
        let Ok(mut mapped) = self.buffer.slice(passage.range()).get_mapped_range_mut() else {
            return Err(gpu.fail("its memory cannot be written"));
        };
        mapped.copy_from_slice(bytemuck::cast_slice(numbers));
        Ok(())
    }

    /// What `passage` brought down, to `numbers`.
    pub(super) fn read(&self, gpu: &Gpu, passage: Passage, numbers: &mut [f32]) -> Result<()> {
        let Ok(mapped) = self.buffer.slice(passage.range()).get_mapped_range() else {
            return Err(gpu.fail("its memory cannot be read"));
        };
        bytemuck::cast_slice_mut(numbers).copy_from_slice(&mapped);
        Ok(())
    }

    /// Leaves the buffer to the device.
    pub(super) fn lend(&self) {
        self.buffer.unmap();
    }

    /// Asks for the buffer back; it is there when what was submitted is done.
    pub(super) fn ask_back(&self) {
        // Whether that worked shows when it is read or written.
        self.buffer.slice(..).map_async(self.mode, |_| ());
    }

    /// Copies what `passage` says from here to `values`.
    pub(super) fn copy_up(&self, encoder: &mut wgpu::CommandEncoder, passage: Passage, values: &wgpu::Buffer) {
        let Passage { staged, place, length } = passage;
        encoder.copy_buffer_to_buffer(&self.buffer, staged, values, place, length);
    }

    /// Copies what `passage` says from `values` to here.
    pub(super) fn copy_down(&self, encoder: &mut wgpu::CommandEncoder, passage: Passage, values: &wgpu::Buffer) {
        let Passage { staged, place, length } = passage;
        encoder.copy_buffer_to_buffer(values, place, &self.buffer, staged, length);
    }
}
