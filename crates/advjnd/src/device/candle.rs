// SPDX-License-Identifier: MIT OR Apache-2.0
//! GPUs by candle, through CUDA or Metal: only where they are named.

use std::sync::Arc;

use super::Chosen;
use crate::error::Result;
use crate::models::Models;
#[cfg(any(feature = "cuda", feature = "metal"))]
use crate::net::candle::CandleDevice;
#[cfg(any(feature = "cuda", feature = "metal"))]
use crate::net::watch::Watch;
use crate::pool::Pool;

#[cfg(feature = "cuda")]
pub(super) fn cuda(ordinal: usize, models: &Models, pool: &Arc<Pool>) -> Result<Chosen> {
    watched(CandleDevice::cuda(ordinal)?, models, pool)
}

#[cfg(not(feature = "cuda"))]
pub(super) fn cuda(_: usize, _: &Models, _: &Arc<Pool>) -> Result<Chosen> {
    Err(super::not_built_in("cuda"))
}

#[cfg(feature = "metal")]
pub(super) fn metal(models: &Models, pool: &Arc<Pool>) -> Result<Chosen> {
    watched(CandleDevice::metal()?, models, pool)
}

#[cfg(not(feature = "metal"))]
pub(super) fn metal(_: &Models, _: &Arc<Pool>) -> Result<Chosen> {
    Err(super::not_built_in("metal"))
}

#[cfg(any(feature = "cuda", feature = "metal"))]
fn watched(device: Arc<CandleDevice>, models: &Models, pool: &Arc<Pool>) -> Result<Chosen> {
    Ok(Chosen::watched(Watch::new(device, models.recognizers.iter().map(|(_, graph)| graph), pool)?))
}
