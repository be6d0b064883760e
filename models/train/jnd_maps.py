#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""Trains the learned JND maps `hvs-sd` and `rgb` without labels, on free photographs.

Usage: python jnd_maps.py --data DIR --out DIR [--log DIR] [--seed 1] [--steps 1800] [--only STAGE]

DIR comes from get_data.py. --out receives jnd_hvs_sd.safetensors and jnd_rgb.safetensors; the folder of this script
receives curves.json, curves.png and golden_jnd_maps.json. Stages: ae, hvs-sd, rgb (all by default; --only golden writes
the golden numbers and the picture of the curves from what is there). The result is the same on every run with one
thread, one seed and one version of PyTorch.

Papers
  HVS-SD JND: Jin, Xue et al., "HVS-Inspired Signal Degradation Network for Just Noticeable Difference Estimation",
  arXiv 2208.07583. A compressor without quantisation stands for the signal degradation of the eye; its reconstruction
  error, the gradient of that error with respect to the picture and an attention map of its latent guide the JND
  network, and the difference of the clean and the changed picture is judged behind the compressor.
  RGB-JND: Jin et al., full-colour JND modelling (RGB-JND-NET), arXiv 2203.00629. Three thresholds per
  pixel, trained on an adaptive combination of image quality terms (AIC), with visual attention.

Not known of them: the weights of the terms, the limits, the scale of J (their J is multiplied by a number that the user
chooses) and, for RGB-JND, any code. What follows is therefore a re-creation from the published ideas, not a copy.

Choices of this script
  - The network that runs sees the RGB picture only. The authors' network is also fed the attention map and the
    gradient; here those shape the teacher, and the compressor is needed for training alone.
  - Teacher: NAMM (Yang et al. 2005). Changed: the edge weight comes from the coherence of the structure tensor
    (1 - 0.85 c^2) instead of Canny; dark backgrounds are lifted to 32 before luminance adaptation, as in the released
    code of Wu et al. 2017; the YCbCr thresholds become R, G, B bounds by T_Y + half of the chroma threshold carried to
    that channel, scaled so that a change of one sign in all three channels moves luma by T_Y; T_Y is multiplied by
    (1 + 2 s^2 / 58.5)^(0.3 W), s the local standard deviation of luma and W the edge weight, because at one PSNR the
    structure term of SSIM loses least when noise goes with sqrt(58.5 + 2 s^2) and NAMM alone leaves too much of it in
    flat areas. The classical maps are too generous, so the teacher says where, not how much: the mean log ratio over a
    batch is left free.
  - Priors of hvs-sd: log J of the teacher + 0.25 log error (less along edges) - 0.35 attention - 0.35 attention times
    input gradient, per picture without change of the mean.
  - Terms: SSIM, MS-SSIM (three scales), GMSD, contrast-structure of Cb and Cr, change of saliency, and for hvs-sd the
    mean square of the difference behind the compressor. Local errors are pooled with up to eleven times the weight
    where attention is high: SSIM alone would take an edge for a place that hides noise. Attention: ordered contrast of
    luma (coherence squared times energy); for hvs-sd the larger of that and the Grad-CAM of the compressor's latent.
  - Limits: the 80 % quantile of each term over the training crops when teacher-shaped noise of luma rms 3.2 is added
    (about 38 dB); for the term behind the compressor half of it, so that it takes part. Every term q grows like J
    squared. A soft maximum over log(q / limit) stands for the adaptive combination: q is averaged over a batch, and the
    term that is violated most has the most weight in that step.
  - Loss: soft maximum - 2 mean log J (fill the budget where it costs least; free of scale), the square of the soft
    maximum (bring it to the limit), the distance of log J to the teacher, and smoothness of that distance.
  - Noise: half random signs, half Gaussian noise of sigma 1..4 pixels; half with one sign for the three channels.
  - The scale of J is only sane; a separate program calibrates it.
"""
import argparse
import json
import pathlib
import time

import numpy as np
import torch
import torch.nn.functional as F
from parts import BLUR, Degradation, JndNet, coherence, noise, quality, saliency, separable, teacher, ycc
from PIL import Image
from report import FILES, golden, plot, save_map, thin
from safetensors.torch import load_file, save_file

HERE = pathlib.Path(__file__).parent
CROP, CROPS, BATCH = 96, 3072, 8
TEXTURES = ("mypaint", "brick", "grass", "gravel")  # drawn a quarter as often as the other pictures
RMS = 3.2  # luma rms, in code values, of the noise that sets the limits
TEACHER, SMOOTH, LEVEL = 4.0, 0.2, 0.5  # weights of the terms of the loss
SHARP = 3.0  # of the soft maximum over the quality terms


def crops(folder, count, rng):
    """Random crops: scale, flips, brightness, gamma, saturation and white balance vary."""
    files = sorted(folder.glob("*.png"))
    share = np.array([0.25 if any(t in f.name for t in TEXTURES) else 1.0 for f in files])
    chosen = rng.choice(len(files), count, p=share / share.sum())
    out = np.empty((count, 3, CROP, CROP), np.uint8)
    for index in np.unique(chosen):
        picture = Image.open(files[index]).convert("RGB")
        least = max(0.3 if max(picture.size) > 1000 else 0.6, CROP / min(picture.size))
        for slot in np.flatnonzero(chosen == index):
            side = round(CROP / rng.uniform(least, 1))
            left, top = (rng.integers(0, extent - side + 1) for extent in picture.size)
            box = (int(left), int(top), int(left) + side, int(top) + side)
            crop = np.asarray(picture.resize((CROP, CROP), Image.Resampling.BICUBIC, box), np.float32) / 255
            crop = crop[:: rng.choice([1, -1]), :: rng.choice([1, -1])] ** rng.uniform(0.7, 1.4)
            grey = crop.mean(2, keepdims=True)
            crop = (grey + (crop - grey) * rng.uniform(0.4, 1.4)) * rng.uniform(0.85, 1.15, 3) * rng.uniform(0.6, 1.25)
            out[slot] = np.clip(crop * 255 + 0.5, 0, 255).astype(np.uint8).transpose(2, 0, 1)
    return torch.from_numpy(out)


def normal(v):
    """To 0..1 per picture."""
    low, high = v.amin((1, 2, 3), keepdim=True), v.amax((1, 2, 3), keepdim=True)
    return (v - low) / (high - low + 1e-6)


def priors(ae, x):
    """Log of the smoothed reconstruction error, attention (Grad-CAM of the latent), attention times input gradient."""
    x = x.clone().requires_grad_(True)
    z = ae.encode(x)
    difference = ae.decode(z) - x
    gx, gz = torch.autograd.grad(difference.pow(2).mean(), (x, z))
    with torch.no_grad():
        error = separable(difference.abs().mean(1, keepdim=True), BLUR)
        cam = (gz.mean((2, 3), keepdim=True) * z).sum(1, keepdim=True).abs()
        cam = normal(F.interpolate(cam, x.shape[-2:], mode="bilinear", align_corners=False))
        gradient = normal(separable(normal(F.relu(gx)).mean(1, keepdim=True), BLUR))
        return torch.log(error + 0.5), cam, cam * gradient


def guide(stage, ae, x):
    """Log thresholds of the teacher and attention; for hvs-sd also what the compressor passes of the picture."""
    log_teacher = torch.log(teacher(x))
    luma = ycc(x)[:, :1]
    if stage == "rgb":
        return log_teacher, saliency(luma)
    error, cam, cam_gradient = priors(ae, x)
    shift = 0.25 * error * (1 - 0.85 * coherence(luma)[0] ** 2) - 0.35 * cam - 0.35 * cam_gradient
    return log_teacher + shift - shift.mean((1, 2, 3), keepdim=True), torch.maximum(cam, saliency(luma)), ae(x)


def terms_of(ae, x, j, r, attention, passed=None):
    z = (x + r * j).clamp(0, 255)
    terms = quality(x, z, attention)
    if passed is not None:
        terms["degraded"] = (ae(z) - passed).pow(2).mean((1, 2, 3))
    return terms


def limits_of(ae, pool, guides, generator):
    found = {}
    for start in range(0, 256, 32):
        x, (log_teacher, *rest) = pool[start : start + 32].float(), (g[start : start + 32].float() for g in guides)
        j, r = log_teacher.exp(), noise(x.shape, generator)
        luma = (ycc(j * r)[:, :1]).pow(2).mean((1, 2, 3), keepdim=True).sqrt()
        with torch.no_grad():
            for name, q in terms_of(ae, x, j * RMS / luma, r, *rest).items():
                found.setdefault(name, []).append(q)
    limits = {name: float(torch.cat(q).quantile(0.8)) for name, q in found.items()}
    return {name: limit * (0.5 if name == "degraded" else 1) for name, limit in limits.items()}


def optimiser(net, steps, rate):
    adam = torch.optim.Adam(net.parameters(), rate)
    return adam, torch.optim.lr_scheduler.OneCycleLR(adam, rate, steps, pct_start=0.1)


def train_degradation(pool, steps, generator):
    ae, curve = Degradation(), []
    adam, schedule = optimiser(ae, steps, 2e-3)
    for _ in range(steps):
        x = pool[torch.randint(len(pool), (BATCH,), generator=generator)].float()
        z = ae.encode(x)
        z = z + torch.rand(z.shape, generator=generator) - 0.5
        mse, bits = (ae.decode(z) - x).pow(2).mean(), ae.bits(z)
        adam.zero_grad()
        (mse / 100 + 0.1 * bits).backward()
        torch.nn.utils.clip_grad_norm_(ae.parameters(), 1.0)
        adam.step()
        schedule.step()
        curve.append({"mse": mse.item(), "bits": bits.item()})
    return ae, curve, {}


def train_map(stage, ae, pool, steps, generator):
    made = [guide(stage, ae, pool[i : i + 32].float()) for i in range(0, len(pool), 32)]
    guides = [torch.cat([m[k].half() for m in made]) for k in range(len(made[0]))]
    limits = limits_of(ae, pool, guides, generator)
    net, curve = JndNet(), []
    adam, schedule = optimiser(net, steps, 2e-3)
    for step in range(steps):
        pick = torch.randint(len(pool), (BATCH,), generator=generator)
        x, (log_teacher, *rest) = pool[pick].float(), (g[pick].float() for g in guides)
        j = net(x)
        log_j = torch.log(j + 1e-3)
        ratio = log_j - log_teacher
        ratio = ratio - ratio.mean()
        terms = terms_of(ae, x, j, noise(x.shape, generator), *rest)
        excess = torch.stack([torch.log(q.mean() / limits[name]) for name, q in terms.items()])
        worst = torch.logsumexp(SHARP * excess, 0) / SHARP
        fill, anchor = log_j.mean(), ratio.pow(2).mean()
        smooth = ratio.diff(dim=2).abs().mean() + ratio.diff(dim=3).abs().mean()
        loss = worst - 2 * fill + LEVEL * worst.pow(2) + TEACHER * anchor + SMOOTH * smooth
        adam.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        adam.step()
        schedule.step()
        row = {"mean J": j.mean().item(), "fill": fill.item(), "anchor": anchor.item(), "smooth": smooth.item()}
        row |= {"shape": (worst - 2 * fill).item(), "worst": worst.item()}
        shares = torch.softmax(SHARP * excess, 0)
        curve.append(row | {f"share {name}": share.item() for name, share in zip(terms, shares, strict=True)})
        if step % 100 == 0:
            print(stage, step, {k: round(v, 3) for k, v in curve[-1].items()}, flush=True)
    return net, curve, {name: float(f"{v:.4g}") for name, v in limits.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=pathlib.Path, required=True)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--log", type=pathlib.Path, help="folder of the compressor and of raw curves (default: --data)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--steps", type=int, default=1800, help="of each map; the compressor takes 3000")
    parser.add_argument("--only", choices=["ae", "hvs-sd", "rgb", "golden"])
    args = parser.parse_args()
    log = args.log or args.data
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    stages = [args.only] if args.only else ["ae", "hvs-sd", "rgb"]
    if args.only != "golden":
        pool = crops(args.data / "train", CROPS, np.random.default_rng(args.seed))
    for offset, stage in enumerate(("ae", "hvs-sd", "rgb")):
        if stage not in stages:
            continue
        torch.manual_seed(args.seed + offset)
        generator = torch.Generator().manual_seed(args.seed + offset)
        started = time.time()
        if stage == "ae":
            net, curve, limits = train_degradation(pool, 3000, generator)
            save_file(net.state_dict(), log / "degradation.safetensors")
        else:
            ae = Degradation()
            ae.load_state_dict(load_file(log / "degradation.safetensors"))
            ae.requires_grad_(False)
            net, curve, limits = train_map(stage, ae, pool, args.steps, generator)
            save_map(net, args.out / FILES[stage], stage, args.seed, args.steps)
        record = {"seconds": round(time.time() - started), "steps": len(curve), "limits": limits, "curve": thin(curve)}
        (log / f"curve_{stage}.json").write_text(json.dumps(record))
    if all((log / f"curve_{s}.json").exists() for s in ("ae", "hvs-sd", "rgb")):
        curves = {s: json.loads((log / f"curve_{s}.json").read_text()) for s in ("ae", "hvs-sd", "rgb")}
        (HERE / "curves.json").write_text(json.dumps(curves).replace('{"step"', '\n{"step"') + "\n")
        plot(curves)
        golden(args.out)


main()
