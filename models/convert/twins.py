# SPDX-License-Identifier: MIT OR Apache-2.0
"""The five networks in PyTorch, run from the files in models/. Reference only: slow, short, easy to read.

Not a program. `check.py` compares these with the original runtimes; `golden_faces.py` takes embeddings from them.
Each recogniser is a function from an RGB chip [h, w, 3] (0..255) to its embedding.
"""

import json
from collections.abc import Callable

import common
import numpy as np
import torch
import torch.nn.functional as F
from safetensors import safe_open

Embedder = Callable[[np.ndarray], np.ndarray]
Weights = dict[str, torch.Tensor]


def load(name: str) -> tuple[Weights, list]:
    """The tensors and the `layers` of a weight file."""
    with safe_open(common.MODELS / f"{name}.safetensors", "pt") as file:
        tensors = {key: file.get_tensor(key).float() for key in file.keys()}
        return tensors, json.loads((file.metadata() or {}).get("layers", "[]"))


def planes(chip: np.ndarray) -> torch.Tensor:
    """[h, w, 3] to [1, 3, h, w], f32."""
    return torch.from_numpy(np.ascontiguousarray(chip.transpose(2, 0, 1)[None], np.float32))


def conv(w: Weights, name: str, x: torch.Tensor, stride: int = 1, padding: int = 0, groups: int = 1) -> torch.Tensor:
    """One convolution by its name."""
    return F.conv2d(x, w[name + ".weight"], w[name + ".bias"], stride, padding, groups=groups)


def pad_to(x: torch.Tensor, height: int, width: int, channels: int) -> torch.Tensor:
    """Zeros at the right, at the bottom, and in missing channels."""
    return F.pad(x, (0, width - x.shape[3], 0, height - x.shape[2], 0, channels - x.shape[1]))


def dlib_resnet29() -> Embedder:
    w, _ = load("dlib_resnet29")
    groups = (("level4", 3, False), ("level3", 4, True), ("level2", 3, True), ("level1", 3, True), ("level0", 1, True))

    @torch.no_grad()
    def embed(chip: np.ndarray) -> np.ndarray:
        x = (planes(chip) - torch.tensor([122.782, 117.001, 104.298]).view(1, 3, 1, 1)) / 256
        x = F.max_pool2d(F.relu(conv(w, "stem", x, 2)), 3, 2)
        for group, count, halves in groups:
            for i in range(count):
                down = halves and i == 0
                y = F.relu(conv(w, f"{group}.{i}.conv1", x, 2 if down else 1, 0 if down else 1))
                y = conv(w, f"{group}.{i}.conv2", y, 1, 1)
                skip = F.avg_pool2d(x, 2, 2) if down else x
                size = [max(skip.shape[d], y.shape[d]) for d in (2, 3)]
                x = F.relu(pad_to(skip, *size, y.shape[1]) + pad_to(y, *size, y.shape[1]))
        return (x.mean((2, 3)) @ w["fc.weight"].T)[0].numpy()

    return embed


def sface() -> Embedder:
    w, layers = load("sface_2021dec")

    @torch.no_grad()
    def embed(chip: np.ndarray) -> np.ndarray:
        x = (planes(chip) - 127.5) * 0.0078125
        for name, stride, padding, groups in layers:
            x = F.prelu(conv(w, name, x, stride, padding, groups), w[name + ".prelu"])
        return F.linear(x.flatten(1), w["fc.weight"], w["fc.bias"])[0].numpy()

    return embed


def mobilefacenet() -> Embedder:
    w, layers = load("mobilefacenet")

    @torch.no_grad()
    def embed(chip: np.ndarray) -> np.ndarray:
        outputs: list[torch.Tensor] = []
        for kind, *layer in layers:
            if kind == "add":
                outputs.append(outputs[layer[0]] + outputs[layer[1]])
                continue
            name, stride, padding, depthwise, prelu = layer
            x = outputs[-1] if outputs else (planes(chip) - 127.5) / 128
            if padding == "same":
                need = (-(-x.shape[2] // stride) - 1) * stride + w[name + ".weight"].shape[2] - x.shape[2]
                before, after = max(need, 0) // 2, max(need, 0) - max(need, 0) // 2
                x = F.pad(x, (before, after, before, after))
            x = conv(w, name, x, stride, 0, x.shape[1] if depthwise else 1)
            outputs.append(F.prelu(x, w[name + ".prelu"]) if prelu else x)
        return outputs[-1].flatten(1)[0].numpy()

    return embed


def yunet() -> Callable[[np.ndarray], dict[str, np.ndarray]]:
    """From a BGR picture with sides that are multiples of 32 to the twelve outputs, flat as in the ONNX file."""
    w, _ = load("yunet_2023mar")

    def unit(name: str, x: torch.Tensor) -> torch.Tensor:
        """Pointwise, then depthwise 3x3."""
        x = conv(w, name + ".conv1", x)
        return conv(w, name + ".conv2", x, 1, 1, x.shape[1])

    @torch.no_grad()
    def run(picture: np.ndarray) -> dict[str, np.ndarray]:
        x = F.relu(conv(w, "backbone.model0.conv1", planes(picture), 2, 1))
        x = F.max_pool2d(F.relu(unit("backbone.model0.conv2", x)), 2, 2)
        scales = []
        for stage in range(1, 6):
            for part in (1, 2):
                x = F.relu(unit(f"backbone.model{stage}.conv{part}", x))
            scales.append(x)
            if stage in (2, 3, 4):
                x = F.max_pool2d(x, 2, 2)
        top = None
        levels = {}
        for level, x in reversed(list(enumerate(scales[2:]))):
            x = x if top is None else x + F.interpolate(top, scale_factor=2, mode="nearest")
            levels[level] = top = F.relu(unit(f"neck.lateral_convs.{level}", x))
        result = {}
        for level, stride in enumerate((8, 16, 32)):
            for head in ("cls", "obj", "bbox", "kps"):
                y = unit(f"bbox_head.multi_level_{head}.{level}", levels[level])
                y = torch.sigmoid(y) if head in ("cls", "obj") else y
                result[f"{head}_{stride}"] = y.permute(0, 2, 3, 1).flatten(1, 2).numpy()
        return result

    return run


def blazeface() -> Callable[[np.ndarray], dict[str, np.ndarray]]:
    """From an RGB picture with sides that are multiples of 32 to the two outputs, per anchor as in the file."""
    w, _ = load("blazeface_full_range")

    def depthwise(name: str, x: torch.Tensor, stride: int) -> torch.Tensor:
        """3x3; at stride 2 the zeros are at the right and the bottom."""
        before = 2 - stride
        return conv(w, name, F.pad(x, (before, 1, before, 1)), stride, 0, x.shape[1])

    def block(name: str, x: torch.Tensor, stride: int = 1) -> torch.Tensor:
        y = F.relu(conv(w, f"{name}.pointwise1", depthwise(f"{name}.depthwise1", x, stride)))
        y = conv(w, f"{name}.pointwise2", depthwise(f"{name}.depthwise2", y, 1))
        skip = F.max_pool2d(x, 2, 2) if stride == 2 else x
        return F.relu(y + pad_to(skip, *y.shape[2:], y.shape[1]))

    @torch.no_grad()
    def run(picture: np.ndarray) -> dict[str, np.ndarray]:
        x = F.relu(conv(w, "stem", F.pad(planes(picture) / 127.5 - 1, (0, 1, 0, 1)), 2))
        levels = []
        for index in range(15):
            halves = index in (2, 5, 8, 11)
            if halves:
                levels.append(x)
            x = block(f"block{index:02}", x, 2 if halves else 1)
        for level, blocks in enumerate((2, 2, 1)):
            x = F.relu(conv(w, f"neck{level}.down", x))
            fine = F.relu(conv(w, f"neck{level}.lateral", levels[3 - level]))
            x = fine + F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
            for index in range(blocks):
                x = block(f"neck{level}.block{index}", x)
        return {name: conv(w, name, x).flatten(2)[0].T.numpy() for name in ("score", "regressors")}

    return run
