// SPDX-License-Identifier: MIT OR Apache-2.0
//! Bounds of a face's change: the loosest value of each range is no bound, a tight one is.

use crate::attacker::Picture;
use crate::common;
use advjnd::{Context, Models, Protector, Settings};

/// The last of four frames that show the same.
fn protected(settings: &Settings) -> Vec<u8> {
    let clean = Picture::read(&common::picture("astronaut.png"));
    let models = Models::open(None, &["mobilefacenet".to_owned()]).expect("models");
    let mut protector = Protector::new(models, 2, 0).expect("protector");
    let frames = (0..4).map(|_| {
        let (output, report) = clean.with_frame(|frame| protector.process(frame, &Context::default(), settings));
        report.map(|_| output.bytes()).expect("a report")
    });
    frames.last().expect("frames")
}

#[test]
fn the_loosest_value_of_a_bound_is_no_bound() {
    let rough = Settings { jnd_scale: 20.0, jnd_rms: 20.0, max_iterations: 4, ..Settings::default() };
    let loosest = Settings { flicker_limit: 2.0, max_change: 255, viewing_distance: 1000.0, min_psnr: 0.0, ..rough };
    let bytes = protected(&loosest);
    let beyond: [(&str, Settings); 4] = [
        ("flicker-limit", Settings { flicker_limit: 1e6, ..loosest }),
        ("max-change", Settings { max_change: u32::MAX, ..loosest }),
        ("viewing-distance", Settings { viewing_distance: 1e6, ..loosest }),
        ("min-psnr", Settings { min_psnr: -100.0, ..loosest }),
    ];
    for (name, settings) in beyond {
        assert!(protected(&settings) == bytes, "{name} still bounds at its loosest value");
    }
    let tight: [(&str, Settings); 4] = [
        ("flicker-limit", Settings { flicker_limit: 0.1, ..loosest }),
        ("max-change", Settings { max_change: 4, ..loosest }),
        ("viewing-distance", Settings { viewing_distance: 1.0, ..loosest }),
        ("min-psnr", Settings { min_psnr: 45.0, ..loosest }),
    ];
    for (name, settings) in tight {
        assert!(protected(&settings) != bytes, "{name} does not bound");
    }
}
