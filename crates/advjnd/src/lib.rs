// SPDX-License-Identifier: MIT OR Apache-2.0
//! Adversarial face protection under a just-noticeable-difference budget.

pub mod attack;
pub mod device;
pub mod error;
pub mod face;
pub mod frame;
pub mod jnd;
pub mod models;
pub mod net;
pub mod pacing;
pub mod people;
mod pool;
pub mod protector;
pub mod report;

pub use device::{Chosen, Device, DeviceReport};
pub use error::{Error, Result};
pub use face::GivenFace;
pub use frame::{Colorimetry, FrameMut, Matrix, PixelFormat, PlaneMut};
pub use models::Models;
pub use people::{Enroller, People, Selection};
pub use pool::Pool;
pub use protector::{
    Context, FailPolicy, HeldFrame, Mode, Preset, Protector, Settings, Sighting, Thoroughness, Transfer, View,
};
pub use report::{FaceReport, FrameReport, RunStats, Verdict};
