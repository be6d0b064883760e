# SPDX-License-Identifier: MIT OR Apache-2.0
"""Attacks stay in their bound, and lower the similarity, by an embedding of the images as they come out."""

import advjnd
import numpy as np
import pytest

NAME = "mobilefacenet"


def cosine(a, b):
    return (a * b).sum(-1) / np.linalg.norm(a, axis=-1) / np.linalg.norm(b, axis=-1)


def bilinear(picture, x, y):
    left, top = np.floor(x).astype(int), np.floor(y).astype(int)
    (right, down), picture = ((x - left)[..., None], (y - top)[..., None]), picture.astype(np.float64)
    above = picture[top, left] * (1 - right) + picture[top, left + 1] * right
    below = picture[top + 1, left] * (1 - right) + picture[top + 1, left + 1] * right
    return above * (1 - down) + below * down


def align(picture, landmarks, recognizer):
    """A chip by the least squares similarity between landmarks and template, by NumPy alone."""
    target, source = recognizer.template.astype(np.float64), np.array(landmarks)
    ones, zeros = np.ones(5), np.zeros(5)
    rows = np.concatenate([
        np.stack([target[:, 0], -target[:, 1], ones, zeros], 1),
        np.stack([target[:, 1], target[:, 0], zeros, ones], 1),
    ])
    a, b, right, down = np.linalg.lstsq(rows, source.T.ravel(), rcond=None)[0]
    v, u = np.mgrid[: recognizer.chip_size, : recognizer.chip_size]
    chip = bilinear(picture, a * u - b * v + right, b * u + a * v + down)
    return np.clip(np.round(chip), 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def recognizer():
    return next(one for one in advjnd.recognizers() if one.name == NAME)


@pytest.fixture(scope="module")
def chips(portraits, recognizer):
    protector = advjnd.Protector(mode="cover")
    found = [(picture, protector.process(picture)[1]) for picture in portraits]
    return np.stack([align(picture, report[0].landmarks, recognizer) for picture, report in found])


def test_recognizers_say_what_they_take(portraits):
    for one in advjnd.recognizers():
        embeddings = advjnd.embed(portraits, recognizer=one.name)
        assert embeddings.dtype == np.float32 and embeddings.shape == (2, one.embedding_len)
        distance = np.linalg.norm(embeddings[0] - embeddings[1])
        same = cosine(*embeddings) >= one.threshold if one.metric == "cosine" else distance <= one.threshold
        assert same, one
        assert one.template.shape == (5, 2) and 0 < one.template.min() < one.template.max() < one.chip_size


def test_chips_aligned_elsewhere_are_the_same_person(portraits, chips, recognizer):
    found = cosine(advjnd.embed(chips, aligned=True), advjnd.embed(portraits))
    assert (found > 0.9).all(), found


@pytest.mark.parametrize("method", ["fgsm", "bim", "pgd", "mi-fgsm", "di2-fgsm"])
def test_attacks_stay_within_eps_and_lower_the_similarity(chips, method):
    eps = 6 / 255
    before = chips.copy()
    adversarial = advjnd.attack(chips, method, eps=eps, aligned=True)
    assert (chips == before).all()
    assert adversarial.dtype == np.uint8 and adversarial.shape == chips.shape
    assert 1 <= np.abs(adversarial.astype(int) - chips).max() <= 6
    similarity = cosine(advjnd.embed(chips, aligned=True), advjnd.embed(adversarial, aligned=True))
    assert (similarity < (0.9 if method == "fgsm" else 0.5)).all(), similarity


def test_alpha_and_steps_bound_the_change(chips):
    adversarial = advjnd.attack(chips, "bim", eps=16 / 255, alpha=1 / 255, steps=3, aligned=True)
    assert np.abs(adversarial.astype(int) - chips).max() == 3


def test_float_chips_give_float_chips(chips):
    clean = chips.astype(np.float32) / 255
    adversarial = advjnd.attack(clean, "pgd", eps=0.02, aligned=True, seed=5)
    assert adversarial.dtype == np.float32 and adversarial.shape == clean.shape
    assert 0.019 < np.abs(adversarial - clean).max() < 0.02 + 1e-6
    assert 0 <= adversarial.min() and adversarial.max() <= 1
    again = advjnd.attack(clean, "pgd", eps=0.02, aligned=True, seed=5, threads=1)
    assert (adversarial == again).all()
    assert (adversarial != advjnd.attack(clean, "pgd", eps=0.02, aligned=True, seed=6)).any()


def test_pictures_are_changed_at_their_face_alone(portraits, recognizer):
    adversarial = advjnd.attack(portraits, "pgd", eps=8 / 255)
    change = np.abs(adversarial.astype(int) - portraits)
    assert 1 <= change.max() <= 8
    clean, found = advjnd.embed(portraits), advjnd.embed(adversarial)
    assert (cosine(clean, found) < recognizer.threshold).all(), cosine(clean, found)
    changed = change.max(-1).any(0)
    rows, columns = np.flatnonzero(changed.any(1)), np.flatnonzero(changed.any(0))
    assert np.ptp(rows) < 320 and np.ptp(columns) < 320


def test_references_of_others_are_impersonated(frames, portraits, recognizer):
    other = advjnd.embed(frames[:1, 100:400, 780:1080])
    references = np.repeat(other, 2, axis=0)
    assert (cosine(advjnd.embed(portraits), references) < recognizer.threshold).all()
    adversarial = advjnd.attack(portraits, "mi-fgsm", goal="impersonate", references=references, eps=16 / 255)
    similarity = cosine(advjnd.embed(adversarial), references)
    assert (similarity > recognizer.threshold).all(), similarity


def test_every_method_moves_the_embedding(chips):
    clean = advjnd.embed(chips[:1], aligned=True)
    methods = advjnd.methods()
    assert {"fgsm", "bim", "pgd", "mi-fgsm", "advjnd", "l1+l2+g", "protector", "ours"} <= set(methods)
    for method in methods:
        found = advjnd.attack(chips[:1], method, aligned=True, steps=4)
        similarity = cosine(clean, advjnd.embed(found, aligned=True))[0]
        assert similarity < 0.97, f"{method}: {similarity}"


def test_wrong_input_is_refused(portraits, chips):
    with pytest.raises(ValueError, match="choose among fgsm"):
        advjnd.attack(portraits, "nonsense")
    with pytest.raises(ValueError, match="no eps"):
        advjnd.attack(portraits, "l1+l2+g", eps=0.1)
    for name, value in [("eps", -1.0), ("eps", float("nan")), ("alpha", 0.0), ("steps", 0)]:
        with pytest.raises(ValueError, match=name):
            advjnd.attack(portraits, "pgd", **{name: value})
    with pytest.raises(ValueError, match="references"):
        advjnd.attack(portraits, "pgd", goal="impersonate")
    with pytest.raises(ValueError, match=r"\(2, 192\)"):
        advjnd.attack(portraits, references=np.zeros((1, 192), np.float32))
    with pytest.raises(TypeError, match="float32"):
        advjnd.attack(portraits.astype(np.float32) / 255)
    with pytest.raises(TypeError, match="float64"):
        advjnd.attack(chips / 255, aligned=True)
    with pytest.raises(ValueError, match="0 to 1"):
        advjnd.attack(chips.astype(np.float32), aligned=True)
    with pytest.raises(ValueError, match=r"chips \(count, 112, 112, 3\)"):
        advjnd.attack(portraits, aligned=True)
    with pytest.raises(ValueError, match="count, height, width, 3"):
        advjnd.embed(portraits[0])
    with pytest.raises(ValueError, match="picture 1 has no face"):
        advjnd.embed(np.stack([portraits[0], np.full_like(portraits[0], 90)]))
    with pytest.raises(RuntimeError, match="choose among"):
        advjnd.embed(portraits, recognizer="nonsense")
    with pytest.raises(OSError, match="/nowhere"):
        advjnd.recognizers("/nowhere")
