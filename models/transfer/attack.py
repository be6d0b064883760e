# SPDX-License-Identifier: MIT OR Apache-2.0
"""The attack of tricks.py, and the tricks. Not a program."""
import cv2
import numpy as np
import torch
import torch.nn.functional as F
from faces import CANVAS, GRID
from networks import Tap

QUALITY, SEED = 75, 1
REACH, SIGMA, MOMENTUM, STEP, ITERATIONS = 0.03, 1.0, 0.3, 0.25, 20


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
