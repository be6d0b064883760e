# SPDX-License-Identifier: MIT OR Apache-2.0
"""engine_table.py [--shared DIR] [--out results/engine.json] [--table-only]: the engine in docs/performance.md.

Runs `cargo bench --bench gradient`, `models/convert/bench_pytorch.py` and, on the clips of DIR/clips with one face,
`cargo bench --bench protector`; writes what they print to a JSON file, and puts it as tables into docs/performance.md
between the markers `engine-table`. `--table-only` does the last step alone. On an otherwise idle machine.

    make engine-table       (installs nothing; needs ffmpeg, and what bench_pytorch.py names)
"""
import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from document import ROOT, processor, splice, table

CLIPS = ("grid/*.mpg", "pexels*.mp4", "pyfeat*.mp4")


def lines(*command):
    command = [str(part) for part in command]
    return subprocess.run(command, check=True, cwd=ROOT, stdout=subprocess.PIPE, text=True).stdout.splitlines()


def fields(text):
    return {key: float(value) for key, value in re.findall(r"(\w+)=([\d.]+)", text)}


def gradient():
    rows, memory = [], {}
    for line in lines("cargo", "bench", "-p", "advjnd", "--bench", "gradient"):
        if found := re.match(r"(\w+) threads=1: (\d+) MiB in memory", line):
            memory[found[1]] = int(found[2])
        if found := re.match(r"(gradient|forward) (\w+) (threads=.* peak_fraction=.*)", line):
            rows.append({"what": found[1], "network": found[2], **fields(found[3])})
    for row in rows:
        row["weights"] = (ROOT / "models" / f"{row['network']}.safetensors").stat().st_size
        row["memory_mib"] = memory.get(row["network"])
    return rows


def ratios(shared):
    script, onnx = ROOT / "models/convert/bench_pytorch.py", shared / "models/yunet_2023mar.onnx"
    found = [re.match(r"ratio (\w+) threads=(\d+) ([\d.]+)", line) for line in lines(sys.executable, script, onnx)]
    return [{"network": f[1], "threads": int(f[2]), "ratio": float(f[3])} for f in found if f]


def clips(shared):
    rows = []
    with tempfile.TemporaryDirectory() as scratch:
        for clip in sorted(c for pattern in CLIPS for c in (shared / "clips").glob(pattern)):
            file = Path(scratch) / f"{clip.stem}.y4m"
            subprocess.run(["ffmpeg", "-v", "error", "-i", clip, "-pix_fmt", "yuv420p", file], check=True)
            for line in lines("cargo", "bench", "-p", "advjnd", "--bench", "protector", "--", file):
                if found := re.match(r"protector (\S+) (iterations=.*)", line):
                    rows.append({"clip": found[1], **fields(found[2])})
                    print(line, flush=True)
            file.unlink()
    return rows


def text(data):
    ratio = {(r["network"], r["threads"]): r["ratio"] for r in data["ratios"]}
    time = {(r["network"], r["threads"]): r["ms"] for r in data["gradient"]}
    rows = []
    for r in data["gradient"]:
        operations = r["gflops"] * r["ms"] / 1e3
        single, peak = (
            time[r["network"], 1],
            {n["threads"]: n["gflops"] / n["peak_fraction"] for n in data["gradient"] if n["network"] == r["network"]},
        )
        rows.append(
            (
                r["network"],
                r["what"],
                f"{operations / (4 if r['what'] == 'gradient' else 2):.3f}",
                f"{r['weights'] / 1e6:.1f}",
                f"{r['threads']:.0f}",
                f"{r['ms'] * r['peak_fraction']:.2f}",
                f"{r['ms']:.2f}",
                f"{r['peak_fraction']:.2f}",
                f"{single / r['ms']:.2f} ({peak[r['threads']] / peak[1]:.2f})",
                ratio.get((r["network"], int(r["threads"])), "–"),
                r["memory_mib"] or "–",
            )
        )
    head = (
        "network",
        "pass",
        "GMAC",
        "weights, MB",
        "threads",
        "floor, ms",
        "reached, ms",
        "of peak",
        "times 1 thread (bare multiply-adds)",
        "ours / PyTorch (YuNet: ONNX Runtime)",
        "engine, MiB",
    )
    speed = [
        (
            r["clip"],
            f"{r['frames']:.0f}",
            f"{r['candle_fps']:.2f}",
            f"{r['engine_fps']:.1f}",
            f"{r['engine_fps'] / r['candle_fps']:.0f}",
        )
        for r in data["clips"]
    ]
    return "\n\n".join(
        (
            f"On {data['machine']} (`make engine-table`, `results/engine.json`). Floor: the direct algorithm's "
            "operations at the machine's multiply-add peak, measured between the runs; Winograd needs fewer, "
            "and AMX multiplies faster, so the share of the peak can exceed one. In brackets: how much more bare multiply-adds two threads do "
            "than one at that time; the two processors of a virtual machine may share a core now and then.",
            table(head, rows),
            "The protector alone, no decoder and no encoder, at "
            f"{data['clips'][0]['iterations']:.0f} iterations a face and frame:",
            table(("clip", "frames", "plain candle, fps", "engine, fps", "times"), speed),
        )
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path, default=ROOT / "../shared")
    parser.add_argument("--out", type=Path, default=ROOT / "results/engine.json")
    parser.add_argument("--table-only", action="store_true")
    args = parser.parse_args()
    if not args.table_only:
        shared = args.shared.resolve()
        commit = lines("git", "rev-parse", "--short", "HEAD")[0]
        wide = "with" if " avx512f " in Path("/proc/cpuinfo").read_text() else "without"
        data = {"commit": commit, "machine": f"{os.cpu_count()} cores, {processor()}, {wide} AVX-512"}
        data |= {"gradient": gradient(), "ratios": ratios(shared), "clips": clips(shared)}
        args.out.parent.mkdir(exist_ok=True)
        args.out.write_text(json.dumps(data, indent=1) + "\n")
    splice(ROOT / "docs/performance.md", "engine-table", text(json.loads(args.out.read_text())))


if __name__ == "__main__":
    main()
