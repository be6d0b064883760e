// SPDX-License-Identifier: MIT OR Apache-2.0
//! The whole line, `Protector`, from a frame to a protected frame and its report.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../common/mod.rs"]
mod common;
#[path = "../common/samples.rs"]
mod samples;

mod attacker;
mod bounds;
mod context;
mod ensemble;
mod faults;
mod found;
mod frames;
mod hidden;
mod judges;
mod known;
mod moving;
mod pace;
mod people;
mod scene;
mod shape;
mod swap;
mod together;
mod transfer;
mod whole;
