# SPDX-License-Identifier: MIT OR Apache-2.0
"""What jnd_maps.py leaves behind: the weights, the golden numbers and the curves."""
import json
import math
import pathlib

import numpy as np
import torch
from parts import JndNet, cost, thresholds
from safetensors.torch import load_file, save_file

HERE = pathlib.Path(__file__).parent
FILES = {"hvs-sd": "jnd_hvs_sd.safetensors", "rgb": "jnd_rgb.safetensors"}


def thin(curve, points=60):
    """Means of the terms over equal stretches of steps."""
    size = math.ceil(len(curve) / points)
    groups = [(i, curve[i : i + size]) for i in range(0, len(curve), size)]
    return [{"step": i + len(g)} | {k: float(f"{np.mean([r[k] for r in g]):.4g}") for k in g[0]} for i, g in groups]


def save_map(net, path, stage, seed, steps):
    parameters, macs = cost()
    save_file(net.state_dict(), path, {
        "map": stage, "parameters": str(parameters), "macs_per_pixel": f"{macs:g}",
        "seed": str(seed), "steps": str(steps),
        "architecture": "conv1 3-16 s2, conv2 16-24 s2, conv3 24-24, conv4 24-24, conv5 24-16, conv6 16-3; all 3x3, "
        "zero padding 1, ReLU after conv1..conv5; bilinear x4 (align_corners false); softplus",
        "input": "RGB, (x - 128) / 64, NCHW; sides padded right and bottom by edge replication to a multiple of 4",
        "output": "thresholds for R, G, B in 8-bit code values", "licence": "CC-BY-4.0, see models/train/DATA.md",
    })


def six(v):
    """Six significant digits."""
    return float(f"{float(v):.6g}")


def golden(out):
    """Outputs of the saved weights on two pictures given by formulas, every seventh value."""
    result = {
        "input": "r = (7x + 13y) % 256, g = (x*x + 3y + 40) % 256, b = (x*y + 5x + 90) % 256; x column, y row, from 0",
        "output": "channel-planar (R, G, B), row-major; sample k is value number 7k", "cases": [],
    }
    for stage, name in FILES.items():
        net = JndNet()
        net.load_state_dict(load_file(out / name))
        for width, height in ((37, 29), (64, 48)):
            y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
            rgb = torch.stack([(7 * x + 13 * y) % 256, (x * x + 3 * y + 40) % 256, (x * y + 5 * x + 90) % 256])
            with torch.no_grad():
                j = thresholds(net, rgb[None].float())[0]
            result["cases"].append({
                "map": stage, "width": width, "height": height, "mean": six(j.double().mean()), "min": six(j.min()),
                "max": six(j.max()), "samples": [six(v) for v in j.flatten()[::7]],
            })
    text = json.dumps(result).replace('{"map"', '\n{"map"')
    (HERE / "golden_jnd_maps.json").write_text(text + "\n")


def plot(curves):
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, 3, figsize=(13, 3.6), constrained_layout=True)
    for axis, (stage, record) in zip(axes, curves.items(), strict=True):
        rows = record["curve"]
        steps = [r["step"] for r in rows]
        for key in rows[0]:
            if key.startswith("share ") or key in ("mean J", "anchor", "mse", "bits"):
                axis.plot(steps, [r[key] for r in rows], label=key, linewidth=1)
        axis.set(title=stage, xlabel="step", yscale="log")
        axis.legend(fontsize=7)
    figure.savefig(HERE / "curves.png", dpi=80)
