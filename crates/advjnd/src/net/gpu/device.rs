// SPDX-License-Identifier: MIT OR Apache-2.0
//! An open GPU: its queue, its kernels, and its first fault.

use std::num::NonZeroU64;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::adapter::{Adapter, described, finished, found};
use super::executor::GpuExecutor;
use super::kernel::Kernels;
use super::params::Params;
use crate::error::{Error, Result};
use crate::net::executor::Executor;
use crate::net::graph::Graph;
use crate::net::precision::WeightPrecision;
use crate::net::watch::{Accelerated, Accelerator, PATIENCE};

/// How long a software GPU may take for one pass: the processor may have other work as well.
const SOFTWARE_PATIENCE: Duration = Duration::from_secs(600);
/// Largest batch size for gradients and looks, padded if need be: a pass of several takes hardly longer than one.
const MOST: usize = 4;
/// A smaller one for as few faces, and a larger one for looks alone, which take less memory.
const FEW: usize = 2;
const LOOKS: usize = 8;

/// An open GPU.
pub struct Gpu {
    adapter: Adapter,
    pub(super) device: wgpu::Device,
    pub(super) queue: wgpu::Queue,
    pub(super) kernels: Kernels,
    fault: Arc<Fault>,
}

/// The first fault; later ones follow from it.
#[derive(Default)]
struct Fault(Mutex<Option<String>>);

impl Fault {
    fn note(&self, reason: String) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(reason);
    }

    fn get(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Gpu {
    /// Opens adapter `index` of [`adapters`](super::adapters) and compiles the kernels for it.
    ///
    /// # Errors
    /// [`Error::Device`] if there is no such adapter, or if it cannot run the kernels.
    pub fn open(index: usize) -> Result<Arc<Self>> {
        let named = format!("gpu:{index}");
        let found = found();
        let Some(adapter) = found.get(index) else {
            let reason = match found.len() {
                0 => "there is no GPU with a driver here; install one for Vulkan, or set the device to cpu".to_owned(),
                count => format!("there are only {count}; name one of gpu:0 to gpu:{}, or cpu", count - 1),
            };
            return Err(Error::device(named, reason));
        };
        let descriptor = wgpu::DeviceDescriptor {
            label: Some("advjnd"),
            required_features: wgpu::Features::empty(),
            required_limits: wgpu::Limits::default(),
            ..wgpu::DeviceDescriptor::default()
        };
        let (device, queue) = finished(adapter.request_device(&descriptor)).map_err(|error| {
            Error::device(&named, format!("it cannot be opened ({error}); update its driver, or set the device to cpu"))
        })?;
        let fault = Arc::new(Fault::default());
        let noted = Arc::clone(&fault);
        device.on_uncaptured_error(Arc::new(move |error: wgpu::Error| noted.note(error.to_string())));
        let noted = Arc::clone(&fault);
        device.set_device_lost_callback(move |reason, message| noted.note(format!("lost ({reason:?}): {message}")));
        let kernels = Kernels::new(&device);
        let gpu = Self { adapter: described(index, adapter), device, queue, kernels, fault };
        gpu.check()?;
        Ok(Arc::new(gpu))
    }

    /// The adapter that it is.
    pub fn adapter(&self) -> &Adapter {
        &self.adapter
    }

    /// Bytes of its memory that are in use; `None` if `wgpu` does not allocate the driver's memory itself.
    pub fn memory(&self) -> Option<u64> {
        self.device.generate_allocator_report().map(|report| report.total_allocated_bytes)
    }

    /// Closes it, as if it were unplugged: everything that runs on it then fails.
    pub fn close(&self) {
        self.device.destroy();
        self.fault.note("it was closed".to_owned());
    }

    /// [`Error::Device`] if it has failed since it was opened. It must not be used again then.
    pub fn check(&self) -> Result<()> {
        self.fault.get().map_or(Ok(()), |reason| Err(self.failed(&reason)))
    }

    /// Records that it failed.
    pub(super) fn fail(&self, reason: &str) -> Error {
        self.fault.note(reason.to_owned());
        self.check().err().unwrap_or_else(|| self.failed(reason))
    }

    /// A new buffer with the content `bytes`. Empty buffers are not allowed, so it has at least one number.
    pub(super) fn filled(&self, label: &str, usage: wgpu::BufferUsages, bytes: &[u8]) -> wgpu::Buffer {
        let bytes = if bytes.is_empty() { &[0; 4] } else { bytes };
        let size = bytes.len().next_multiple_of(4) as u64;
        let descriptor = wgpu::BufferDescriptor { label: Some(label), size, usage, mapped_at_creation: true };
        let buffer = self.device.create_buffer(&descriptor);
        if let Ok(mut mapped) = buffer.slice(..bytes.len() as u64).get_mapped_range_mut() {
            mapped.copy_from_slice(bytes);
        }
        buffer.unmap();
        buffer
    }

    /// Binds the buffers of an executor as the kernels see them.
    pub(super) fn bind(
        &self,
        values: &wgpu::Buffer,
        weights: &wgpu::Buffer,
        parameters: &wgpu::Buffer,
    ) -> wgpu::BindGroup {
        let size = NonZeroU64::new(Params::BYTES);
        let parameters = wgpu::BindingResource::Buffer(wgpu::BufferBinding { buffer: parameters, offset: 0, size });
        let entry = |binding, resource| wgpu::BindGroupEntry { binding, resource };
        self.device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: None,
            layout: &self.kernels.layout,
            entries: &[
                entry(0, values.as_entire_binding()),
                entry(1, weights.as_entire_binding()),
                entry(2, parameters),
            ],
        })
    }

    fn failed(&self, reason: &str) -> Error {
        Error::device(
            format!("{} ({})", self.name(), self.adapter.name),
            format!("{reason}; start again, and if it fails again update its driver or set the device to cpu"),
        )
    }
}

impl Accelerator for Gpu {
    fn name(&self) -> String {
        format!("gpu:{}", self.adapter.index)
    }

    fn description(&self) -> String {
        format!("{}, {}", self.adapter.name, self.adapter.driver)
    }

    fn patience(&self) -> Duration {
        if self.adapter.is_software { SOFTWARE_PATIENCE } else { PATIENCE }
    }

    fn network(self: Arc<Self>, graph: &Graph) -> Result<Accelerated> {
        // A software GPU gains nothing by larger batches.
        let is_software = self.adapter.is_software;
        let largest = GpuExecutor::new(&self, graph, if is_software { FEW } else { MOST }, WeightPrecision::Half)?;
        let beside = |batch, gradients| -> Result<Box<dyn Executor>> {
            let own = largest.beside(graph, batch, gradients)?;
            Ok(Box::new(own))
        };
        let (one, mut many, mut looks) = (beside(1, true)?, Vec::new(), Vec::new());
        if !is_software {
            many.push(beside(FEW, true)?);
            looks.push(beside(LOOKS, false)?);
        }
        many.push(Box::new(largest));
        Ok(Accelerated { one, many, looks })
    }
}

impl std::fmt::Debug for Gpu {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Gpu").field("adapter", &self.adapter).field("fault", &self.fault.get()).finish_non_exhaustive()
    }
}
