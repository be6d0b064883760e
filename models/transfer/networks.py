# SPDX-License-Identifier: MIT OR Apache-2.0
"""The recognisers of tricks.py, with their layers in reach. Not a program."""
import sys
from pathlib import Path

import numpy as np
import torch.nn.functional as F
from safetensors.torch import load_file

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "convert"))
import torch_nets  # noqa: E402

LAYERS = {  # number of the convolution whose input is the middle layer; those at which channels are dropped
    "dlib_resnet29": (15, (7, 15, 21)), "sface_2021dec": (17, (9, 17, 23)), "mobilefacenet": (30, (18, 30, 39)),
}


class Tap:
    """While entered, keeps what goes into one convolution of a network, and drops channels at others."""

    def __init__(self, layer=None, drop=()):
        self.layer, self.drop = layer, drop

    def __enter__(self):
        self.count, self.plain = 0, F.conv2d
        F.conv2d = self.conv2d
        return self

    def __exit__(self, *_):
        F.conv2d = self.plain

    def conv2d(self, x, *args, **kwargs):
        if self.count == self.layer:
            self.value = x
        if self.count in self.drop:
            x = F.dropout2d(x, 0.1)
        self.count += 1
        return self.plain(x, *args, **kwargs)


class Network:
    def __init__(self, folder, spec):
        self.size, build = torch_nets.NETWORKS[spec["name"]]
        weights = load_file(folder / spec["file"])
        self.forward = build({name: value.float() for name, value in weights.items()})
        self.template, self.cosine = np.array(spec["input"]["template"]), spec["metric"] == "cosine"
        self.threshold, (self.layer, self.drop) = spec["verification_threshold"], LAYERS[spec["name"]]

    def margin(self, embedding, other):
        """How far beyond the threshold the two are apart, as a share of the way there from the same embedding.

        -1: the same embedding; 0: at the threshold; positive: not taken for one person. As in attack/objective.rs.
        """
        if self.cosine:
            return (self.threshold - F.cosine_similarity(embedding, other)) / (1 - self.threshold)
        return ((embedding - other).square().sum(1) + 1e-9).sqrt() / self.threshold - 1

    def mean(self, embeddings):
        return (F.normalize(embeddings) if self.cosine else embeddings).mean(0)

    def features(self, chips):
        with Tap(self.layer) as tap:
            embedding = self.forward(chips)
        return tap.value, embedding
