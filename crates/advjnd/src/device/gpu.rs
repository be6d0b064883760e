// SPDX-License-Identifier: MIT OR Apache-2.0
//! GPUs by Vulkan, Metal or Direct3D 12: by name, or where they win a race.

use std::sync::Arc;

use super::Chosen;
#[cfg(feature = "gpu")]
use crate::error::Error;
use crate::error::Result;
use crate::models::Models;
#[cfg(feature = "gpu")]
use crate::net::gpu::{Adapter, Gpu, adapters};
#[cfg(feature = "gpu")]
use crate::net::watch::Watch;
use crate::pool::Pool;

/// Share of the processor's time that a GPU must stay below to be chosen.
#[cfg(feature = "gpu")]
const WINS_BELOW: f64 = 0.8;

#[cfg(not(feature = "gpu"))]
pub(super) fn auto(_: &Models, pool: &Arc<Pool>) -> Result<Chosen> {
    Ok(Chosen::cpu(pool, Some("this build has no feature `gpu`".to_owned())))
}

#[cfg(not(feature = "gpu"))]
pub(super) fn named(_: Option<usize>, _: &Models, _: &Arc<Pool>) -> Result<Chosen> {
    Err(super::not_built_in("gpu"))
}

#[cfg(feature = "gpu")]
pub(super) fn auto(models: &Models, pool: &Arc<Pool>) -> Result<Chosen> {
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

/// The recognisers on `adapter`, and the share of the processor's time that they take there. They race once in a
/// process; what is slower is not opened again.
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
pub(super) fn named(index: Option<usize>, models: &Models, pool: &Arc<Pool>) -> Result<Chosen> {
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
