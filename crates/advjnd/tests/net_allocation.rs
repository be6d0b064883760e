// SPDX-License-Identifier: MIT OR Apache-2.0
//! The steady state allocates nothing.

#![allow(clippy::expect_used, reason = "a test fails by panicking")]
#![allow(unsafe_code, reason = "a counting allocator")]

mod common;

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

use advjnd::Pool;
use advjnd::net::{Backend, BlazeFaceNet, DetectorNet, Embedder, Network, Recognizer};
use common::{model, synthetic};

struct Counting;

static ALLOCATIONS: AtomicUsize = AtomicUsize::new(0);

// SAFETY: passes everything on to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller's contract.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's contract.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// One test, for the counter sees the whole process.
#[test]
fn net_steady_state_allocates_nothing() {
    for threads in [1, 2] {
        let pool = Pool::new(threads).expect("pool");
        for network in Network::ALL {
            let bytes = model(network.name());
            let mut recogniser = Recognizer::load(network, &bytes, &Backend::Cpu(pool.clone())).expect("model");
            let chip = synthetic(network.spec().expect("spec").chip_size, network.spec().expect("spec").chip_size);
            let mut embedding = vec![0.0; network.spec().expect("spec").embedding_len];
            let mut gradient = vec![0.0; chip.len()];
            let mut step = || {
                recogniser.embed(&chip, &mut embedding).expect("embed");
                recogniser.embed_vjp(&chip, &mut |_, cotangent| cotangent.fill(1.0), &mut gradient).expect("gradient");
            };
            step();
            assert_eq!(allocations(&mut step), 0, "{network:?} on {threads} threads");
        }
        let bytes = model("yunet_2023mar");
        let mut detector = DetectorNet::load(&bytes, Backend::Cpu(pool.clone())).expect("model");
        let picture = synthetic(64, 96);
        let mut step = || detector.forward(&picture, 64, 96).expect("forward");
        step();
        assert_eq!(allocations(&mut step), 0, "the detector on {threads} threads");
        let bytes = model(BlazeFaceNet::NAME);
        let mut detector = BlazeFaceNet::load(&bytes, Backend::Cpu(pool)).expect("model");
        let mut step = || {
            detector.forward(&picture, 64, 96).expect("forward");
            assert!(detector.candidates(0.0).count() > 0);
        };
        step();
        assert_eq!(allocations(&mut step), 0, "the second detector on {threads} threads");
    }
}

fn allocations(step: &mut dyn FnMut()) -> usize {
    let before = ALLOCATIONS.load(Ordering::Relaxed);
    (0..5).for_each(|_| step());
    ALLOCATIONS.load(Ordering::Relaxed) - before
}
