# SPDX-License-Identifier: MIT OR Apache-2.0
"""The parts that jnd_maps.py trains with: networks, analytical teacher, noise, quality terms.

All pictures are float tensors N x 3 x H x W in 8-bit code values (0..255), RGB.
"""
import functools

import torch
import torch.nn.functional as F
from torch import nn

LAYERS = [(3, 16, 2), (16, 24, 2), (24, 24, 1), (24, 24, 1), (24, 16, 1), (16, 3, 1)]  # inputs, outputs, stride
LUMA = (0.299, 0.587, 0.114)


class JndNet(nn.Module):
    """RGB picture to three thresholds per pixel: six 3x3 convolutions, bilinear x4, softplus. Sides: multiples of 4."""

    def __init__(self):
        super().__init__()
        for i, (a, b, stride) in enumerate(LAYERS, 1):
            setattr(self, f"conv{i}", nn.Conv2d(a, b, 3, stride, 1))
        nn.init.constant_(getattr(self, f"conv{len(LAYERS)}").bias, 4.0)

    def forward(self, x):
        x = (x - 128) / 64
        for i in range(1, len(LAYERS)):
            x = F.relu(getattr(self, f"conv{i}")(x))
        x = getattr(self, f"conv{len(LAYERS)}")(x)
        return F.softplus(F.interpolate(x, scale_factor=4, mode="bilinear", align_corners=False))


def thresholds(net, x):
    """The map of a picture of any size: right and bottom edges replicated to a multiple of 32, so that a program plans
    few sizes; cropped after."""
    h, w = x.shape[-2:]
    return net(F.pad(x, (0, -w % 32, 0, -h % 32), mode="replicate"))[..., :h, :w]


def cost():
    """Parameters, and multiplications per pixel of the picture."""
    parameters, macs, area = 0, 0.0, 1.0
    for a, b, stride in LAYERS:
        area /= stride**2
        parameters += 9 * a * b + b
        macs += 9 * a * b * area
    return parameters, macs


class Degradation(nn.Module):
    """Compressive autoencoder without quantisation: what it does not pass stands for what the eye does not pass."""

    def __init__(self, width=32, latent=24):
        super().__init__()
        self.e1, self.e2 = nn.Conv2d(3, width, 5, 2, 2), nn.Conv2d(width, width, 5, 2, 2)
        self.e3 = nn.Conv2d(width, latent, 5, 2, 2)
        self.d1 = nn.Conv2d(latent, width * 4, 3, 1, 1)
        self.d2, self.d3 = nn.Conv2d(width, width * 4, 3, 1, 1), nn.Conv2d(width, 12, 3, 1, 1)
        self.log_scale = nn.Parameter(torch.zeros(latent))

    def encode(self, x):
        x = F.leaky_relu(self.e1((x - 128) / 64), 0.1)
        return self.e3(F.leaky_relu(self.e2(x), 0.1))

    def decode(self, z):
        z = F.leaky_relu(F.pixel_shuffle(self.d1(z), 2), 0.1)
        z = F.leaky_relu(F.pixel_shuffle(self.d2(z), 2), 0.1)
        return F.pixel_shuffle(self.d3(z), 2) * 64 + 128

    def forward(self, x):
        return self.decode(self.encode(x))

    def bits(self, z):
        """Bits per latent number: Laplace density per channel, bins of width 1 (nothing is rounded)."""
        scale = self.log_scale.exp()[None, :, None, None]
        below, above = (-0.5 * torch.sign(v) * torch.expm1(-v.abs() / scale) for v in (z - 0.5, z + 0.5))
        return -torch.log2((above - below).clamp_min(1e-9)).mean()


def ycc(x):
    r, g, b = x.unbind(1)
    y = LUMA[0] * r + LUMA[1] * g + LUMA[2] * b
    return torch.stack([y, (b - y) / 1.772, (r - y) / 1.402], 1)


def gaussian(sigma, radius):
    t = torch.arange(-radius, radius + 1, dtype=torch.float32)
    k = torch.exp(-(t**2) / (2 * sigma**2))
    return k / k.sum()


@functools.cache
def band(size, kernel):
    """The matrix that filters a line of this size with a kernel, reflected at the ends."""
    r = len(kernel) // 2
    lines = F.pad(torch.eye(size)[None], (r, r), mode="reflect")
    return F.conv1d(lines.transpose(0, 1), torch.tensor(kernel).view(1, 1, -1))[:, 0]


def separable(x, k):
    """Each plane filtered with k along both axes, as two matrix products (faster than convolutions of one channel)."""
    k = tuple(k.tolist())
    return band(x.shape[-2], k).T @ (x @ band(x.shape[-1], k))


def correlate(x, kernels, pad="replicate"):
    n, c, h, w = x.shape
    r = kernels.shape[-1] // 2
    x = F.pad(x.reshape(n * c, 1, h, w), (r, r, r, r), mode=pad)
    return F.conv2d(x, kernels[:, None]).reshape(n, c, len(kernels), h, w)


BACKGROUND = torch.tensor([[1, 1, 1, 1, 1], [1, 2, 2, 2, 1], [1, 2, 0, 2, 1], [1, 2, 2, 2, 1], [1, 1, 1, 1, 1]]) / 32.0
G1 = torch.tensor([[0] * 5, [1, 3, 8, 3, 1], [0] * 5, [-1, -3, -8, -3, -1], [0] * 5]) / 16.0
G2 = torch.tensor([[0, 0, 1, 0, 0], [0, 8, 3, 0, 0], [1, 3, 0, -3, -1], [0, 0, -3, -8, 0], [0, 0, -1, 0, 0]]) / 16.0
GRADIENTS = torch.stack([G1, G2, G2.flip(1), G1.T])
PREWITT = torch.tensor([[[1, 0, -1]] * 3, [[1] * 3, [0] * 3, [-1] * 3]]) / 3.0
BLUR = gaussian(2.0, 5)


def coherence(y):
    """0 in texture without direction and in flat areas, 1 along an edge (structure tensor, sigma 2); and energy."""
    gx, gy = correlate(y, PREWITT, "reflect")[:, 0].unbind(1)
    xx, yy, xy = separable(torch.stack([gx * gx, gy * gy, gx * gy], 1), BLUR).unbind(1)
    directed = torch.sqrt((xx - yy) ** 2 + 4 * xy**2 + 1e-6)
    return (directed / (xx + yy + 4))[:, None], torch.sqrt(xx + yy + 1e-3)[:, None]


def saliency(y):
    """Where the eye is drawn and noise is not hidden: ordered contrast, as edges and contours. 0..1."""
    c, energy = coherence(y)
    v = c**2 * energy
    return v / (v + 8)


def teacher(x, masking=0.3):
    """Yang et al. 2005 (NAMM) as bounds on R, G, B; see the head of jnd_maps.py for what is changed."""
    planes = ycc(x)
    bg = correlate(planes[:, :1], BACKGROUND[None])[:, :, 0]
    bg = torch.where(bg <= 127, 32 + bg * 95 / 127, bg)
    light = torch.where(bg <= 127, 17 * (1 - torch.sqrt(bg / 127)) + 3, 3 / 128 * (bg - 127) + 3)
    weight = 1 - 0.85 * coherence(planes[:, :1])[0] ** 2
    slope = torch.tensor([0.117, 0.65, 0.45]).view(1, 3, 1, 1)
    overlap = torch.tensor([0.30, 0.25, 0.20]).view(1, 3, 1, 1)
    texture = slope * correlate(planes, GRADIENTS).abs().amax(2) * weight
    ty, tcb, tcr = (light + texture - overlap * torch.minimum(light, texture)).unbind(1)
    r, g, b = ty + 0.5 * 1.402 * tcr, ty, ty + 0.5 * 1.772 * tcb
    local = separable(torch.cat([planes[:, :1], planes[:, :1] ** 2], 1), gaussian(1.5, 5))
    variance = (local[:, 1] - local[:, 0] ** 2).clamp_min(0)
    ty = ty * (1 + 2 * variance / 58.5) ** (masking * weight[:, 0])
    common = ty / (LUMA[0] * r + LUMA[1] * g + LUMA[2] * b)
    return torch.stack([r, g, b], 1) * common[:, None]


def noise(shape, generator):
    """Per picture: random signs, or Gaussian noise of sigma 1..4 pixels at unit rms; one sign for R, G, B, or three."""
    n, c, h, w = shape
    out = []
    for _ in range(n):
        u = torch.rand(3, generator=generator)
        planes = 1 if u[0] < 0.5 else c
        r = torch.randn(1, planes, h, w, generator=generator)
        r = separable(r, gaussian(1 + 3 * float(u[2]), 8)) if u[1] < 0.5 else torch.sign(r)
        r = r / r.pow(2).mean((2, 3), keepdim=True).sqrt()
        out.append(r.expand(1, c, h, w))
    return torch.cat(out)


def structure(a, b, c2=58.5):
    """Contrast-structure map of SSIM (sigma 1.5), the luminance map, and the variance of a."""
    k = gaussian(1.5, 5)
    n = a.shape[1]
    ma, mb, aa, bb, ab = separable(torch.cat([a, b, a * a, b * b, a * b], 1), k).split(n, 1)
    cs = (2 * (ab - ma * mb) + c2) / (aa - ma * ma + bb - mb * mb + c2)
    return cs, (2 * ma * mb + 6.5) / (ma * ma + mb * mb + 6.5), aa - ma * ma


def pooled(error, weight):
    """Mean over each picture, more where attention is high."""
    weight = F.interpolate(weight, error.shape[-2:], mode="area") if weight.shape[-2:] != error.shape[-2:] else weight
    weight = 1 + 10 * weight
    return ((error * weight).mean((1, 2, 3)) / weight.mean((1, 2, 3))).clamp_min(0)


def quality(x, z, attention):
    """Terms that grow like the square of small visible noise, one number per picture each. Luma masks chroma."""
    a, b = ycc(x), ycc(z)
    ya, yb = a[:, :1], b[:, :1]
    terms, product = {}, 1.0
    for scale, exponent in enumerate((0.07, 0.45, 0.48)):
        cs, light, variance = structure(ya, yb)
        if scale == 0:
            terms["ssim"] = pooled(1 - cs * light, attention)
        if scale == 1:
            masking = variance
        product = product * (1 - pooled(1 - cs * (light if scale == 2 else 1), attention)).clamp_min(1e-3) ** exponent
        ya, yb = F.avg_pool2d(ya, 2), F.avg_pool2d(yb, 2)
    terms["ms_ssim"] = 1 - product
    chroma, _, _ = structure(F.avg_pool2d(a[:, 1:], 2), F.avg_pool2d(b[:, 1:], 2), 58.5 + 2 * masking)
    terms["chroma"] = pooled(1 - chroma, attention)
    halves = (correlate(F.avg_pool2d(p[:, :1], 2), PREWITT, "reflect")[:, 0] for p in (a, b))
    ga, gb = (p.pow(2).sum(1).add(1e-3).sqrt() for p in halves)
    terms["gmsd"] = (1 - (2 * ga * gb + 170) / (ga * ga + gb * gb + 170)).add(1e-5).std((1, 2))
    terms["attention"] = (saliency(a[:, :1]) - saliency(b[:, :1])).pow(2).mean((1, 2, 3))
    return terms
