# SPDX-License-Identifier: MIT OR Apache-2.0
"""Frames of the sample clip, decoded by GStreamer."""

import subprocess
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[3]
CLIP = ROOT / "examples/media/portraits_720p.mp4"
SIZE = (720, 1280, 3)


def decode(clip, count):
    """The first `count` frames of a clip of 1280x720, uint8 (count, 720, 1280, 3)."""
    command = ["gst-launch-1.0", "-q", "filesrc", f"location={clip}", "!", "decodebin", "!", "videoconvert", "!"]
    command += ["video/x-raw,format=RGB", "!", "fdsink"]
    length = count * int(np.prod(SIZE))
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as player:
        data = player.stdout.read(length)
        player.kill()
    assert len(data) == length, f"{clip}: {len(data)} bytes of {length}"
    return np.frombuffer(data, np.uint8).reshape(count, *SIZE)


@pytest.fixture(scope="session")
def frames():
    return decode(CLIP, 12)


@pytest.fixture(scope="session")
def portraits(frames):
    """Two pictures of one man, eleven frames apart, with his face alone: uint8 (2, 400, 400, 3)."""
    return np.ascontiguousarray(frames[[0, 11], 200:600, 200:600])
