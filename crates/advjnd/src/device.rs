// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which device runs the recognisers: the processor, a named GPU, or whichever is faster.

use std::str::FromStr;
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::models::Models;
use crate::net::Backend;
#[cfg(feature = "gpu")]
use crate::net::gpu::{Adapter, Gpu, adapters};
use crate::net::watch::{Watch, WatchedNetworks};
use crate::pool::Pool;

/// A GPU is chosen if it takes less than this share of the processor's time.
#[cfg(feature = "gpu")]
const WINS_BELOW: f64 = 0.8;

/// The device that a user asks for: `cpu`, `auto`, `gpu` or `gpu:N`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Device {
    /// The processor.
    #[default]
    Cpu,
    /// A GPU that passes its test and is faster than the processor, else the processor. Never a software GPU.
    Auto,
    /// A GPU: adapter `N` of this machine, or the first that is not software.
    Gpu(Option<usize>),
}

impl FromStr for Device {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        let wrong = || Error::device(name, "is no device; name cpu, auto, gpu, or gpu:0 and so on");
        match name.split_once(':') {
            None if name == "cpu" => Ok(Self::Cpu),
            None if name == "auto" => Ok(Self::Auto),
            None if name == "gpu" => Ok(Self::Gpu(None)),
            Some(("gpu", index)) => Ok(Self::Gpu(Some(index.parse().map_err(|_| wrong())?))),
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
    /// `cpu` or `gpu:N`; after a fault `cpu`.
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
            Self::Auto => auto(models, &pool),
            Self::Gpu(index) => named(index, models, &pool),
        }
    }
}

#[cfg(not(feature = "gpu"))]
fn auto(_: &Models, pool: &Arc<Pool>) -> Result<Chosen> {
    Ok(Chosen::cpu(pool, Some("this build has no feature `gpu`".to_owned())))
}

#[cfg(not(feature = "gpu"))]
fn named(_: Option<usize>, _: &Models, _: &Arc<Pool>) -> Result<Chosen> {
    Err(Error::device("gpu", "this build has no feature `gpu`; build it with that, or set the device to cpu"))
}

#[cfg(feature = "gpu")]
fn auto(models: &Models, pool: &Arc<Pool>) -> Result<Chosen> {
    let mut reason = "there is no GPU here".to_owned();
    for adapter in adapters().iter().filter(|adapter| !adapter.is_software) {
        match raced(adapter, models, pool) {
            Ok((watch, share)) if share < WINS_BELOW => return Ok(Chosen::watched(watch)),
            Ok((_, share)) => reason = format!("{} takes {share:.2} of the processor's time", adapter.name),
            Err(error) => reason = error.to_string(),
        }
    }
    Ok(Chosen::cpu(pool, Some(reason)))
}

/// The recognisers on `adapter`, and their time there as a share of the processor's. The race runs once per process; a
/// GPU that lost it is not opened again.
#[cfg(feature = "gpu")]
fn raced(adapter: &Adapter, models: &Models, pool: &Arc<Pool>) -> Result<(Arc<Watch>, f64)> {
    use std::sync::{Mutex, PoisonError};
    static RACES: Mutex<Vec<(String, f64)>> = Mutex::new(Vec::new());
    let names: Vec<&str> = models.recognizers.iter().map(|(spec, _)| spec.name.as_str()).collect();
    let key = format!("{adapter:?} {names:?} {}", pool.threads());
    let races = || RACES.lock().unwrap_or_else(PoisonError::into_inner);
    let known = races().iter().find(|(own, _)| *own == key).map(|(_, share)| *share);
    if let Some(share) = known.filter(|share| *share >= WINS_BELOW) {
        let reason = format!("it took {share:.2} of the processor's time; name it if it is wanted all the same");
        return Err(Error::device(&adapter.name, reason));
    }
    let watch = watch(adapter.index, models, pool)?;
    if let Some(share) = known {
        return Ok((watch, share));
    }
    let [gpu, cpu] = watch.race()?;
    let share = gpu.as_secs_f64() / cpu.as_secs_f64().max(f64::MIN_POSITIVE);
    races().push((key, share));
    Ok((watch, share))
}

#[cfg(feature = "gpu")]
fn named(index: Option<usize>, models: &Models, pool: &Arc<Pool>) -> Result<Chosen> {
    let index = match index {
        Some(index) => index,
        None => {
            let first = adapters().into_iter().find(|adapter| !adapter.is_software);
            let reason = "there is no GPU with a driver here; install one for Vulkan, or set the device to cpu (a \
                          software one is taken only by its number, gpu:0)";
            first.ok_or_else(|| Error::device("gpu", reason))?.index
        }
    };
    Ok(Chosen::watched(watch(index, models, pool)?))
}

#[cfg(feature = "gpu")]
fn watch(index: usize, models: &Models, pool: &Arc<Pool>) -> Result<Arc<Watch>> {
    Watch::new(Gpu::open(index)?, models.recognizers.iter().map(|(_, graph)| graph), pool)
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
        for name in ["", "GPU", "gpu:", "gpu:-1", "gpu:x", "cuda", "cpu:0"] {
            let error = name.parse::<Device>().expect_err(name);
            assert!(error.to_string().contains("cpu"), "{error}");
        }
    }

    #[cfg(not(feature = "gpu"))]
    #[test]
    fn without_the_feature_a_named_gpu_is_an_error_and_auto_the_processor() {
        let models = Models::embedded().expect("the models that are built in");
        for device in [Device::Gpu(None), Device::Gpu(Some(1))] {
            let error = device.open(&models, 1).expect_err("a GPU").to_string();
            assert!(error.contains("feature `gpu`") && error.contains("set the device to cpu"), "{error}");
        }
        let chosen = Device::Auto.open(&models, 1).expect("the processor");
        assert!(!chosen.is_gpu() && chosen.reason().is_some_and(|reason| reason.contains("feature `gpu`")));
    }
}
