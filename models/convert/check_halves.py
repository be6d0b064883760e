# SPDX-License-Identifier: MIT OR Apache-2.0
"""check_halves.py [--shared DIR] [--packages DIR]: what half precision takes from SFace and MobileFaceNet.

The largest face that YuNet finds in each picture below DIR/faces (default: `shared` beside the repository) is aligned
to the networks' template. Each network embeds it twice: with the tensors that its converter makes, and with those of
the file in models/, which are f16 where they are large. Prints the least and the mean cosine of the two embeddings, and
how far the cosine of two pictures that follow each other moves, which is what a threshold is held to.
    pip install numpy onnx onnxruntime opencv-python-headless torch safetensors tflite
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import common
import cv2
import numpy as np
import torch
import twins
from golden_faces import YuNet, read, warp

SIDE = 112
TEMPLATE = np.array(
    [[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]]
)
NETWORKS = {"sface": twins.sface, "mobilefacenet": twins.mobilefacenet}
LONGEST = 1024


def chips(net: YuNet, folder: Path) -> list[np.ndarray]:
    """The largest face of each picture, RGB."""
    found = []
    for path in sorted(path for path in folder.rglob("*") if path.suffix in (".jpg", ".png")):
        picture = read(path)
        if max(picture.shape) > LONGEST:
            scale = LONGEST / max(picture.shape)
            picture = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        _, faces = net(picture.astype(np.float64))
        if len(faces):
            landmarks = max(faces, key=lambda face: face[2])[5:].reshape(5, 2)
            chip = warp(picture, common.similarity(landmarks, TEMPLATE), SIDE)
            found.append(np.rint(chip).astype(np.uint8)[:, :, ::-1])
    return found


def unit(embeddings: list[np.ndarray]) -> np.ndarray:
    """Rows of length 1."""
    rows = np.array(embeddings, np.float64)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path, default=common.MODELS.parents[1] / "shared")
    parser.add_argument("--packages", type=Path, help="folder for downloaded packages (default: a temporary one)")
    args = parser.parse_args()
    torch.set_num_threads(1)
    faces = chips(YuNet(args.packages), args.shared / "faces")
    shipped = common.MODELS
    for name, network in NETWORKS.items():
        half = unit([embed(chip) for embed in [network()] for chip in faces])
        with tempfile.TemporaryDirectory() as folder:
            command = [sys.executable, Path(__file__).with_name(f"{name}.py"), "--single", "--out", folder]
            command += ["--packages", args.packages] if args.packages else []
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            common.MODELS = Path(folder)
            single = unit([embed(chip) for embed in [network()] for chip in faces])
            common.MODELS = shipped
        cosines = (single * half).sum(1)
        pairs = [(rows[1:] * rows[:-1]).sum(1) for rows in (single, half)]
        moved = np.abs(pairs[0] - pairs[1]).max()
        print(
            f"{name:14s} {len(faces)} faces: cosine of f32 and f16 at least {cosines.min():.9f},"
            f" mean {cosines.mean():.9f}; a pair's cosine moves by {moved:.1e} at most"
        )


if __name__ == "__main__":
    main()
