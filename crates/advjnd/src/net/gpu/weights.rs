// SPDX-License-Identifier: MIT OR Apache-2.0
//! Packed weights, shared by the executors of one network on one device.

use std::sync::Arc;

use half::f16;

use super::device::Gpu;

/// How packed weights are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GpuPrecision {
    /// As they are.
    Single,
    /// In half precision where there are many of them and little is lost by it.
    Half,
}

/// A layer with at least so many packed weights waits for them rather than for its sums.
const STREAMED: usize = 1 << 16;
/// Energy that rounding to half precision may take from a layer's weights, as a share; about 2⁻²⁴ unless most of them
/// are too small for it.
const HALF_LOSS: f64 = 1.0 / (1 << 20) as f64;

/// Where a layer's packed weights lie, and in which precision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Packed {
    /// In words of the buffer.
    pub(super) offset: u32,
    pub(super) half: bool,
}

/// The weights of a network in a device's memory.
pub(super) struct Store {
    pub(super) buffer: wgpu::Buffer,
    /// In the order in which a plan asks: length, and where they lie.
    entries: Vec<(usize, Packed)>,
}

/// Packed weights while a plan is made: new ones, or those that another plan of the network has packed.
pub(super) struct Packing {
    precision: GpuPrecision,
    words: Vec<u32>,
    entries: Vec<(usize, Packed)>,
    shared: Option<Arc<Store>>,
    differs: bool,
}

impl Packing {
    /// To be packed.
    pub(super) fn new(precision: GpuPrecision) -> Self {
        Self { precision, words: Vec::new(), entries: Vec::new(), shared: None, differs: false }
    }

    /// Packed by another plan of the same network.
    pub(super) fn of(store: Arc<Store>) -> Self {
        Self { shared: Some(store), ..Self::new(GpuPrecision::Single) }
    }

    /// The `length` weights of a layer, an even number, made by `pack` if they are new; in half precision if there are
    /// many and that keeps their values.
    pub(super) fn layer(&mut self, length: usize, pack: impl FnOnce() -> Vec<f32>) -> Packed {
        let half = self.precision == GpuPrecision::Half && length >= STREAMED;
        self.entry(length, |words| {
            let values = pack();
            let halves: Vec<f16> = values.iter().copied().map(f16::from_f32).collect();
            if half && keeps(&values, &halves) {
                words.extend(halves.chunks(2).map(|pair| {
                    let [low, high] = [0, 1].map(|at| pair.get(at).map_or(0, |half| u32::from(half.to_bits())));
                    low | high << 16
                }));
                return true;
            }
            words.extend(values.iter().map(|value| value.to_bits()));
            false
        })
    }

    /// `length` numbers that are read one by one; where they lie.
    pub(super) fn numbers(&mut self, values: &[f32]) -> u32 {
        self.table(values.len(), || values.iter().map(|value| value.to_bits()).collect())
    }

    /// `length` words; where they lie.
    pub(super) fn table(&mut self, length: usize, make: impl FnOnce() -> Vec<u32>) -> u32 {
        self.entry(length, |words| {
            words.extend(make());
            false
        })
        .offset
    }

    fn entry(&mut self, length: usize, fill: impl FnOnce(&mut Vec<u32>) -> bool) -> Packed {
        let packed = match &self.shared {
            Some(store) => {
                let entry = store.entries.get(self.entries.len()).filter(|(own, _)| *own == length);
                self.differs |= entry.is_none();
                entry.map_or(Packed { offset: 0, half: false }, |(_, packed)| *packed)
            }
            None => {
                let offset = self.words.len() as u32;
                let half = fill(&mut self.words);
                self.words.resize(self.words.len().next_multiple_of(4), 0);
                Packed { offset, half }
            }
        };
        self.entries.push((length, packed));
        packed
    }

    /// Bytes of what was packed.
    pub(super) fn bytes(&self) -> u64 {
        self.shared.as_ref().map_or(4 * self.words.len() as u64, |store| store.buffer.size())
    }

    /// The weights in the memory of `gpu`; `None` if another plan's were to serve and are not this network's.
    pub(super) fn finish(self, gpu: &Gpu) -> Option<Arc<Store>> {
        if let Some(store) = self.shared {
            return (!self.differs && self.entries.len() == store.entries.len()).then_some(store);
        }
        let buffer = gpu.filled("weights", wgpu::BufferUsages::STORAGE, bytemuck::cast_slice(&self.words));
        Some(Arc::new(Store { buffer, entries: self.entries }))
    }
}

/// Whether `halves` are as good as `values`.
fn keeps(values: &[f32], halves: &[f16]) -> bool {
    let energy = |values: &mut dyn Iterator<Item = f32>| values.map(|value| f64::from(value).powi(2)).sum::<f64>();
    let lost = energy(&mut halves.iter().zip(values).map(|(half, value)| half.to_f32() - value));
    lost <= HALF_LOSS * energy(&mut values.iter().copied())
}
