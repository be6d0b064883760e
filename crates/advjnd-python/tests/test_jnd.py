# SPDX-License-Identifier: MIT OR Apache-2.0
"""Thresholds against Chou & Li's equations, written in NumPy."""

import advjnd
import numpy as np
import pytest

BACKGROUND = np.array([[1, 1, 1, 1, 1], [1, 2, 2, 2, 1], [1, 2, 0, 2, 1], [1, 2, 2, 2, 1], [1, 1, 1, 1, 1]]) / 32
G1 = np.array([[0, 0, 0, 0, 0], [1, 3, 8, 3, 1], [0, 0, 0, 0, 0], [-1, -3, -8, -3, -1], [0, 0, 0, 0, 0]])
G2 = np.array([[0, 0, 1, 0, 0], [0, 8, 3, 0, 0], [1, 3, 0, -3, -1], [0, 0, -3, -8, 0], [0, 0, -1, 0, 0]])
GRADIENTS = [G1, G2, G2[:, ::-1], G1.T]
# Of single precision.
TOLERANCE = 1e-3


def correlate(kernel, luma):
    padded = np.pad(luma, 2, mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, (5, 5))
    return (windows * kernel).sum(axis=(2, 3))


def chou(luma):
    background = correlate(BACKGROUND, luma)
    gradient = np.max([np.abs(correlate(kernel, luma)) for kernel in GRADIENTS], axis=0) / 16
    masking = gradient * (0.0001 * background + 0.115) + 0.5 - 0.01 * background
    dark = 17 * (1 - np.sqrt(np.minimum(background, 127) / 127)) + 3
    bright = 3 / 128 * (background - 127) + 3
    return np.maximum(masking, np.where(background <= 127, dark, bright))


@pytest.mark.parametrize("level", [0, 16, 127, 128, 200, 255])
def test_flat_picture_has_the_threshold_of_its_luma(level):
    expected = 17 * (1 - np.sqrt(level / 127)) + 3 if level <= 127 else 3 / 128 * (level - 127) + 3
    picture = np.full((9, 13, 3), level, np.uint8)
    found = advjnd.jnd(picture, model="chou")
    assert found.dtype == np.float32 and found.shape == (9, 13)
    assert np.abs(found - expected).max() < TOLERANCE


def test_noise_and_a_face_have_the_thresholds_of_the_equations(portraits):
    noise = np.random.default_rng(1).integers(0, 256, (40, 50, 3), np.uint8)
    for picture in (noise, portraits[0]):
        luma = picture @ np.array([0.299, 0.587, 0.114])
        assert np.abs(advjnd.jnd(picture, "chou") - chou(luma)).max() < TOLERANCE


# The last bit decides the orientations of the other two.
@pytest.mark.parametrize("model", ["chou", "namm", "free-energy", "rgb", "hvs-sd"])
def test_luma_alone_is_a_grey_picture(model):
    luma = np.random.default_rng(2).integers(0, 256, (33, 21), np.uint8)
    grey = np.repeat(luma[:, :, None], 3, axis=2)
    assert np.abs(advjnd.jnd(luma, model) - advjnd.jnd(grey, model)).max() < TOLERANCE


def test_every_model_tells_texture_from_flat_ground():
    rng = np.random.default_rng(3)
    picture = np.full((96, 192, 3), 128, np.uint8)
    picture[:, 96:] = rng.integers(40, 216, (96, 96, 1), np.uint8)
    for model in advjnd.jnd_models():
        found = advjnd.jnd(picture, model)
        assert np.isfinite(found).all() and found.min() >= 0, model
        assert found[16:80, 112:176].mean() > 1.3 * found[16:80, 16:80].mean(), model


def test_calibrated_thresholds_are_in_proportion(portraits):
    raw, calibrated = (advjnd.jnd(portraits[0], "namm", calibrated=on) for on in (False, True))
    ratio = calibrated / raw
    assert 0 < ratio.mean() < 1 and np.ptp(ratio) < 1e-5


def test_strides_do_not_matter(portraits):
    picture = portraits[0]
    mirrored = advjnd.jnd(picture[:, ::-1], "rgb")
    assert (mirrored == advjnd.jnd(np.ascontiguousarray(picture[:, ::-1]), "rgb")).all()


def test_wrong_input_is_refused(portraits):
    with pytest.raises(TypeError, match="uint8.*float64"):
        advjnd.jnd(portraits[0] / 255)
    with pytest.raises(TypeError, match="NumPy array, not list"):
        advjnd.jnd([[1, 2], [3, 4]])
    with pytest.raises(ValueError, match="shape"):
        advjnd.jnd(portraits)
    with pytest.raises(ValueError, match="shape"):
        advjnd.jnd(np.zeros((0, 5, 3), np.uint8))
    with pytest.raises(ValueError, match="chou"):
        advjnd.jnd(portraits[0], "nonsense")
