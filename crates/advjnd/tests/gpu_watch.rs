// SPDX-License-Identifier: MIT OR Apache-2.0
//! A GPU that is not trusted: what it computes is counted and checked, and the processor takes over when it fails.

#![cfg(feature = "gpu")]
#![allow(clippy::expect_used, reason = "a test fails by panicking")]

mod common;
#[path = "common/gpu.rs"]
mod gpu;
#[path = "common/networks.rs"]
mod networks;

use std::sync::Arc;

use advjnd::Pool;
use advjnd::net::gpu::Gpu;
use advjnd::net::graph::Graph;
use advjnd::net::watch::{Counts, Watch, WatchedNetworks};
use advjnd::net::{Backend, Executor, Executors, Network, Pass};
use common::skip;
use common::{model, photograph};
use networks::{Numbers, Vectors, cosine, relative_difference, retreat, run};

/// A network on a GPU of its own, watched, and on the processor alone.
struct Both {
    graph: Graph,
    gpu: Arc<Gpu>,
    watch: Arc<Watch>,
    watched: Box<dyn Executor>,
    engine: Box<dyn Executor>,
}

impl Both {
    fn new() -> Self {
        let pool = Pool::new(1).expect("threads");
        let graph = Network::MobileFaceNet.graph(&model("mobilefacenet")).expect("model");
        let gpu = Gpu::open(0).expect("an adapter");
        let watch = Watch::new(gpu.clone(), [&graph], &pool).expect("a GPU that computes rightly");
        let watched = WatchedNetworks(Arc::clone(&watch)).executor(&graph, 1).expect("a plan");
        let engine = Backend::Cpu(pool).executor(&graph, 1).expect("a plan");
        Self { graph, gpu, watch, watched, engine }
    }
}

#[test]
fn gpu_looks_are_counted_and_repeated_where_that_is_asked() {
    if gpu::gpu("gpu_looks_are_counted_and_repeated_where_that_is_asked").is_none() {
        return;
    }
    let Both { graph, watch, mut watched, mut engine, .. } = Both::new();
    let chip = photograph(graph.input_shape().width);
    engine.forward(&chip, Pass::Infer).expect("forward");
    watched.forward(&chip, Pass::Infer).expect("forward");
    assert!(watched.is_watched() && !engine.is_watched());
    assert!(watched.output(0) != engine.output(0), "the GPU adds up in another order");
    assert!(relative_difference(watched.output(0), engine.output(0)) < 5e-3);
    watched.forward(&chip, Pass::Exact).expect("forward");
    assert!(watched.output(0) == engine.output(0), "an exact look is the processor's");
    assert_eq!(watch.counts(), Counts { iterations: 0, looks: 1, audits: 1 });
    watched.forward(&vec![f32::NAN; chip.len()], Pass::Infer).expect("forward");
    assert_eq!(watch.fault(), None, "what is no number is no fault of the GPU's");
}

#[test]
fn gpu_gradients_of_several_chips_are_those_of_each() {
    if gpu::gpu("gpu_gradients_of_several_chips_are_those_of_each").is_none() {
        return;
    }
    let Both { graph, gpu, watch, mut watched, mut engine } = Both::new();
    let count = watched.gradients_together();
    assert!(count > 1 && engine.gradients_together() == 1);
    let face = photograph(graph.input_shape().width);
    let mirrored: Vec<f32> = face.chunks(graph.input_shape().width).flat_map(|row| row.iter().rev().copied()).collect();
    let chips: Vec<f32> = [face, mirrored].iter().cycle().take(count).flatten().copied().collect();
    let (sample, length) = (graph.input_shape().len(), 192);
    let vectors = Vectors::new(&mut Numbers(4), count, length);
    let retreats = vectors.retreats();
    let (embeddings, first) = retreat(&mut *watched, &chips, &retreats);
    let again = retreat(&mut *watched, &chips, &retreats);
    assert!(again.1 == first, "another result in the second run");
    assert_eq!(watch.counts(), Counts { iterations: 2 * count as u64, ..Counts::default() });
    gpu.close();
    let (_, gradients) = retreat(&mut *watched, &chips, &retreats);
    assert!(watch.fault().is_some_and(|fault| fault.contains("closed")), "{watch:?}");
    assert_eq!(watch.counts().iterations, 2 * count as u64);
    let found = first.chunks_exact(sample).zip(gradients.chunks_exact(sample)).zip(embeddings.chunks_exact(length));
    for (((found, after), embedding), index) in found.zip(0..) {
        let expected = retreat(&mut *engine, &chips[index * sample..][..sample], &retreats[index..][..1]);
        assert!(relative_difference(embedding, &expected.0) < 5e-3, "chip {index}");
        assert!(cosine(found, &expected.1) > 0.999, "chip {index}: cosine {}", cosine(found, &expected.1));
        assert!(after == expected.1, "chip {index}: the processor's gradient");
    }
}

#[test]
fn gpu_that_fails_leaves_the_processor_to_go_on() {
    if gpu::gpu("gpu_that_fails_leaves_the_processor_to_go_on").is_none() {
        return;
    }
    let Both { graph, gpu, watch, mut watched, mut engine } = Both::new();
    let chip = photograph(graph.input_shape().width);
    let cotangent = vec![0.1; 192];
    let (embedding, expected) = run(&mut *engine, &chip, &cotangent);
    // Between the two passes of a gradient.
    let mut gradient = vec![0.0; chip.len()];
    watched.forward(&chip, Pass::Differentiable).expect("forward");
    gpu.close();
    watched.input_gradient(&cotangent, &mut gradient).expect("the processor's gradient");
    assert!(gradient == expected);
    assert!(watch.fault().is_some_and(|fault| fault.contains("closed")), "{watch:?}");
    assert!(!watched.is_watched());
    let again = run(&mut *watched, &chip, &cotangent);
    assert!(again == (embedding, expected), "all that comes after is the processor's");
    assert_eq!(watch.counts(), Counts::default());
    let pool = Pool::new(1).expect("threads");
    assert!(watched.share(&graph, &pool).is_err(), "nothing new is put on it");
}
