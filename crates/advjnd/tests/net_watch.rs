// SPDX-License-Identifier: MIT OR Apache-2.0
//! A watched device against the processor, its naive twin: whatever is asked for, alone or together, and whenever the
//! device fails, the results are the same. The device is a stage that computes as the processor does.

#![allow(clippy::expect_used, reason = "a test fails by panicking")]

mod common;
#[path = "common/networks.rs"]
mod networks;
#[allow(dead_code, reason = "not every test needs everything")]
#[path = "common/staged.rs"]
mod staged;

use std::sync::Arc;

use advjnd::net::graph::Graph;
use advjnd::net::watch::{Watch, WatchedNetworks};
use advjnd::net::{Backend, Embedder, Executor, Executors, Network, Pass, Recognizer};
use advjnd::{Error, Pool};
use networks::{Numbers, random_network, run};
use proptest::prelude::*;
use staged::{Call, Fault, Stage};

/// A network on a watched stage, and on the processor alone.
struct Both {
    stage: Arc<Stage>,
    watch: Arc<Watch>,
    watched: Box<dyn Executor>,
    engine: Box<dyn Executor>,
}

impl Both {
    fn new(graph: &Graph) -> Self {
        let (stage, pool) = (Stage::new(), Pool::new(1).expect("threads"));
        let watch = Watch::new(stage.clone(), [graph], &pool).expect("a stage that computes rightly");
        stage.take_batches();
        let watched = WatchedNetworks(Arc::clone(&watch)).executor(graph, 1).expect("a plan");
        Self { stage, watch, watched, engine: Backend::Cpu(pool).executor(graph, 1).expect("a plan") }
    }

    /// Embeds `count` samples together, and compares.
    fn look(&mut self, numbers: &mut Numbers, count: usize) {
        let sample = self.engine.input_shape().len();
        let inputs = numbers.many(count * sample, 1.0);
        let length = self.engine.output_shape(0).expect("output").len();
        let mut outputs = vec![f32::NAN; count * length];
        self.watched.infer_many(&inputs, &mut outputs).expect("embeddings");
        for (input, output) in inputs.chunks_exact(sample).zip(outputs.chunks_exact(length)) {
            self.engine.forward(input, Pass::Infer).expect("forward");
            assert!(output == self.engine.output(0), "{count} looks");
        }
    }

    /// Computes the gradients of `count` samples together, and compares; the device fails between the two passes if
    /// `fault` says so.
    fn climb(&mut self, numbers: &mut Numbers, count: usize, fault: Option<Fault>) {
        let (sample, together) = (self.engine.input_shape().len(), self.watched.gradients_together());
        let inputs = numbers.many(count.min(together) * sample, 1.0);
        let length = self.engine.output_shape(0).expect("output").len();
        let cotangents = numbers.many(inputs.len() / sample * length, 1.0);
        let mut outputs = vec![f32::NAN; cotangents.len()];
        let mut gradients = vec![f32::NAN; inputs.len()];
        self.watched.differentiate_many(&inputs, &mut outputs).expect("embeddings");
        if fault.is_some() {
            self.stage.set_fault(fault.map(|fault| (Call::Gradient, fault)));
        }
        self.watched.input_gradient(&cotangents, &mut gradients).expect("gradients");
        let samples = inputs.chunks_exact(sample).zip(cotangents.chunks_exact(length));
        let found = outputs.chunks_exact(length).zip(gradients.chunks_exact(sample));
        for ((input, cotangent), (output, gradient)) in samples.zip(found) {
            let expected = run(&mut *self.engine, input, cotangent);
            assert!(output == expected.0 && gradient == expected.1, "{count} gradients");
        }
    }
}

fn graph(seed: u64) -> Graph {
    random_network(&mut Numbers(seed), 16, 8, seed as usize % 3, seed as usize % 2).expect("graph")
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(24) })]

    #[test]
    fn net_watched_work_is_that_of_the_processor_whenever_the_device_fails(
        seed in any::<u64>(), works in prop::collection::vec((0usize..3, 1usize..6), 1..7),
        fails in prop::option::of((0usize..7, 0usize..4, any::<bool>())),
    ) {
        let (mut numbers, mut both) = (Numbers(seed), Both::new(&graph(seed)));
        for (index, (work, count)) in works.iter().enumerate() {
            let fault = fails.filter(|(at, ..)| *at == index).map(|(_, way, finite)| {
                (way, if finite { Fault::Error } else { Fault::NotFinite })
            });
            if let Some((way, fault)) = fault.filter(|(way, _)| *way < 3) {
                both.stage.set_fault(Some((if way == 0 { Call::Embedding } else { Call::Gradient }, fault)));
            }
            let between = fault.filter(|(way, _)| *way == 3).map(|(_, fault)| fault);
            match work {
                0 => both.look(&mut numbers, *count),
                1 => both.climb(&mut numbers, 1, between),
                _ => both.climb(&mut numbers, *count, between),
            }
        }
        prop_assert!(fails.is_some() || both.watch.fault().is_none());
    }
}

#[test]
fn net_gradients_go_together_until_the_device_fails() {
    let (mut numbers, mut both) = (Numbers(3), Both::new(&graph(3)));
    assert_eq!((both.watched.gradients_together(), both.engine.gradients_together()), (3, 1));
    for count in [1, 2, 3] {
        both.climb(&mut numbers, count, None);
    }
    assert_eq!(both.stage.take_batches(), [1, 2, 3]);
    assert_eq!(both.watch.counts().iterations, 6);
    both.climb(&mut numbers, 2, Some(Fault::Error));
    assert_eq!(both.stage.take_batches(), [2], "the device is asked once");
    assert!(both.watch.fault().is_some_and(|fault| fault.contains("on purpose")), "{:?}", both.watch);
    assert_eq!((both.watched.gradients_together(), both.watch.counts().iterations), (1, 6));
    both.climb(&mut numbers, 3, None);
    assert!(both.stage.take_batches().is_empty());
}

#[test]
fn net_gradients_that_come_late_are_the_processors() {
    let (mut numbers, mut both) = (Numbers(4), Both::new(&graph(4)));
    both.climb(&mut numbers, 2, Some(Fault::Late));
    assert!(both.watch.fault().is_some_and(|fault| fault.contains("no answer")), "{:?}", both.watch);
}

#[test]
fn net_gradients_of_no_or_too_many_samples_are_an_error() {
    let mut both = Both::new(&graph(5));
    let [sample, length] =
        [both.engine.input_shape(), both.engine.output_shape(0).expect("output")].map(|own| own.len());
    for (executor, counts) in [(&mut both.watched, [0, 4]), (&mut both.engine, [0, 2])] {
        for count in counts {
            let result = executor.differentiate_many(&vec![0.0; count * sample], &mut vec![0.0; count * length]);
            assert!(matches!(result, Err(Error::Input(_))), "{count}: {result:?}");
        }
    }
    both.watched.differentiate_many(&vec![0.5; 2 * sample], &mut vec![0.0; 2 * length]).expect("embeddings");
    let result = both.watched.input_gradient(&vec![1.0; length], &mut vec![0.0; sample]);
    assert!(matches!(result, Err(Error::Input(_))), "{result:?}");
    // A sample that is not finite is no fault of the device's.
    let mut outputs = vec![0.0; 2 * length];
    both.watched.differentiate_many(&vec![f32::NAN; 2 * sample], &mut outputs).expect("embeddings");
    assert!(outputs.iter().any(|value| value.is_nan()) && both.watch.fault().is_none());
}

#[test]
fn net_chips_that_are_not_finite_leave_the_gradients_of_others_alone() {
    let network = Network::MobileFaceNet;
    let graph = network.graph(&common::model(network.name())).expect("model");
    let Both { watched, engine, watch, .. } = Both::new(&graph);
    let [mut watched, mut engine] =
        [watched, engine].map(|own| Recognizer::new(network.spec().expect("a spec"), own).expect("a recogniser"));
    let side = network.spec().expect("a spec").chip_size;
    let chip = common::photograph(side);
    let nothing = vec![f32::NAN; chip.len()];
    let mut expected = vec![0.0; chip.len()];
    engine.embed_vjp(&chip, &mut |own, cotangent| cotangent.copy_from_slice(own), &mut expected).expect("a gradient");
    let chips = [&chip, &nothing, &chip, &chip].map(Vec::as_slice).concat();
    for recognizer in [&mut watched, &mut engine] {
        let (mut gradients, mut asked) = (vec![0.0; chips.len()], Vec::new());
        let mut cotangent = |index: usize, embedding: &[f32], cotangent: &mut [f32]| {
            asked.push(index);
            cotangent.copy_from_slice(embedding);
        };
        recognizer.embed_vjp_many(&chips, &mut cotangent, &mut gradients).expect("gradients");
        assert_eq!(asked, [0, 2, 3]);
        for (index, gradient) in gradients.chunks_exact(chip.len()).enumerate() {
            let is_as_expected =
                if index == 1 { gradient.iter().all(|own| own.is_nan()) } else { gradient == expected };
            assert!(is_as_expected, "chip {index}");
        }
    }
    assert_eq!(watch.fault(), None);
}
