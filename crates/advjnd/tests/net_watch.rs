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
use advjnd::net::{Backend, Executor, Executors, Metric, Network, Pass, Recognizer, Retreat, RetreatBuffers};
use advjnd::{Error, Pool};
use networks::{Numbers, Vectors, random_network, retreat, run};
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

    /// Computes the gradients of `count` samples together, and compares.
    fn retreat(&mut self, numbers: &mut Numbers, count: usize) {
        let (sample, count) = (self.engine.input_shape().len(), count.min(self.watched.gradients_together()));
        let inputs = numbers.many(count * sample, 1.0);
        let length = self.engine.output_shape(0).expect("output").len();
        let vectors = Vectors::new(numbers, count, length);
        let (outputs, gradients) = retreat(&mut *self.watched, &inputs, &vectors.retreats());
        let found = outputs.chunks_exact(length).zip(gradients.chunks_exact(sample));
        for ((input, own), (output, gradient)) in inputs.chunks_exact(sample).zip(vectors.retreats()).zip(found) {
            let expected = retreat(&mut *self.engine, input, &[own]);
            assert!(output == expected.0 && gradient == expected.1, "{count} gradients");
        }
    }

    /// Pulls a cotangent back, and compares; the device fails between the two passes if `fault` says so.
    fn pull(&mut self, numbers: &mut Numbers, fault: Option<Fault>) {
        let input = numbers.many(self.engine.input_shape().len(), 1.0);
        let cotangent = numbers.many(self.engine.output_shape(0).expect("output").len(), 1.0);
        let mut gradient = vec![f32::NAN; input.len()];
        self.watched.forward(&input, Pass::Differentiable).expect("forward");
        let output = self.watched.output(0).to_vec();
        if fault.is_some() {
            self.stage.set_fault(fault.map(|fault| (Call::Gradient, fault)));
        }
        self.watched.input_gradient(&cotangent, &mut gradient).expect("a gradient");
        assert!((output, gradient) == run(&mut *self.engine, &input, &cotangent));
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
            // Only a pull has two passes for the device to fail between.
            let is_between = |way: usize| way == 3 && *work == 1;
            if let Some((way, fault)) = fault.filter(|(way, _)| !is_between(*way)) {
                both.stage.set_fault(Some((if way == 0 { Call::Embedding } else { Call::Gradient }, fault)));
            }
            let between = fault.filter(|(way, _)| is_between(*way)).map(|(_, fault)| fault);
            match work {
                0 => both.look(&mut numbers, *count),
                1 => both.pull(&mut numbers, between),
                _ => both.retreat(&mut numbers, *count),
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
        both.retreat(&mut numbers, count);
    }
    assert_eq!(both.stage.take_batches(), [1, 2, 3]);
    assert_eq!(both.watch.counts().iterations, 6);
    both.stage.set_fault(Some((Call::Gradient, Fault::Error)));
    both.retreat(&mut numbers, 2);
    assert_eq!(both.stage.take_batches(), [2], "the device is asked once");
    assert!(both.watch.fault().is_some_and(|fault| fault.contains("on purpose")), "{:?}", both.watch);
    assert_eq!((both.watched.gradients_together(), both.watch.counts().iterations), (1, 6));
    both.retreat(&mut numbers, 3);
    assert!(both.stage.take_batches().is_empty());
}

#[test]
fn net_gradients_that_come_late_are_the_processors() {
    let (mut numbers, mut both) = (Numbers(4), Both::new(&graph(4)));
    both.stage.set_fault(Some((Call::Gradient, Fault::Late)));
    both.retreat(&mut numbers, 2);
    assert!(both.watch.fault().is_some_and(|fault| fault.contains("no answer")), "{:?}", both.watch);
}

#[test]
fn net_gradients_of_no_or_too_many_samples_are_an_error() {
    let mut both = Both::new(&graph(5));
    let [sample, length] =
        [both.engine.input_shape(), both.engine.output_shape(0).expect("output")].map(|own| own.len());
    let vectors = Vectors::new(&mut Numbers(5), 4, length);
    let mut room = [0, 1].map(|_| vec![0.0; 5 * length]);
    let mut gradients = vec![0.0; 5 * sample];
    for (executor, counts) in
        [(&mut both.watched, [[0; 3], [4; 3], [2, 1, 2]]), (&mut both.engine, [[0; 3], [2; 3], [1, 1, 2]])]
    {
        for [inputs, retreats, found] in counts {
            let [outputs, cotangents] = room.each_mut().map(|own| &mut own[..found * length]);
            let mut found = RetreatBuffers { outputs, cotangents, gradients: &mut gradients[..found * sample] };
            let result =
                executor.retreat_many(&vec![0.0; inputs * sample], &vectors.retreats()[..retreats], &mut found);
            assert!(matches!(result, Err(Error::Input(_))), "{inputs}, {retreats}: {result:?}");
        }
    }
    let (long, fitting) = (vec![1.0; length + 1], vec![1.0; length]);
    for (references, away) in [([&long, &fitting], &fitting), ([&fitting; 2], &long), ([&fitting, &vec![]], &fitting)] {
        let retreat = Retreat { metric: Metric::Euclidean, references: references.map(Vec::as_slice), away };
        let [outputs, cotangents] = room.each_mut().map(|own| &mut own[..length]);
        let mut found = RetreatBuffers { outputs, cotangents, gradients: &mut gradients[..sample] };
        let result = both.watched.retreat_many(&vec![0.0; sample], &[retreat], &mut found);
        assert!(matches!(result, Err(Error::Input(_))) && both.watch.fault().is_none(), "{result:?}");
    }
    both.watched.forward(&vec![0.5; sample], Pass::Differentiable).expect("an embedding");
    let result = both.watched.input_gradient(&vec![1.0; length + 1], &mut vec![0.0; sample]);
    assert!(matches!(result, Err(Error::Input(_))), "{result:?}");
    // A sample that is not finite is no fault of the device's.
    let (outputs, _) = retreat(&mut *both.watched, &vec![f32::NAN; 2 * sample], &vectors.retreats()[..2]);
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
    let reference: Vec<f32> = (0..192).map(|index| (index % 7) as f32 - 3.0).collect();
    let retreats = [Retreat { metric: Metric::Cosine, references: [&reference; 2], away: &[] }; 4];
    let mut embeddings = vec![0.0; 4 * reference.len()];
    let mut expected = vec![0.0; chip.len()];
    engine.retreat_many(&chip, &retreats[..1], &mut embeddings[..192], &mut expected).expect("a gradient");
    let chips = [&chip, &nothing, &chip, &chip].map(Vec::as_slice).concat();
    for recognizer in [&mut watched, &mut engine] {
        let mut gradients = vec![0.0; chips.len()];
        recognizer.retreat_many(&chips, &retreats, &mut embeddings, &mut gradients).expect("gradients");
        for (index, gradient) in gradients.chunks_exact(chip.len()).enumerate() {
            let is_as_expected =
                if index == 1 { gradient.iter().all(|own| own.is_nan()) } else { gradient == expected };
            assert!(is_as_expected, "chip {index}");
        }
    }
    assert_eq!(watch.fault(), None);
}
