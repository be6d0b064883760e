#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""Writes golden_jnd.json: the JND maps of jnd_golden.rs, computed independently with NumPy and SciPy in double
precision.

Usage: python golden_jnd.py [astronaut.png]     (NumPy, SciPy; scikit-image to read the picture)

Without the picture its part of the file is kept as it is.
"""
import json
import pathlib
import sys

import numpy as np
from scipy import ndimage

OUT = pathlib.Path(__file__).with_name("golden_jnd.json")
WIDTH, HEIGHT = 48, 40
STRIDE = 7  # every seventh sample, row-major, is stored
FACE_STRIDE = 455
FACE = {"x": 160, "y": 50, "width": 128, "height": 144}

B = np.array([[1, 1, 1, 1, 1], [1, 2, 2, 2, 1], [1, 2, 0, 2, 1], [1, 2, 2, 2, 1], [1, 1, 1, 1, 1]], float)
G1 = np.array([[0] * 5, [1, 3, 8, 3, 1], [0] * 5, [-1, -3, -8, -3, -1], [0] * 5], float)
G2 = np.array([[0, 0, 1, 0, 0], [0, 8, 3, 0, 0], [1, 3, 0, -3, -1], [0, 0, -3, -8, 0], [0, 0, -1, 0, 0]], float)
GRADIENTS = [G1, G2, np.fliplr(G2), G1.T]


def synthetic():
    """Ramp, dark disc, bright strip, dark bar, strong texture. Integers only."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.int64)
    luma = 40 + 3 * x + y + (x * y) % 3
    luma = np.where((x - 14) ** 2 + (y - 12) ** 2 < 64, 16 + (x * 7 + y * 13) % 9, luma)
    luma = np.where((y < 5) & (x > 20), 236 + (x * y) % 4, luma)
    luma = np.where((y >= 26) & (y < 30) & (x < 26), 9 + x % 2, luma)
    luma = np.where((x >= 30) & (y >= 22), 72 + (x * x * 31 + y * y * 17 + x * y * 7) % 97, luma)
    return np.clip(luma, 0, 255).astype(float)


def correlate(plane, kernel):
    return ndimage.correlate(plane, kernel, mode="nearest")


def max_gradient(plane):
    return np.max([np.abs(correlate(plane, g)) for g in GRADIENTS], axis=0) / 16


def background(luma):
    return correlate(luma, B) / 32


def luminance_adaptation(bg):
    return np.where(bg <= 127, 17 * (1 - np.sqrt(bg / 127)) + 3, 3 / 128 * (bg - 127) + 3)


def gaussian(sigma, radius):
    t = np.arange(-radius, radius + 1)
    kernel = np.exp(-(t**2) / (2 * sigma**2))
    return kernel / kernel.sum()


def separable(plane, kernel):
    rows = ndimage.correlate1d(plane, kernel, axis=1, mode="nearest")
    return ndimage.correlate1d(rows, kernel, axis=0, mode="nearest")


def canny(luma, high=0.5):
    """MATLAB's convention. Returns the edges and the smallest relative distance of a decision to its threshold."""
    smooth = np.pad(separable(luma, gaussian(np.sqrt(2), 6)), 1, mode="edge")
    gx = (smooth[1:-1, 2:] - smooth[1:-1, :-2]) / 2
    gy = (smooth[2:, 1:-1] - smooth[:-2, 1:-1]) / 2
    m = np.hypot(gx, gy)
    if m.max() == 0:
        return np.zeros(m.shape, bool), 1.0
    m = m / m.max()
    low = 0.4 * high
    maxima = np.zeros(m.shape, bool)
    margins = []
    for y in range(1, m.shape[0] - 1):
        for x in range(1, m.shape[1] - 1):
            if m[y, x] <= low * 0.99:
                continue
            sx, sy = (1 if gx[y, x] >= 0 else -1), (1 if gy[y, x] >= 0 else -1)
            ax, ay = abs(gx[y, x]), abs(gy[y, x])
            dx, dy, t = (sx, 0, ay / ax) if ax >= ay else (0, sy, ax / ay)
            ahead = m[y + dy, x + dx] * (1 - t) + m[y + sy, x + sx] * t
            behind = m[y - dy, x - dx] * (1 - t) + m[y - sy, x - sx] * t
            margins += [abs(m[y, x] - v) for v in (ahead, behind)] + [abs(m[y, x] - low), abs(m[y, x] - high)]
            maxima[y, x] = m[y, x] >= ahead and m[y, x] >= behind
    labels, _ = ndimage.label(maxima & (m > low), structure=np.ones((3, 3)))
    strong = np.unique(labels[maxima & (m > high)])
    return np.isin(labels, strong[strong > 0]), min(margins)


def chou(luma):
    bg = background(luma)
    masking = max_gradient(luma) * (0.0001 * bg + 0.115) + 0.5 - 0.01 * bg
    return np.maximum(masking, luminance_adaptation(bg))


def namm(luma):
    edges, _ = canny(luma)
    weight = separable(np.where(edges, 0.1, 1.0), gaussian(0.8, 3))
    adaptation = luminance_adaptation(background(luma))
    texture = 0.117 * max_gradient(luma) * weight
    return adaptation + texture - 0.30 * np.minimum(adaptation, texture)


def complexity(luma, min_gradient):
    """Different 12-degree orientations in the 3x3 neighbourhood, and the closest call of a bin."""
    smooth, difference = [1, 1, 1], [-1, 0, 1]
    gh = (
        ndimage.correlate1d(
            ndimage.correlate1d(luma, difference, axis=1, mode="nearest"), smooth, axis=0, mode="nearest"
        )
        / 3
    )
    gv = (
        ndimage.correlate1d(
            ndimage.correlate1d(luma, difference, axis=0, mode="nearest"), smooth, axis=1, mode="nearest"
        )
        / 3
    )
    theta = np.degrees(np.arctan2(gv, gh))
    theta = np.where(theta > 90, theta - 180, np.where(theta < -90, theta + 180, theta))
    scaled = (theta + 90) / 12
    magnitude = np.hypot(gh, gv)
    plain = (magnitude < min_gradient) | (magnitude == 0)
    bins = np.where(plain, 16, np.floor(scaled + 0.5)).astype(int)
    distance = np.abs(scaled + 0.5 - np.round(scaled + 0.5))[~plain & (gv != 0)]
    padded = np.pad(bins, 1, mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3)).reshape(*bins.shape, 9)
    count = np.array([[len(set(w)) for w in row] for row in windows], float)
    return np.where(plain, 1.0, count), magnitude, float(distance.min())


def pattern(luma, paper=False):
    count, magnitude, margin = complexity(luma, 0 if paper else 5)
    bg = background(luma)
    if paper:
        adaptation, contrast = luminance_adaptation(bg), magnitude
        masking = np.log2(1 + contrast) * 0.8 * count**2.7 / (count**2 + 0.1**2)
    else:
        mean = ndimage.uniform_filter(luma, 5, mode="nearest")
        windows = np.lib.stride_tricks.sliding_window_view(np.pad(luma, 2, mode="edge"), (5, 5))
        contrast = np.sqrt(((windows - mean[..., None, None]) ** 2).mean(axis=(2, 3)))
        blurred = separable(count, gaussian(1, 1))
        edges, edge_margin = canny(luma, min(60 / max_gradient(luma).max(), 0.8))
        margin = min(margin, edge_margin)
        dilated = ndimage.maximum_filter(edges, 5, mode="nearest")
        protection = separable(1 - dilated.astype(float), gaussian(0.8, 2))
        masking = contrast * 0.3 * blurred**2.7 / (blurred**2 + 1) * protection
        adaptation = 0.7 * luminance_adaptation(np.where(bg <= 127, 32 + bg * (127 - 32) / 127, bg))
    masking = np.maximum(masking, 0.115 * 16 * contrast**2.4 / (contrast**2 + 26**2))
    return adaptation + masking - 0.3 * np.minimum(adaptation, masking), margin


def lifted_adaptation(bg):
    return luminance_adaptation(np.where(bg <= 127, 32 + bg * (127 - 32) / 127, bg))


def deviation(luma, side):
    reach = side // 2
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(luma, reach, mode="edge"), (side, side))
    return windows.std(axis=(2, 3))


def expectation(luma):
    """Wu 2013: non-local means over 21x21 by 7x7 patches, as the authors' program weights them."""
    least = np.maximum(lifted_adaptation(background(luma)), 8)
    spread = deviation(luma, 7)
    scale = np.where(spread > least, least * np.sqrt(least / np.maximum(spread, least)), least)
    wide = np.pad(luma, 13, mode="edge")
    height, width = luma.shape
    own = wide[10 : 10 + height + 6, 10 : 10 + width + 6]
    total, weights, largest = np.zeros(luma.shape), np.zeros(luma.shape), np.zeros(luma.shape)
    for v in range(21):
        for u in range(21):
            if (u, v) == (10, 10):
                continue
            other = wide[v : v + height + 6, u : u + width + 6]
            windows = np.lib.stride_tricks.sliding_window_view((own - other) ** 2, (7, 7))
            weight = np.exp(np.maximum(-windows.mean(axis=(2, 3)) / scale**2, -80))
            total += weight * other[3:-3, 3:-3]
            weights += weight
            largest = np.maximum(largest, weight)
    return (total + largest * luma) / (weights + largest)


def free_energy(luma):
    expected = expectation(luma)
    surprise = np.abs(luma - expected)
    spread = deviation(luma, 7)
    calm = np.where(spread < 10, np.minimum(surprise, separable(surprise, gaussian(7 / 3, 3))), surprise)
    edges, margin = canny(luma, 0.7)
    y, x = np.mgrid[-2:3, -2:3]
    dilated = ndimage.binary_dilation(np.pad(edges, 2, mode="edge"), abs(x) + abs(y) <= 2)[2:-2, 2:-2]
    disorderly = calm * separable(1 - 0.8 * dilated, gaussian(0.8, 2))
    bg = background(expected)
    saturated = 80 * np.log(1 + max_gradient(expected) / 80) / np.log(4)
    contrast = np.abs(saturated * (0.0001 * bg + 0.115) + 0.5 - 0.01 * bg)
    adaptation = lifted_adaptation(bg)
    orderly = adaptation + contrast - 0.3 * np.minimum(adaptation, contrast)
    margin = min(margin, float(np.abs(spread - 10).min()))
    return orderly + disorderly - 0.3 * np.minimum(orderly, disorderly), margin


def summary(plane, stride):
    return {
        "mean": round(float(plane.mean()), 5),
        "min": round(float(plane.min()), 5),
        "max": round(float(plane.max()), 5),
        "samples": [round(float(v), 4) for v in plane.ravel()[::stride]],
    }


def maps(luma, stride):
    found, margin = canny(luma)
    print(f"{int(found.sum())} edge pixels, smallest margin of a decision {margin:.1e}", file=sys.stderr)
    out = {"chou": summary(chou(luma), stride), "namm": summary(namm(luma), stride)}
    others = {"pattern": pattern(luma), "pattern_paper": pattern(luma, paper=True), "free_energy": free_energy(luma)}
    for name, (plane, own_margin) in others.items():
        print(f"{name}: smallest margin of a decision {own_margin:.1e}", file=sys.stderr)
        out[name] = summary(plane, stride)
        margin = min(margin, own_margin)
    return out, ["".join(".#"[int(e)] for e in row) for row in found], margin


def main():
    golden = json.loads(OUT.read_text()) if OUT.exists() else {}
    synthetic_maps, edges, margin = maps(synthetic(), STRIDE)
    assert margin > 1e-5, "a decision is too close to call in single precision"
    golden["synthetic"] = {"width": WIDTH, "height": HEIGHT, "stride": STRIDE, "edges": edges, "maps": synthetic_maps}
    if len(sys.argv) > 1:
        from skimage.io import imread

        rgb = imread(sys.argv[1])[FACE["y"] : FACE["y"] + FACE["height"], FACE["x"] : FACE["x"] + FACE["width"], :3]
        r, g, b = np.moveaxis(rgb.astype(float), 2, 0)
        face_maps, _, _ = maps(0.299 * r + 0.587 * g + 0.114 * b, FACE_STRIDE)
        golden["astronaut"] = FACE | {"stride": FACE_STRIDE, "maps": face_maps}
    OUT.write_text(
        json.dumps(golden)
        .replace('"astronaut"', '\n"astronaut"')
        .replace('"namm', '\n"namm')
        .replace('"pattern', '\n"pattern')
        .replace('"free', '\n"free')
        + "\n"
    )


main()
