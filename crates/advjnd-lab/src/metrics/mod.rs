// SPDX-License-Identifier: MIT OR Apache-2.0
//! Full-reference image quality: how far an adversarial picture is from its clean one.
//!
//! | metric | of | equal pictures | worse is |
//! |---|---|---|---|
//! | [`psnr`], [`mean_squared_error`] | a plane | [`MAX_PSNR`], 0 | lower, higher |
//! | [`pspnr`] | a plane and its JND | [`MAX_PSNR`] | lower |
//! | [`ssim`], [`ms_ssim`] | a plane | 1 | lower |
//! | [`gmsd`] | a plane | 0 | higher |
//! | [`ciede2000`] | a colour picture | 0 | higher |
//! | [`ssimulacra2`] | a colour picture | 100 | lower |
//!
//! Pictures are given as views, [`Plane`] or [`RgbPicture`], which may be boxes of larger ones: every metric can be
//! taken of the face and of the whole frame. A perturbation of a face flatters the numbers of its frame; state both.

mod ciede2000;
mod gmsd;
mod halved;
mod ms_ssim;
mod plane;
mod psnr;
mod pspnr;
pub mod reference;
mod rgb;
mod ssim;
mod ssimulacra2;

pub use self::ssimulacra2::{MIN_SSIMULACRA2_SIDE, ssimulacra2};
pub use ciede2000::{ciede2000, delta_e00};
pub use gmsd::gmsd;
pub use ms_ssim::{MIN_MS_SSIM_SIDE, ms_ssim};
pub use plane::Plane;
pub use psnr::{MAX_PSNR, mean_squared_error, psnr};
pub use pspnr::pspnr;
pub use rgb::RgbPicture;
pub use ssim::{MIN_SSIM_SIDE, ssim};
