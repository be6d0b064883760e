// SPDX-License-Identifier: MIT OR Apache-2.0
//! The element as a pipeline sees it: formats, metadata, events, properties, reports and faults.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that fails must say so")]

#[path = "../common/mod.rs"]
mod common;

mod faults;
mod formats;
mod look_ahead;
mod masks;
mod metas;
mod people;
mod playing;
mod presets;
mod recognizers;
mod reports;
mod stream;
mod tags;
