# SPDX-License-Identifier: MIT OR Apache-2.0
"""Frames of the sample clip: every face ends protected or covered, and nothing else is touched."""

import json
import threading
import time
from importlib import metadata

import advjnd
import numpy as np
import pytest
from conftest import CLIP, ROOT


def truth(index):
    """Boxes of the faces of a frame, as the program says that made the clip."""
    frames = json.loads(CLIP.with_name("portraits_720p.faces.json").read_text())
    return [face["box"] for face in frames[index]]


def overlap(a, b):
    width = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    height = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    both = max(width, 0) * max(height, 0)
    return both / (a[2] * a[3] + b[2] * b[3] - both)


def nearest(report, box):
    return max(report, key=lambda face: overlap(face.box, box))


@pytest.fixture(scope="module")
def processed(frames):
    protector = advjnd.Protector(seed=3)
    before = frames[:8].copy()
    made = [protector.process(frame) for frame in before]
    assert (before == frames[:8]).all(), "a frame that was given is changed"
    return made


def test_every_face_is_protected_or_covered(processed):
    for index, (_, report) in enumerate(processed):
        assert report.fault is None and not report.late
        for box in truth(index):
            face = nearest(report, box)
            assert overlap(face.box, box) > 0.4, (index, box, report)
            assert face.protected or face.verdict.startswith("covered-"), face
    assert all(nearest(processed[-1][1], box).protected for box in truth(7)), processed[-1][1]


def test_reports_of_protected_faces_have_their_figures(processed):
    report = processed[-1][1]
    face = nearest(report, truth(7)[1])
    assert face.margin >= 0.05 and face.similarity_after < face.similarity_before <= 1.0001
    assert 25 < face.psnr < 60 and 0 < face.jnd <= 20 and face.score > 0.5 and len(face.landmarks) == 5
    first = nearest(processed[0][1], truth(0)[1])
    assert first.iterations > 0 and first.id == face.id
    assert report.faces[-1].id == report[-1].id == report[len(report) - 1].id
    with pytest.raises(IndexError):
        report[len(report)]


def test_pixels_outside_faces_are_untouched(frames, processed):
    for frame, (out, report) in zip(frames, processed, strict=False):
        assert out.dtype == np.uint8 and out.shape == frame.shape
        untouched = np.ones(frame.shape[:2], bool)
        for face in report:
            left, top, width, height = face.region
            inside = np.s_[top : top + height, left : left + width]
            assert (out[inside] != frame[inside]).any()
            untouched[inside] = False
        assert untouched.mean() > 0.5
        assert (out[untouched] == frame[untouched]).all()


def test_recognizers_no_longer_know_the_face(frames, processed):
    """By embeddings of the pictures as they came out, with landmarks found anew."""
    where = np.s_[200:600, 200:600]
    pair = np.stack([frames[7][where], processed[7][0][where]])
    for one in advjnd.recognizers():
        clean, protected = advjnd.embed(pair, recognizer=one.name)
        if one.metric == "cosine":
            similarity = clean @ protected / np.linalg.norm(clean) / np.linalg.norm(protected)
            assert similarity < one.threshold, (one, similarity)
        else:
            assert np.linalg.norm(clean - protected) > one.threshold, one


def test_a_seed_gives_the_same_bytes(frames, processed):
    again, _ = advjnd.Protector(seed=3, threads=1).process(frames[0])
    assert (again == processed[0][0]).all()


def test_an_empty_picture_passes_as_it_is():
    picture = np.full((240, 320, 3), 90, np.uint8)
    out, report = advjnd.Protector().process(picture)
    assert len(report) == 0 and (out == picture).all() and out is not picture


def test_covers_hide_every_face(frames):
    out, report = advjnd.Protector(mode="cover").process(frames[0])
    assert {face.verdict for face in report} == {"covered-on-request"}
    for left, top, width, height in truth(0):
        inside = np.s_[int(top) : int(top + height), int(left) : int(left + width)]
        assert (out[inside] != frames[0][inside]).any(-1).mean() > 0.9


def test_by_the_policy_no_frame_comes_back(frames):
    protector = advjnd.Protector(fail_policy="error", max_iterations=0)
    with pytest.raises(advjnd.UnprotectedError, match="must not go out"):
        protector.process(frames[0])
    assert issubclass(advjnd.UnprotectedError, RuntimeError)


def test_live_frames_end_in_time_or_are_covered(frames):
    protector = advjnd.Protector("invisible", live=True, frame_rate=1000.0)
    for frame in frames[:3]:
        out, report = protector.process(frame)
        for face in report:
            if not face.protected:
                left, top, width, height = (int(value) for value in face.box)
                inside = np.s_[top : top + height, left : left + width]
                assert (out[inside] != frame[inside]).any(-1).mean() > 0.9, face
    assert report.late or all(face.protected for face in report)


def test_another_size_begins_anew(frames):
    protector = advjnd.Protector(recognizers=["sface_2021dec"], max_iterations=20)
    for frame in (frames[0], frames[0][:, 200:600], frames[0][200:600, 200:600]):
        out, report = protector.process(frame)
        assert out.shape == frame.shape and len(report) >= 1
    protector.reset()


def test_other_threads_run_meanwhile(frames):
    """Python counts on while a frame is worked on: the lock is released."""
    protector = advjnd.Protector()
    worker = threading.Thread(target=protector.process, args=(frames[0],))
    start, longest, last = time.monotonic(), 0.0, time.monotonic()
    worker.start()
    while worker.is_alive():
        time.sleep(0.001)
        longest, last = max(longest, time.monotonic() - last), time.monotonic()
    took = time.monotonic() - start
    assert longest < took / 2, f"nothing else ran for {longest:.2f} s of {took:.2f} s"


def test_wrong_input_is_refused(frames):
    protector = advjnd.Protector()
    with pytest.raises(TypeError, match="uint8.*float64"):
        protector.process(frames[0] / 255)
    with pytest.raises(TypeError, match="NumPy array, not NoneType"):
        protector.process(None)
    for wrong in (frames[0][..., 0], frames[:1], np.zeros((0, 4, 3), np.uint8), np.zeros((4, 4, 4), np.uint8)):
        with pytest.raises(ValueError, match="height, width, 3"):
            protector.process(wrong)


@pytest.mark.parametrize(
    ("arguments", "error", "says"),
    [
        ({"preset": "nonsense"}, ValueError, "balanced"),
        ({"mode": "nonsense"}, ValueError, "cover"),
        ({"fail_policy": "drop"}, ValueError, "fill"),
        ({"frame_rate": 0.0}, ValueError, "above zero"),
        ({"frame_rate": float("nan")}, ValueError, "above zero"),
        ({"recognizers": ["nonsense"]}, RuntimeError, "choose among"),
        ({"models": "/nowhere"}, OSError, "/nowhere"),
    ],
)
def test_wrong_settings_are_refused(arguments, error, says):
    with pytest.raises(error, match=says):
        advjnd.Protector(**arguments)


def test_every_preset_is_known():
    assert advjnd.presets() == ["invisible", "balanced", "strong", "natural"]
    for preset in advjnd.presets():
        assert advjnd.Protector(preset) is not None


def test_the_package_has_its_version_stub_and_licences():
    assert advjnd.__version__ == metadata.version("advjnd")
    files = {file.name for file in metadata.files("advjnd")}
    licences = {file.name for file in [*ROOT.glob("LICENSE-*"), *(ROOT / "models/licences").iterdir()]}
    assert len(licences) > 4
    assert files >= licences | {"__init__.pyi", "py.typed"}, files
