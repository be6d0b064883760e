# SPDX-License-Identifier: MIT OR Apache-2.0
"""golden_blazeface.py [--packages DIR]: makes the reference results of BlazeFace that the core's tests compare with.

Writes crates/advjnd/tests/data/blazeface_golden.json. LiteRT runs the original file of npm @mediapipe/face_detection;
scores, boxes and points are decoded here, in numpy, as MediaPipe's calculators do. The pictures: that of golden_net.py,
and the photograph in the tests' folder, cut and halved at whole pixels (no resampling to disagree on).
    pip install numpy pillow ai-edge-litert
"""

import argparse
import json
from pathlib import Path

import common
import numpy as np
from ai_edge_litert.interpreter import Interpreter
from PIL import Image

DATA = common.MODELS.parent / "crates" / "advjnd" / "tests" / "data"
SIDE, STRIDE, SCORE, SAMPLES = 192, 4, 0.5, 64
METHOD = (
    "Made by models/convert/golden_blazeface.py: LiteRT on the TensorFlow Lite file named in `source`, one thread. "
    "Inputs are 192 x 192, 0..255, planes R, G, B: `synthetic` is (x*x + 3*y*y + 2*x*y + 41*c*(x + 1)) // 16 % 256; "
    "`cut` is astronaut.png from column 128, row 0; `halved` is the mean of each 2x2 box of astronaut.png from column "
    "64, row 0. `logits` and `regressors` are given by their norm and by 64 samples, at every (length // 64)-th entry "
    "of the file's outputs, [2304] and [2304][16]. `faces` are the anchors whose score is at least `score_threshold`, "
    "in their order: left, top, width, height, six points x, y, score, in pixels of the input, 0 at its left and "
    "upper edge."
)


def synthetic() -> np.ndarray:
    c, y, x = np.meshgrid(np.arange(3), np.arange(SIDE), np.arange(SIDE), indexing="ij")
    return ((x * x + 3 * y * y + 2 * x * y + 41 * c * (x + 1)) // 16 % 256).astype(np.float32).transpose(1, 2, 0)


def pictures() -> dict[str, np.ndarray]:
    """RGB pictures [192, 192, 3], 0..255."""
    photograph = np.asarray(Image.open(DATA / "astronaut.png").convert("RGB"), np.float32)
    boxes = photograph[: 2 * SIDE, 64 : 64 + 2 * SIDE].reshape(SIDE, 2, SIDE, 2, 3)
    return {"synthetic": synthetic(), "cut": photograph[:SIDE, 128 : 128 + SIDE], "halved": boxes.mean((1, 3))}


def sampled(values: np.ndarray) -> dict:
    """The norm and some of the values."""
    values = values.astype(np.float64).ravel()
    picked = values[:: len(values) // SAMPLES][:SAMPLES]
    return {"norm": float(np.linalg.norm(values)), "samples": [float(np.float32(value)) for value in picked]}


def decoded(logits: np.ndarray, regressors: np.ndarray) -> list[list[float]]:
    """Box, points and score of every anchor above the threshold."""
    scores = 1 / (1 + np.exp(-np.clip(logits.astype(np.float64), -100, 100)))
    row, column = np.divmod(np.arange(len(scores)), SIDE // STRIDE)
    anchors = (np.stack([column, row], 1) + 0.5) / (SIDE // STRIDE)
    numbers = regressors / SIDE
    center, size = numbers[:, :2] + anchors, numbers[:, 2:4]
    points = numbers[:, 4:].reshape(-1, 6, 2) + anchors[:, None]
    faces = np.hstack([SIDE * np.hstack([center - size / 2, size, points.reshape(-1, 12)]), scores[:, None]])
    return [[round(float(value), 4) for value in face] for face in faces[scores >= SCORE]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--packages", type=Path, help="folder for downloaded packages (default: a temporary one)")
    args = parser.parse_args()
    interpreter = Interpreter(model_content=common.fetch(common.BLAZEFACE, args.packages), num_threads=1)
    interpreter.allocate_tensors()
    source = interpreter.get_input_details()[0]["index"]
    outputs = {int(detail["shape"][-1]): detail["index"] for detail in interpreter.get_output_details()}
    lines = []
    for name, picture in pictures().items():
        interpreter.set_tensor(source, picture[None] / np.float32(127.5) - 1)
        interpreter.invoke()
        logits, regressors = interpreter.get_tensor(outputs[1])[0, :, 0], interpreter.get_tensor(outputs[16])[0]
        faces = decoded(logits, regressors)
        print(f"{name}: largest logit {logits.max():.3f}, {len(faces)} anchors with a face")
        case = {"logits": sampled(logits), "regressors": sampled(regressors), "faces": faces}
        lines.append(f"  {json.dumps(name)}: {json.dumps(case)}")
    head = {"method": METHOD, "source": str(common.BLAZEFACE), "score_threshold": SCORE}
    text = "".join(f" {json.dumps(key)}: {json.dumps(value)},\n" for key, value in head.items())
    body = ",\n".join(lines)
    (DATA / "blazeface_golden.json").write_text(f'{{\n{text} "cases": {{\n{body}\n }}\n}}\n')


if __name__ == "__main__":
    main()
