// SPDX-License-Identifier: MIT OR Apache-2.0
//! The product's fast paths once more, slow and simple: what tests hold them to.

pub mod jnd;
