// SPDX-License-Identifier: MIT OR Apache-2.0
//! The laboratory of [`advjnd`]: published attacks, image metrics, and slow references that the product is tested
//! against.
//!
//! Tests, benches and the program `advjnd` use this crate. The GStreamer plugin does not.
//!
//! [`attack`] has the attacks of the literature, [`metrics`] says how far two pictures are apart, and
//! [`mod@reference`] has slow and plain versions of what the product does fast.
//!
//! ```
//! use advjnd_lab::metrics::{Plane, mean_squared_error, psnr};
//!
//! let (width, height) = (16, 16);
//! let clean = vec![100; width * height];
//! let changed = vec![104; width * height];
//! let clean = Plane::new(&clean, width, height, width)?;
//! let changed = Plane::new(&changed, width, height, width)?;
//!
//! assert_eq!(mean_squared_error(clean, changed)?, 16.0);
//! let expected = 10.0 * (255.0_f64.powi(2) / 16.0).log10();
//! assert!((psnr(clean, changed)? - expected).abs() < 1e-9);
//! # Ok::<(), advjnd::Error>(())
//! ```

pub mod attack;
pub mod metrics;
pub mod reference;
