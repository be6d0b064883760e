// SPDX-License-Identifier: MIT OR Apache-2.0
//! Model files that are not what they should be are errors that say so, never panics.

#![allow(clippy::expect_used, reason = "a test fails by panicking")]

mod common;

use advjnd::net::candle;
use advjnd::net::{DetectorNet, Network, Recognizer};
use bytes::Bytes;
use candle_core::Device;
use common::model;

#[test]
fn net_damaged_models_are_errors() {
    let backend = candle::backend(Device::Cpu);
    for network in Network::ALL {
        assert!(Recognizer::load(network, &Bytes::new(), &backend).is_err(), "{network:?} from nothing");
        assert!(
            Recognizer::load(network, &Bytes::from("not a model at all"), &backend).is_err(),
            "{network:?} from text"
        );
        let bytes = model(network.name());
        for kept in [7, 100, bytes.len() / 2, bytes.len() - 1] {
            assert!(
                Recognizer::load(network, &bytes.slice(..kept), &backend).is_err(),
                "{network:?} cut to {kept} bytes"
            );
        }
        for other in Network::ALL.into_iter().filter(|other| *other != network) {
            let error = Recognizer::load(other, &bytes, &backend).err().expect("another network's file");
            assert!(error.to_string().contains("tensor `"), "{error}");
        }
        let mut damaged = Vec::from(bytes);
        let end = damaged.len();
        damaged[end - 4000..].fill(0xff);
        let error = Recognizer::load(network, &damaged.into(), &backend).err().expect("not-a-number weights");
        assert!(error.to_string().contains("not finite"), "{error}");
    }
}

#[test]
fn net_detector_refuses_odd_sizes() {
    let bytes = model("yunet_2023mar");
    let mut detector = DetectorNet::load(&bytes, candle::backend(Device::Cpu)).expect("model");
    for (height, width) in [(0, 32), (32, 0), (33, 32), (32, 31)] {
        assert!(detector.forward(&vec![0.0; 3 * height * width], height, width).is_err(), "{width}x{height}");
    }
    assert!(detector.forward(&[0.0; 100], 32, 32).is_err(), "too few entries");
    detector.forward(&vec![0.0; 3 * 32 * 64], 32, 64).expect("a good size");
    assert_eq!((detector.cls(0).len(), detector.kps(2).len()), (32, 20));
}
