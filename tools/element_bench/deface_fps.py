# SPDX-License-Identifier: MIT OR Apache-2.0
"""deface_fps.py SECONDS FRAMES WARM_UP: frames a second of `deface` on the clips named on standard input, one a line.

The loop is that of `deface.deface.video_detect` with its default settings, without the encoder: frames are read,
CenterFace finds faces, they are blurred. A run ends after SECONDS, but not before FRAMES; the first WARM_UP are not
counted. Answers with a line of JSON each: `fps`, and `faces` a frame.
"""

import json
import sys
import time
from importlib.metadata import version

import imageio
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


def main():
    seconds, least, warm_up = float(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    centerface = CenterFace(in_shape=None, backend="auto")
    print(
        json.dumps({"version": f"deface {version('deface')}", "backend": f"backend {centerface.backend}"}), flush=True
    )
    for line in sys.stdin:
        reader = imageio.get_reader(line.strip())
        start, frames, faces = None, 0, 0
        for number, frame in enumerate(reader.iter_data()):
            if number == warm_up:
                start = time.perf_counter()
            found, _ = centerface(frame, threshold=THRESHOLD)
            anonymize_frame(found, frame, **DEFAULTS)
            if number >= warm_up:
                frames, faces = frames + 1, faces + len(found)
                if time.perf_counter() - start >= seconds and frames >= least:
                    break
        print(json.dumps({"fps": frames / (time.perf_counter() - start), "faces": faces / frames}), flush=True)
        reader.close()


if __name__ == "__main__":
    main()
