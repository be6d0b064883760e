# SPDX-License-Identifier: MIT OR Apache-2.0
"""golden_net.py MODELS FACES OUT.json: embeddings, gradients and detector outputs that the engine must reproduce.

MODELS holds the safetensors of the three recognisers and yunet_2023mar.onnx, FACES holds pkg_skimage/astronaut.png.
PyTorch runs the recognisers (and differentiates them), ONNX Runtime the detector. Inputs are a synthetic chip, given by
`synthetic` here and in tests/net_golden.rs, and a crop of the photograph at whole pixels (no resampling to disagree
on).
    pip install numpy torch onnx onnxruntime safetensors pillow
"""
import json
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from PIL import Image
from safetensors import safe_open

sys.path.insert(0, str(Path(__file__).resolve().parent))
from torch_nets import NETWORKS

SAMPLES = 64
CROPS = {150: (150, 40), 112: (169, 59), 320: (64, 0)}  # side: left, top


def synthetic(height, width):
    c, y, x = np.meshgrid(np.arange(3), np.arange(height), np.arange(width), indexing="ij")
    return ((x * x + 3 * y * y + 2 * x * y + 41 * c * (x + 1)) // 16 % 256).astype(np.float32)


def crop(photograph, side):
    left, top = CROPS[side]
    return np.ascontiguousarray(photograph[top : top + side, left : left + side].transpose(2, 0, 1)).astype(np.float32)


def sampled(values):
    values = np.asarray(values, np.float64).ravel()
    step = max(len(values) // SAMPLES, 1)
    return {"norm": float(np.linalg.norm(values)), "samples": [float(v) for v in values[::step][:SAMPLES]]}


def recogniser(network, chip):
    x = torch.from_numpy(chip)[None].requires_grad_(True)
    embedding = network(x)[0]
    cotangent = torch.tensor([((i * 37) % 64 - 32) / 32 for i in range(len(embedding))])
    (gradient,) = torch.autograd.grad((embedding * cotangent).sum(), x)
    return {"embedding": [float(v) for v in embedding.detach()], "gradient": sampled(gradient.numpy())}


def detector(session, picture):
    names = [f"{head}_{stride}" for head in ("cls", "obj", "bbox", "kps") for stride in (8, 16, 32)]
    outputs = session.run(names, {"input": picture[None]})
    return {name: sampled(output) for name, output in zip(names, outputs, strict=True)}


def any_size(path, options=None):
    """The detector's file fixes its input at 640 x 640; its operations do not."""
    model = onnx.load(path)
    for value in model.graph.input:
        for dim, name in zip(value.type.tensor_type.shape.dim, ("n", "c", "h", "w"), strict=True):
            dim.dim_param = name
    del model.graph.value_info[:]
    for value in model.graph.output:
        value.type.tensor_type.shape.dim[1].dim_param = value.name + "_anchors"
    return onnxruntime.InferenceSession(model.SerializeToString(), options)


def main(models, faces, out):
    photograph = np.asarray(Image.open(Path(faces) / "pkg_skimage/astronaut.png").convert("RGB"))
    golden = {}
    for name, (side, build) in NETWORKS.items():
        with safe_open(str(Path(models) / f"{name}.safetensors"), "pt") as file:
            network = build({key: file.get_tensor(key).float() for key in file.keys()})
        golden[name] = {
            "synthetic": recogniser(network, synthetic(side, side)),
            "photograph": recogniser(network, crop(photograph, side)),
        }
    session = any_size(str(Path(models) / "yunet_2023mar.onnx"))
    bgr = np.ascontiguousarray(crop(photograph, 320)[::-1])
    golden["yunet_2023mar"] = {"synthetic": detector(session, synthetic(64, 96)), "photograph": detector(session, bgr)}
    Path(out).write_text(json.dumps(golden, separators=(",", ":")).replace("},", "},\n") + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
