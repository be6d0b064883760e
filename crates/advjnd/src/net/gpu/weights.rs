// SPDX-License-Identifier: MIT OR Apache-2.0
//! Packed weights, shared by the executors of one network on one device.

use std::sync::Arc;

use super::device::Gpu;
use crate::net::precision::{self, WeightPrecision};
use crate::net::values::Values;

/// Place and precision of a layer's packed weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Packed {
    /// Offset in words of the buffer.
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
    precision: WeightPrecision,
    words: Vec<u32>,
    entries: Vec<(usize, Packed)>,
    shared: Option<Arc<Store>>,
    differs: bool,
}

impl Packing {
    /// To be packed.
    pub(super) fn new(precision: WeightPrecision) -> Self {
        Self { precision, words: Vec::new(), entries: Vec::new(), shared: None, differs: false }
    }

    /// Packed by another plan of the same network.
    pub(super) fn of(store: Arc<Store>) -> Self {
        Self { shared: Some(store), ..Self::new(WeightPrecision::Single) }
    }

    /// The `length` weights of a layer, an even number, made by `pack` if they are new; in half precision if there are
    /// many and that keeps their values.
    pub(super) fn layer(&mut self, length: usize, pack: impl FnOnce() -> Vec<f32>) -> Packed {
        let precision = self.precision;
        self.entry(length, |words| {
            let values = pack();
            let is_halved = precision.halves(&values);
            if is_halved {
                words.extend(precision::halved(&values).map(|pair| {
                    let [low, high] = pair.map(u32::from);
                    low | high << 16
                }));
            } else {
                words.extend(values.iter().map(|value| value.to_bits()));
            }
            is_halved
        })
    }

    /// Stores numbers that are read one by one; returns their place.
    pub(super) fn numbers(&mut self, values: &Values) -> u32 {
        self.table(values.len(), || values.numbers().iter().map(|value| value.to_bits()).collect())
    }

    /// Stores `length` words; returns their place.
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
            // A plan without gradients wants the first of them.
            return (!self.differs && self.entries.len() <= store.entries.len()).then_some(store);
        }
        let buffer = gpu.filled("weights", wgpu::BufferUsages::STORAGE, bytemuck::cast_slice(&self.words));
        Some(Arc::new(Store { buffer, entries: self.entries }))
    }
}
