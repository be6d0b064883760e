// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which device runs the recognisers: the processor, a named GPU, or whichever is faster.

mod candle;
mod gpu;

use std::str::FromStr;
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::models::Models;
use crate::net::Backend;
use crate::net::watch::{Watch, WatchedNetworks};
use crate::pool::Pool;

/// The device that a user asks for: `cpu`, `auto`, `gpu`, `gpu:N`, `cuda`, `cuda:N` or `metal`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Device {
    /// The processor.
    #[default]
    Cpu,
    /// A GPU that passes its test and is faster than the processor, else the processor. Never a software GPU.
    Auto,
    /// A GPU: adapter `N` of this machine, or the first that is not software.
    Gpu(Option<usize>),
    /// A GPU by candle and CUDA: device `N`.
    Cuda(usize),
    /// A GPU by candle and Metal.
    Metal,
}

impl FromStr for Device {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        let wrong =
            || Error::device(name, "is no device; name cpu, auto, gpu, cuda or metal; gpu:0 or cuda:0 and so on");
        match name.split_once(':') {
            None if name == "cpu" => Ok(Self::Cpu),
            None if name == "auto" => Ok(Self::Auto),
            None if name == "gpu" => Ok(Self::Gpu(None)),
            None if name == "cuda" => Ok(Self::Cuda(0)),
            None if name == "metal" => Ok(Self::Metal),
            Some(("gpu", index)) => Ok(Self::Gpu(Some(index.parse().map_err(|_| wrong())?))),
            Some(("cuda", index)) => Ok(Self::Cuda(index.parse().map_err(|_| wrong())?)),
            _ => Err(wrong()),
        }
    }
}

/// A device that was chosen and opened.
#[derive(Debug, Clone)]
pub struct Chosen {
    backend: Backend,
    /// Why the processor was chosen although a GPU was allowed.
    reason: Option<String>,
    watch: Option<Arc<Watch>>,
}

/// What a device has done.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DeviceReport {
    /// `cpu`, or the device by its name; after a fault `cpu`.
    pub device: String,
    /// Name and driver of the GPU that was opened; empty without one.
    pub adapter: String,
    /// Number of gradients computed.
    pub iterations: u64,
    /// Number of embeddings computed without a gradient.
    pub looks: u64,
    /// How many of these looks were repeated on the processor.
    pub audits: u64,
    /// Why the processor took over, if it did.
    pub fault: Option<String>,
}

impl Device {
    /// Opens the device for the recognisers of `models`; the processor works with `threads` threads, 0 = one per core.
    ///
    /// # Errors
    /// [`Error::Device`] if the GPU asked for does not exist, fails, or computes wrongly; [`Error::Model`] if a network
    /// cannot be planned.
    pub fn open(self, models: &Models, threads: usize) -> Result<Chosen> {
        let pool = Pool::new(threads)?;
        match self {
            Self::Cpu => Ok(Chosen::cpu(&pool, None)),
            Self::Auto => gpu::auto(models, &pool),
            Self::Gpu(index) => gpu::named(index, models, &pool),
            Self::Cuda(ordinal) => candle::cuda(ordinal, models, &pool),
            Self::Metal => candle::metal(models, &pool),
        }
    }
}

/// The error for a device that was named and is not built in.
#[cfg(not(all(feature = "gpu", feature = "cuda", feature = "metal")))]
fn not_built_in(feature: &str) -> Error {
    let reason = format!(
        "this build has no feature `{feature}`; build it with `--features {feature}`, or set the device to cpu"
    );
    Error::device(feature, reason)
}

impl Chosen {
    fn cpu(pool: &Arc<Pool>, reason: Option<String>) -> Self {
        Self { backend: Backend::Cpu(Arc::clone(pool)), reason, watch: None }
    }

    /// A watched device: the processor checks it and takes over if it fails.
    pub fn watched(watch: Arc<Watch>) -> Self {
        let networks = WatchedNetworks(Arc::clone(&watch));
        Self { backend: Backend::Own(Arc::new(networks)), reason: None, watch: Some(watch) }
    }

    /// What runs the networks.
    pub fn backend(&self) -> Backend {
        self.backend.clone()
    }

    /// Whether a GPU was chosen, even if it has failed since.
    pub fn is_gpu(&self) -> bool {
        self.watch.is_some()
    }

    /// Why the processor was chosen although a GPU was allowed.
    pub fn reason(&self) -> Option<&str> {
        self.reason.as_deref()
    }

    /// What it has done so far.
    pub fn report(&self) -> DeviceReport {
        let Some(watch) = &self.watch else {
            return DeviceReport { device: "cpu".to_owned(), ..DeviceReport::default() };
        };
        let (device, counts, fault) = (watch.device(), watch.counts(), watch.fault().map(str::to_owned));
        DeviceReport {
            device: if fault.is_none() { device.name() } else { "cpu".to_owned() },
            adapter: device.description(),
            iterations: counts.iterations,
            looks: counts.looks,
            audits: counts.audits,
            fault,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_are_named_as_the_page_says() {
        let device = |name: &str| name.parse::<Device>().ok();
        assert_eq!(device("cpu"), Some(Device::Cpu));
        assert_eq!(device("auto"), Some(Device::Auto));
        assert_eq!(device("gpu"), Some(Device::Gpu(None)));
        assert_eq!(device("gpu:3"), Some(Device::Gpu(Some(3))));
        assert_eq!(device("cuda"), Some(Device::Cuda(0)));
        assert_eq!(device("cuda:1"), Some(Device::Cuda(1)));
        assert_eq!(device("metal"), Some(Device::Metal));
        for name in ["", "GPU", "gpu:", "gpu:-1", "gpu:x", "cuda:", "cuda:x", "metal:0", "cpu:0"] {
            let error = name.parse::<Device>().expect_err(name);
            assert!(error.to_string().contains("cpu"), "{error}");
        }
    }

    #[test]
    fn a_device_that_is_not_built_in_is_an_error_that_names_the_feature() {
        let models = Models::embedded().unwrap();
        let features =
            [("gpu", cfg!(feature = "gpu")), ("cuda", cfg!(feature = "cuda")), ("metal", cfg!(feature = "metal"))];
        for (name, _) in features.into_iter().filter(|(_, is_built_in)| !is_built_in) {
            let error = name.parse::<Device>().unwrap().open(&models, 1).map(|_| ()).expect_err(name).to_string();
            assert!(error.contains(&format!("feature `{name}`")) && error.contains("set the device to cpu"), "{error}");
        }
        if cfg!(not(feature = "gpu")) {
            let chosen = Device::Auto.open(&models, 1).unwrap();
            assert!(!chosen.is_gpu() && chosen.reason().is_some_and(|reason| reason.contains("feature `gpu`")));
        }
    }
}
