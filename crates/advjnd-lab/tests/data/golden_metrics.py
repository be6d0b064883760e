#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""Writes golden_metrics.json: the metrics of metrics_golden.rs, as other programs compute them.

planes: PSNR and SSIM of small synthetic planes by scikit-image.
pictures: boxes of the pictures in crates/advjnd/tests/data and the same with a deterministic perturbation:
  psnr, ssim      of luma, by scikit-image
  ms_ssim         of luma, by the authors' MATLAB program (msssim.m) written again with SciPy; equals piq's where no
  scale
                  is odd (piq puts the extra column of odd ones on the other side)
  gmsd            of luma, by piq
  pspnr           of luma, by NumPy after eq. 14 and 15
  ciede2000       by scikit-image (rgb2lab, deltaE_ciede2000)
  ssimulacra2     by the Python package ssimulacra2, with zeros beyond the picture as in the authors' program (the
  package
                  has them above and below alone), of pictures from 225x225 on (below, it leaves scales out that the
                  authors' program has)

Usage: python golden_metrics.py
NumPy 2.4.6, SciPy 1.17.1, scikit-image 0.26.0, torch 2.15.0, piq 0.8.0, ssimulacra2 0.3.0
"""
import json
import pathlib
import tempfile

import numpy as np
import piq
import torch
from scipy import ndimage, signal
from skimage import io
from skimage.color import deltaE_ciede2000, rgb2lab
from skimage.metrics import peak_signal_noise_ratio, structural_similarity
from ssimulacra2 import ssimulacra2 as program

program.blur_image = lambda picture: ndimage.gaussian_filter(picture, (1.5, 1.5, 0), truncate=4, mode="constant")

HERE = pathlib.Path(__file__).parent
PICTURES = HERE.parents[2] / "advjnd/tests/data"


def pair(width, height, amplitude):
    """Ramp with texture and an edge, and the same with a deterministic perturbation of up to +-amplitude."""
    y, x = np.mgrid[0:height, 0:width].astype(np.int64)
    clean = 20 + 2 * x + 3 * y + (x * x * 31 + y * y * 17 + x * y * 7) % 29 + np.where(x > y, 60, 0)
    delta = (x * 73 + y * 151 + x * y * 11) % (2 * amplitude + 1) - amplitude
    clean = np.clip(clean, 0, 255)
    return clean.astype(np.uint8), np.clip(clean + delta, 0, 255).astype(np.uint8)


def perturbed(clean, amplitude):
    """A colour picture with a deterministic perturbation of up to +-amplitude."""
    height, width, channels = clean.shape
    y, x, c = np.mgrid[0:height, 0:width, 0:channels].astype(np.int64)
    delta = (x * 73 + y * 151 + x * y * 11 + c * 37) % (2 * amplitude + 1) - amplitude
    return np.clip(clean.astype(np.int64) + delta, 0, 255).astype(np.uint8)


def luma(picture):
    return ((picture.astype(np.int64) @ [299, 587, 114] + 500) // 1000).astype(np.uint8)


def ssim(clean, adversarial):
    return structural_similarity(
        clean, adversarial, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=255
    )


def ms_ssim(clean, adversarial):
    """msssim.m: means of cs at scales 1 to 4 and of SSIM at the fifth; scales by imfilter(ones(2)/4, 'symmetric')."""
    if min(clean.shape) < 161:
        return None
    tap = np.exp(-np.arange(-5, 6) ** 2 / (2 * 1.5**2))
    window = np.outer(tap, tap) / tap.sum() ** 2
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    x, y, product = clean.astype(float), adversarial.astype(float), 1.0
    for scale, weight in enumerate([0.0448, 0.2856, 0.3001, 0.2363, 0.1333]):
        def mean(plane):
            return signal.convolve2d(plane, window, mode="valid")
        mx, my = mean(x), mean(y)
        vx, vy, cov = mean(x * x) - mx * mx, mean(y * y) - my * my, mean(x * y) - mx * my
        cs = (2 * cov + c2) / (vx + vy + c2)
        value = cs * (2 * mx * my + c1) / (mx * mx + my * my + c1) if scale == 4 else cs
        product *= value.mean() ** weight
        def half(plane):
            return ndimage.uniform_filter(plane, 2, mode="reflect", origin=-1)[::2, ::2]
        x, y = half(x), half(y)
    return product


def tensor(plane):
    return torch.from_numpy(plane.astype(float))[None, None]


def pspnr(clean, adversarial):
    y, x = np.mgrid[0 : clean.shape[0], 0 : clean.shape[1]]
    jnd = 0.25 * ((x * 5 + y * 3) % 17)
    excess = np.abs(clean.astype(float) - adversarial) - jnd
    error = np.mean(np.where(excess >= 0, excess, 0) ** 2)
    return 20 * np.log10(255 / np.sqrt(error)) if error > 0 else 100


def ssimulacra2(clean, adversarial):
    if min(clean.shape[:2]) < 225:
        return None
    with tempfile.TemporaryDirectory() as folder:
        paths = [f"{folder}/{name}.png" for name in ("clean", "adversarial")]
        for path, picture in zip(paths, (clean, adversarial), strict=True):
            io.imsave(path, picture, check_contrast=False)
        return float(program.compute_ssimulacra2(*paths))


planes = []
for width, height, amplitude in [(11, 11, 3), (11, 24, 1), (31, 12, 8), (48, 40, 2), (48, 40, 20), (53, 37, 90)]:
    clean, adversarial = pair(width, height, amplitude)
    planes.append({
        "width": width,
        "height": height,
        "amplitude": amplitude,
        "psnr": peak_signal_noise_ratio(clean, adversarial, data_range=255),
        "ssim": ssim(clean, adversarial),
    })

pictures = []
for file, (x, y, width, height), amplitude in [
    ("astronaut.png", (0, 0, 512, 512), 3),
    ("astronaut.png", (0, 0, 512, 512), 12),
    ("astronaut.png", (160, 40, 176, 208), 6),
    ("astronaut.png", (171, 33, 161, 187), 25),
    ("astronaut.png", (101, 7, 225, 243), 5),
    ("chips/impostor_1.png", (0, 0, 150, 150), 2),
    ("chips/impostor_2.png", (20, 10, 112, 112), 8),
    ("chips/person_b_2.png", (3, 5, 101, 87), 5),
]:
    clean = np.ascontiguousarray(io.imread(PICTURES / file)[y : y + height, x : x + width, :3])
    adversarial = perturbed(clean, amplitude)
    a, b = luma(clean), luma(adversarial)
    multi_scale = ms_ssim(a, b)
    if width % 16 == 0 and height % 16 == 0 and multi_scale is not None:
        theirs = float(piq.multi_scale_ssim(tensor(a), tensor(b), data_range=255))
        assert abs(multi_scale - theirs) < 1e-6, (multi_scale, theirs)
    pictures.append({
        "file": file,
        "box": [x, y, width, height],
        "amplitude": amplitude,
        "psnr": peak_signal_noise_ratio(a, b, data_range=255),
        "ssim": ssim(a, b),
        "ms_ssim": multi_scale,
        "gmsd": float(piq.gmsd(tensor(a), tensor(b), data_range=255)),
        "pspnr": pspnr(a, b),
        "ciede2000": float(deltaE_ciede2000(rgb2lab(clean), rgb2lab(adversarial)).mean()),
        "ssimulacra2": ssimulacra2(clean, adversarial),
    })


def lines(cases):
    return "[\n" + ",\n".join(json.dumps(case) for case in cases) + "\n]"


(HERE / "golden_metrics.json").write_text(f'{{"planes": {lines(planes)},\n"pictures": {lines(pictures)}}}\n')
