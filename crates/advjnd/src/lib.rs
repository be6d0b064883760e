//! Adversarial face protection under a just-noticeable-difference budget.

pub mod error;
pub mod jnd;
pub mod metrics;
pub mod net;

pub use error::{Error, Result};
