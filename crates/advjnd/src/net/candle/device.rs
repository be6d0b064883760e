// SPDX-License-Identifier: MIT OR Apache-2.0
//! A device of CUDA or Metal that was opened.

use std::sync::{Arc, Mutex, PoisonError};

use candle_core::Device;

use super::CandleResult;
use super::executor::CandleExecutor;
use crate::error::{Error, Result};
use crate::net::executor::Executor;
use crate::net::graph::Graph;
use crate::net::watch::{Accelerated, Accelerator};

/// Samples that go through a network together, filled up: a pass of several takes hardly longer than one.
const BATCHES: [usize; 3] = [2, 4, 8];

/// A device of CUDA or Metal that is open.
#[derive(Debug)]
pub struct CandleDevice {
    name: String,
    description: String,
    device: Device,
}

impl CandleDevice {
    /// Opens CUDA's device `ordinal`.
    ///
    /// # Errors
    /// [`Error::Device`] if there is no driver or no such device.
    #[cfg(feature = "cuda")]
    pub fn cuda(ordinal: usize) -> Result<Arc<Self>> {
        // One stream for all threads: with a stream each, one could read what another has not yet brought up.
        let open = || {
            let device = Device::new_cuda_with_stream(ordinal)?;
            let named = device.as_cuda_device()?.cuda_stream().context().name().map_err(candle_core::Error::wrap)?;
            Ok((device, named))
        };
        Self::open(&format!("cuda:{ordinal}"), open)
    }

    /// Opens the first device of Metal.
    ///
    /// # Errors
    /// [`Error::Device`] if there is none.
    #[cfg(feature = "metal")]
    pub fn metal() -> Result<Arc<Self>> {
        // candle panics where there is no device.
        let opened = || std::panic::catch_unwind(|| Device::new_metal(0));
        let open = || match opened() {
            Ok(device) => Ok((device?, "Metal".to_owned())),
            Err(_) => candle_core::bail!("there is none"),
        };
        Self::open("metal", open)
    }

    /// The device `name`, as it was opened before, or by `open`: what candle keeps for a device lasts as long as the
    /// process.
    fn open(name: &str, open: impl Fn() -> CandleResult<(Device, String)>) -> Result<Arc<Self>> {
        static OPEN: Mutex<Vec<Arc<CandleDevice>>> = Mutex::new(Vec::new());
        let mut known = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(device) = known.iter().find(|device| device.name == name) {
            return Ok(Arc::clone(device));
        }
        let (device, description) = open().map_err(|error| {
            let reason = format!("it cannot be opened ({error}); check its driver, or set the device to cpu");
            Error::device(name, reason)
        })?;
        let device = Arc::new(Self { name: name.to_owned(), description, device });
        known.push(Arc::clone(&device));
        Ok(device)
    }

    /// The device, as candle knows it.
    pub fn device(&self) -> &Device {
        &self.device
    }
}

impl Accelerator for CandleDevice {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn description(&self) -> String {
        self.description.clone()
    }

    fn network(self: Arc<Self>, graph: &Graph) -> Result<Accelerated> {
        let one = CandleExecutor::new(graph, 1, &self.device)?;
        let many = BATCHES.map(|batch| Box::new(one.sharing(batch)) as Box<dyn Executor>);
        Ok(Accelerated { many: many.into(), looks: Vec::new(), one: Box::new(one) })
    }
}
