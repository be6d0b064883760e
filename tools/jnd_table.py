# SPDX-License-Identifier: MIT OR Apache-2.0
"""jnd_table.py [results/jnd.json]: the table of JND models in DESIGN.md.

    cargo run --release -p advjnd-lab --example calibrate_jnd -- ../shared/faces/london results/jnd.json
    python3 tools/jnd_table.py
"""
import json
import sys
from pathlib import Path

from document import ROOT, splice, table

KINDS = ("white", "sigma_1", "sigma_2", "sigma_4")


def mean(noise):
    return sum(noise["ssimulacra2"][kind] for kind in KINDS) / len(KINDS)


def row(model):
    shaped, even = model["shaped"], model["even"]
    scores = [model[side]["ssimulacra2"] for side in ("shaped", "even")]
    means = [mean(side) for side in (shaped, even)]
    loud = [mean(model["at_scale_9"][side]) for side in ("shaped", "even")]
    by_kind = [" / ".join(f"{s[kind]:.0f}" for kind in KINDS) for s in scores]
    return (
        f"`{model['model']}`",
        f"{model['kappa']:.3f}",
        f"{model['mean_threshold']:.2f}",
        f"{shaped['psnr']:.1f}",
        f"{shaped['ssim']:.4f}",
        by_kind[0],
        f"{even['ssim']:.4f}",
        by_kind[1],
        f"{means[0] - means[1]:+.1f}",
        f"{loud[0] - loud[1]:+.1f}",
        f"{model['milliseconds']:.2f}",
    )


def main():
    data = json.loads(Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "results/jnd.json").read_text())
    head = (
        "model",
        "κ",
        "mean threshold",
        "PSNR",
        "SSIM",
        "SSIMULACRA2, white / σ 1 / 2 / 4",
        "SSIM, even",
        "SSIMULACRA2, even",
        "gain",
        "gain at scale 9",
        "ms",
    )
    splice(ROOT / "DESIGN.md", "jnd-table", table(head, map(row, data["models"])))


if __name__ == "__main__":
    main()
