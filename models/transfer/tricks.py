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
Middle layers are those of LAYERS (networks.py), of 14 to 17 samples a side. Chips are means of 2 x 2 bilinear samples.
    pip install numpy opencv-python-headless torch safetensors scikit-image
"""
import argparse
import json
import time
import tomllib
from pathlib import Path

import cv2
import numpy as np
import torch
from attack import ITERATIONS, QUALITY, SEED, attack, finished, jpeg
from faces import CLIPS, PICTURES, REFERENCES, Faces, read, similar
from networks import Network

PSNR = (36, 40)
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


@torch.no_grad()
def margins(faces, networks, pictures, references):
    return {k: n.margin(n.forward(faces.chips(n, k, pictures)), references[k]) for k, n in networks.items()}


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
