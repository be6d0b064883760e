#!/usr/bin/env python3
"""Writes golden_metrics.json: PSNR and SSIM of metrics_golden.rs, as scikit-image computes them.

Usage: python golden_metrics.py     (NumPy, scikit-image)
"""
import json
import pathlib

import numpy as np
from skimage.metrics import peak_signal_noise_ratio, structural_similarity


def pair(width, height, amplitude):
    """Ramp with texture and an edge, and the same with a deterministic perturbation of up to +-amplitude."""
    y, x = np.mgrid[0:height, 0:width].astype(np.int64)
    clean = 20 + 2 * x + 3 * y + (x * x * 31 + y * y * 17 + x * y * 7) % 29 + np.where(x > y, 60, 0)
    delta = (x * 73 + y * 151 + x * y * 11) % (2 * amplitude + 1) - amplitude
    clean = np.clip(clean, 0, 255)
    return clean.astype(np.uint8), np.clip(clean + delta, 0, 255).astype(np.uint8)


cases = []
for width, height, amplitude in [(11, 11, 3), (11, 24, 1), (31, 12, 8), (48, 40, 2), (48, 40, 20), (53, 37, 90)]:
    clean, adversarial = pair(width, height, amplitude)
    cases.append({
        "width": width,
        "height": height,
        "amplitude": amplitude,
        "psnr": peak_signal_noise_ratio(clean, adversarial, data_range=255),
        "ssim": structural_similarity(
            clean, adversarial, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=255
        ),
    })
text = ",\n".join(json.dumps(case) for case in cases)
pathlib.Path(__file__).with_name("golden_metrics.json").write_text(f"[\n{text}\n]\n")
