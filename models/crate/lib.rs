// SPDX-License-Identifier: MIT OR Apache-2.0
//! Weights of networks that the crate `advjnd` builds in. A crate of the registry may hold 10 MB, so that large files
//! come in parts, `parts/FILE.NUMBER`; the build script of `advjnd` joins them. There is no code here.
