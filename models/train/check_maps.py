#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""Validation figures of the learned JND maps: writes check.json beside this script, and pictures of the maps.

Usage: python check_maps.py --weights DIR --pictures DIR [--look DIR]

Noise r shaped by a map J is added to pictures that were not trained on, with J scaled by one number per picture so that
the PSNR is a given one; the quality that is left is compared at equal PSNR with noise of the same power everywhere
(uniform) and with the teacher of the training, without its masking term (namm) and with it (teacher). PSNR is equalised
twice: over R, G, B, and over luma, because a map that puts its power into blue and red gains from the first. SSIM,
MS-SSIM (three scales) and VIF (pixel domain, four scales) are computed here on luma, apart from the code of the
training; VIF takes no part in the training.
"""
import argparse
import json
import pathlib

import numpy as np
import torch
from parts import JndNet, teacher, thresholds
from PIL import Image
from safetensors.torch import load_file
from scipy.ndimage import gaussian_filter, uniform_filter

HERE = pathlib.Path(__file__).parent
FILES = {"hvs-sd": "jnd_hvs_sd.safetensors", "rgb": "jnd_rgb.safetensors"}
SIDE = 384
LUMA = np.array([0.299, 0.587, 0.114])[:, None, None]


def moments(a, b, sigma):
    ma, mb, aa, bb, ab = (gaussian_filter(v, sigma, truncate=3.5) for v in (a, b, a * a, b * b, a * b))
    return ma, mb, aa - ma * ma, bb - mb * mb, ab - ma * mb


def ssim(a, b, scales=1):
    product = 1.0
    for scale, exponent in enumerate([1.0] if scales == 1 else [0.07, 0.45, 0.48]):
        ma, mb, va, vb, cov = moments(a, b, 1.5)
        value = (2 * cov + 58.5225) / (va + vb + 58.5225)
        if scale == scales - 1:
            value = value * (2 * ma * mb + 6.5025) / (ma * ma + mb * mb + 6.5025)
        product *= value.mean() ** exponent
        a, b = (uniform_filter(v, 2, origin=-1)[::2, ::2] for v in (a, b))
    return product


def vif(a, b, noise=2.0):
    """Sheikh and Bovik 2006, pixel domain."""
    kept = total = 0.0
    for scale in range(4):
        sigma = (2 ** (4 - scale) + 1) / 5
        if scale:
            a, b = (gaussian_filter(v, sigma)[::2, ::2] for v in (a, b))
        _, _, va, vb, cov = moments(a, b, sigma)
        va, vb = np.maximum(va, 0), np.maximum(vb, 0)
        gain = np.maximum(cov / (va + 1e-10), 0)
        rest = np.maximum(vb - gain * cov, 1e-10)
        kept += np.log10(1 + gain**2 * va / (rest + noise)).sum()
        total += np.log10(1 + va / noise).sum()
    return kept / total


def four(rows):
    """Means over the pictures, four decimals."""
    return [round(float(v), 4) for v in np.mean(rows, 0)]


def luma(x):
    return (x * LUMA).sum(0)


def psnr(d):
    return 10 * np.log10(255**2 / np.mean(d**2))


def add(x, shape, target, measure):
    """x plus the noise, scaled to the target PSNR (bisection: clipping makes it not quite linear)."""
    low, high = 0.0, 100.0
    for _ in range(40):
        scale = (low + high) / 2
        z = np.clip(x + scale * shape, 0, 255)
        low, high = (scale, high) if psnr(measure(z - x)) > target else (low, scale)
    return z


def noises(shape, rng):
    sign = rng.choice([-1.0, 1.0], (1, *shape[1:]))
    smooth = gaussian_filter(rng.standard_normal((1, *shape[1:])), (0, 2, 2))
    return {"white": np.repeat(sign, 3, 0), "sigma 2": np.repeat(smooth / smooth.std(), 3, 0)}


def probes(net):
    """Mean J of R, G, B: flat greys, a grey with texture, at and far from an edge, and at the corner of a flat grey."""
    grey = torch.full((1, 3, 64, 64), 128.0)
    texture = (grey + 20 * torch.randn(1, 1, 64, 64, generator=torch.Generator().manual_seed(1))).clamp(0, 255)
    edge = torch.where(torch.arange(64) < 32, 100.0, 156.0).expand(1, 3, 64, 64)
    with torch.no_grad():
        grey_map, texture_map, edge_map = (net(v)[0].numpy() for v in (grey, texture, edge))
        levels = (0, 32, 64, 96, 128, 160, 192, 255)
        flat = {str(v): net(torch.full_like(grey, v))[0, :, 32, 32].tolist() for v in levels}
    textured = texture_map[:, 16:48, 16:48].mean((1, 2))
    return {
        "flat grey": {v: [round(t, 2) for t in row] for v, row in flat.items()},
        "grey 128 with white noise of sigma 20": [round(float(v), 2) for v in textured],
        "edge from 100 to 156, at the edge": [round(float(v), 2) for v in edge_map[:, 32, 30:34].mean(1)],
        "the same edge, 16 pixels left and right": [[round(float(v), 2) for v in edge_map[:, 32, x]] for x in (16, 48)],
        "grey 128, corner": [round(float(v), 2) for v in grey_map[:, 0, 0]],
    }


def look(path, x, maps):
    """The picture, then each map as grey (mean of the channels, 0..3 times its mean) and as colour."""
    tiles = [x]
    for j in maps.values():
        tiles += [np.repeat(j.mean(0, keepdims=True), 3, 0) / j.mean() * 85, j / j.mean() * 85]
    Image.fromarray(np.clip(np.concatenate(tiles, 2), 0, 255).astype(np.uint8).transpose(1, 2, 0)).save(path)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weights", type=pathlib.Path, required=True)
    parser.add_argument("--pictures", type=pathlib.Path, required=True)
    parser.add_argument("--look", type=pathlib.Path)
    args = parser.parse_args()
    torch.set_num_threads(1)
    nets = {}
    for stage, name in FILES.items():
        nets[stage] = JndNet()
        nets[stage].load_state_dict(load_file(args.weights / name))
    rng, found, levels, names = np.random.default_rng(5), {}, {}, []
    for path in sorted(p for p in args.pictures.iterdir() if p.suffix in (".png", ".jpg")):
        picture = Image.open(path).convert("RGB")
        picture.thumbnail((SIDE, SIDE), Image.Resampling.BOX)
        x = np.asarray(picture, float).transpose(2, 0, 1)
        names.append(path.name)
        t = torch.from_numpy(x[None]).float()
        with torch.no_grad():
            maps = {"namm": teacher(t, 0.0)[0].double().numpy(), "teacher": teacher(t)[0].double().numpy()}
            maps |= {stage: thresholds(net, t)[0].double().numpy() for stage, net in nets.items()}
        for name, j in maps.items():
            levels.setdefault(name, []).append([*j.mean((1, 2)), *np.percentile(j, [1, 50, 99])])
        if args.look:
            look(args.look / f"{path.stem}.png", x, maps)
        for kind, r in noises(x.shape, rng).items():
            for basis, measure in (("rgb", np.asarray), ("luma", luma)):
                for name, j in ({"uniform": np.ones_like(x)} | maps).items():
                    z = add(x, r * j, 38.0, measure)
                    a, b = luma(x), luma(z)
                    row = [psnr(z - x), psnr(b - a), ssim(a, b), ssim(a, b, 3), vif(a, b)]
                    found.setdefault(f"{kind}, {basis} psnr 38", {}).setdefault(name, []).append(row)
    result = {
        "pictures": names, "longest_side": SIDE,
        "levels": {"columns": ["mean R", "mean G", "mean B", "1 %", "median", "99 %"]}
        | {n: four(v) for n, v in levels.items()},
        "at_equal_psnr": {"columns": ["psnr rgb", "psnr luma", "ssim", "ms_ssim", "vif"]}
        | {case: {n: four(v) for n, v in rows.items()} for case, rows in found.items()},
        "probes": {stage: probes(net) for stage, net in nets.items()},
    }
    (HERE / "check.json").write_text(json.dumps(result, indent=1) + "\n")
    for case, rows in found.items():
        print(case, *(f"\n  {n:8s} {four(v)}" for n, v in rows.items()))
    print(json.dumps(result["levels"]))


main()
