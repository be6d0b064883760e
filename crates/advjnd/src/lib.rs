// SPDX-License-Identifier: MIT OR Apache-2.0
//! Adversarial face protection under a just-noticeable-difference budget.
//!
//! A [`Protector`] takes the frames of one video in order. It finds and follows the faces, and changes the pixels of
//! each face by less than the eye notices, until the recognisers of its [`Models`] no longer match the face. It covers
//! a face that its self-check does not confirm. The [`FrameReport`] says what became of each face.
//!
//! This lowers the match rate of named recognisers. It does not anonymise, and a face that is not found goes out
//! unchanged.
//!
//! The example covers a face at a given place; [`Mode::Protect`], the default, changes the face instead.
//!
//! ```
//! use advjnd::face::BBox;
//! use advjnd::{Colorimetry, Context, FrameMut, GivenFace, Mode, Models, PixelFormat, PlaneMut, Protector, Settings};
//! use advjnd::Verdict;
//!
//! let (width, height) = (160, 120);
//! let clean: Vec<u8> = (0..3 * width * height).map(|i| (i % 251) as u8).collect();
//! let mut pixels = clean.clone();
//! let planes = vec![PlaneMut { data: &mut pixels, stride: 3 * width }];
//! let mut frame = FrameMut::new(PixelFormat::Rgb, Colorimetry::default(), width, height, planes)?;
//!
//! let bbox = BBox { x: 60.0, y: 40.0, width: 40.0, height: 50.0 };
//! let faces = [GivenFace { bbox, landmarks: None }];
//! let context = Context { faces: Some(&faces), ..Context::default() };
//! let settings = Settings { mode: Mode::Cover, ..Settings::default() };
//! let mut protector = Protector::new(Models::embedded()?, 1, 7)?;
//! let report = protector.process(&mut frame, &context, &settings)?;
//!
//! assert_eq!(report.faces.len(), 1);
//! assert!(matches!(report.faces[0].verdict, Verdict::Covered(_)));
//! let at = |x: usize, y: usize| 3 * (y * width + x)..3 * (y * width + x + 1);
//! assert_ne!(pixels[at(80, 65)], clean[at(80, 65)]);
//! assert_eq!(pixels[at(2, 2)], clean[at(2, 2)]);
//! # Ok::<(), advjnd::Error>(())
//! ```

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
