// SPDX-License-Identifier: MIT OR Apache-2.0
//! Several faces on a device that takes their chips together: the same bytes as one by one, whenever it fails.

use std::sync::Arc;

use crate::scene::staged::{Call, Fault, Stage};
use crate::scene::{Picture, Scene};
use advjnd::net::Backend;
use advjnd::net::watch::{Watch, WatchedNetworks};
use advjnd::{Context, Models, Pool, Protector, Settings};

const FACES: usize = 3;
const FRAMES: usize = 3;

fn models() -> Arc<Models> {
    Models::open(None, &["dlib_resnet29".to_owned(), "mobilefacenet".to_owned()]).expect("models")
}

/// Three faces side by side.
fn picture() -> Picture {
    Picture::astronaut().repeated(FACES)
}

/// A protector whose recognisers are on a stage as a watched device.
fn watched() -> (Scene, Arc<Watch>) {
    let (stage, models) = (Stage::new(), models());
    let networks = models.recognizers().map(|(_, graph)| graph);
    let watch = Watch::new(stage.clone(), networks, &Pool::new(1).expect("threads")).expect("a stage");
    let backend = Backend::Own(Arc::new(WatchedNetworks(Arc::clone(&watch))));
    let mut protector = Protector::with_backend(models, backend, 0).expect("protector");
    protector.set_clock(stage.clock.clone());
    stage.take_batches();
    (Scene { stage, protector }, watch)
}

fn settings() -> Settings {
    Settings { max_iterations: 6, ..Settings::default() }
}

/// The frames of a protector that works on the processor, one face after the other.
fn expected(settings: &Settings) -> Vec<Picture> {
    let mut scene = Scene {
        stage: Stage::new(),
        protector: Protector::with_backend(models(), Backend::Cpu(Pool::new(1).expect("threads")), 0)
            .expect("protector"),
    };
    let picture = picture();
    (0..FRAMES).map(|_| scene.frame(&picture, &Context::default(), settings).0).collect()
}

#[test]
fn faces_iterate_together_and_the_bytes_are_those_of_one_by_one() {
    // With a shape, faces end their first iterations at different times.
    for settings in [settings(), Settings { reshape: 0.5, relight: 0.5, ..settings() }] {
        let (mut scene, watch) = watched();
        let picture = picture();
        for expected in expected(&settings) {
            let (output, report) = scene.frame(&picture, &Context::default(), &settings);
            assert_eq!(report.faces.len(), FACES);
            assert!(output.pixels == expected.pixels);
        }
        let batches = scene.stage.take_batches();
        let together = batches.iter().filter(|batch| **batch > 1).count();
        println!("{batches:?}");
        assert!(2 * together > batches.len(), "{batches:?}");
        assert_eq!(watch.fault(), None);
    }
}

#[test]
fn with_a_deadline_faces_iterate_together_too_and_checks_give_their_gradients_together() {
    let (mut scene, _) = watched();
    let picture = picture();
    scene.stage.set_costs([1, 1, 2]);
    let mut batches = Vec::new();
    for _ in 0..8 {
        let report = scene.timed(&picture, 400, &settings());
        assert_eq!(report.faces.len(), FACES);
        assert!(!report.late, "{report:?}");
        batches.push(scene.stage.take_batches());
    }
    println!("{batches:?}");
    // Three faces have two recognisers to turn to, so most rounds are of a pair and of one alone.
    let gradients = |shared: bool| batches.iter().flatten().filter(|own| !shared || **own > 1).sum::<usize>();
    assert!(2 * gradients(true) > gradients(false), "{batches:?}");
}

#[test]
fn a_device_that_fails_amid_the_gradients_of_several_faces_changes_nothing() {
    let (settings, picture) = (settings(), picture());
    let expected = expected(&settings);
    for call in [Call::Embedding, Call::Gradient] {
        for fault in [Fault::Error, Fault::NotFinite, Fault::Late] {
            let (mut scene, watch) = watched();
            for (frame, expected) in expected.iter().enumerate() {
                if frame == 1 {
                    assert_eq!(watch.fault(), None);
                    scene.stage.set_fault(Some((call, fault)));
                }
                let (output, report) = scene.frame(&picture, &Context::default(), &settings);
                assert!(output.pixels == expected.pixels, "{call:?} {fault:?}, frame {frame}");
                assert_eq!(report.fault, None, "{call:?} {fault:?}, frame {frame}");
            }
            assert!(watch.fault().is_some(), "{call:?} {fault:?}");
        }
    }
}
