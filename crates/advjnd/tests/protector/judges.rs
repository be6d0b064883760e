// SPDX-License-Identifier: MIT OR Apache-2.0
//! Recognisers that look at whole pictures, by code of the tests' own.

use advjnd::Pool;
use advjnd::attack::margin;
use advjnd::face::{Landmarks, SimilarityTransform};
use advjnd::net::{Backend, Embedder, Network, Recognizer};

use crate::attacker::Picture;

/// A recogniser of the repository.
pub struct Judge(Recognizer);

impl Judge {
    pub fn new(network: Network) -> Self {
        let backend = Backend::Cpu(Pool::new(2).expect("threads"));
        let bytes = crate::common::model(network.name());
        Self(Recognizer::load(network, &bytes, &backend).expect("a recogniser"))
    }

    /// How far the face of `output` lies beyond the threshold from that of `clean`, both at `landmarks`, in the unit
    /// of the property `margin`.
    pub fn margin(&mut self, clean: &Picture, output: &Picture, landmarks: &Landmarks) -> f32 {
        let spec = self.0.spec().clone();
        let to_chip = SimilarityTransform::fit(landmarks, &spec.template).expect("a face");
        let [clean, output] = [clean, output].map(|picture| {
            let chip = picture.warped(&to_chip.inverse(), spec.chip_size, spec.chip_size);
            let mut embedding = vec![0.0; spec.embedding_len];
            self.0.embed(&chip.planes, &mut embedding).expect("an embedding");
            embedding
        });
        margin(&spec, &clean, &output)
    }
}
