# SPDX-License-Identifier: MIT OR Apache-2.0
"""bench_pytorch.py [ONNX] [--rounds N] [--only NETWORK,...]: this engine and PyTorch, same weights and inputs.

For every recogniser and 1 and 2 threads: forward and gradient with respect to the input, one chip at a time. PyTorch
runs in each of its memory formats, its weights constants (no kernel gradients), and its best counts.
Blocks of runs alternate, with a pause for the other side's threads to fall asleep, so both see the same machine. With
the path of yunet_2023mar.onnx, the detector's forward pass at 320 x 320 is compared with ONNX Runtime's on 1 thread.
Last lines: `ratio NETWORK threads=N VALUE`, ours / theirs by medians. The engine is the bench `gradient`, built here.
    pip install numpy torch onnx onnxruntime safetensors
"""
import argparse
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import numpy as np
import torch
from safetensors import safe_open
from torch_nets import NETWORKS

MODELS = Path(__file__).resolve().parents[1]
BLOCK = 6
PAUSE = 0.25


def engine():
    command = ["cargo", "bench", "-p", "advjnd", "--bench", "gradient", "--no-run", "--message-format=json"]
    built = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    found = [json.loads(line).get("executable") for line in built.splitlines() if '"gradient"' in line]
    return next(path for path in found if path)


class Ours:
    def __init__(self, program, name, threads):
        command = [program, "--serve", name, str(threads)]
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True)

    def __call__(self, runs):
        self.process.stdin.write(f"{runs}\n")
        self.process.stdin.flush()
        *times, self.norm = map(float, self.process.stdout.readline().split())
        return times

    def close(self):
        self.process.stdin.close()
        self.process.wait()


class Torch:
    def __init__(self, path, name, threads, memory_format):
        side, build = NETWORKS[name]
        with safe_open(str(path), "pt") as file:
            tensors = {key: file.get_tensor(key).float() for key in file.keys()}
        tensors = {k: v.contiguous(memory_format=memory_format) if v.dim() == 4 else v for k, v in tensors.items()}
        self.network, self.threads = build(tensors), threads
        values = torch.arange(3 * side * side) * 37 % 256
        self.input = values.float().view(1, 3, side, side).contiguous(memory_format=memory_format)

    def __call__(self, runs):
        torch.set_num_threads(self.threads)
        times = []
        for _ in range(runs):
            x = self.input.detach().requires_grad_(True)
            start = time.perf_counter()
            (gradient,) = torch.autograd.grad(self.network(x).sum(), x)
            times.append((time.perf_counter() - start) * 1e3)
        self.norm = float(gradient.norm())
        return times


class OnnxRuntime:
    def __init__(self, path):
        import onnxruntime
        from golden_net import any_size

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self.session = any_size(path, options)
        self.input = (np.arange(3 * 320 * 320) * 37 % 256).astype(np.float32).reshape(1, 3, 320, 320)

    def __call__(self, runs):
        times = []
        for _ in range(runs):
            start = time.perf_counter()
            outputs = self.session.run(None, {"input": self.input})
            times.append((time.perf_counter() - start) * 1e3)
        self.norm = float(np.sqrt(sum((output.astype(np.float64) ** 2).sum() for output in outputs)))
        return times


def compare(name, threads, rounds, ours, theirs):
    sides = [ours, *theirs]
    times = [[] for _ in sides]
    for side in sides:
        side(3)
    for _ in range(rounds):
        for side, seen in zip(sides, times, strict=True):
            time.sleep(PAUSE)
            side(1)
            seen += side(BLOCK)
    ours.close()
    for side in theirs:
        if abs(side.norm - ours.norm) > 2e-3 * side.norm:
            raise SystemExit(f"{name}: results differ, norm {ours.norm} here and {side.norm} there")
    medians = [statistics.median(seen) for seen in times]
    shown = ", ".join(
        f"{type(s).__name__} {m:.2f} ms (least {min(t):.2f})" for s, m, t in zip(sides, medians, times, strict=True)
    )
    print(f"{name} threads={threads}: {shown}", flush=True)
    return f"ratio {name} threads={threads} {medians[0] / min(medians[1:]):.3f}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("onnx", nargs="?")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--only", default="")
    arguments = parser.parse_args()
    program, lines = engine(), []
    def wanted(name):
        return not arguments.only or name in arguments.only.split(",")
    for name in filter(wanted, NETWORKS):
        path = MODELS / f"{name}.safetensors"
        for threads in (1, 2):
            theirs = [Torch(path, name, threads, form) for form in (torch.contiguous_format, torch.channels_last)]
            ours = Ours(program, name, threads)
            lines.append(compare(name, threads, arguments.rounds, ours, theirs))
    if arguments.onnx and wanted("yunet_2023mar"):
        ours = Ours(program, "yunet_2023mar", 1)
        lines.append(compare("yunet_2023mar", 1, arguments.rounds, ours, [OnnxRuntime(arguments.onnx)]))
    print("\n".join(lines))


if __name__ == "__main__":
    main()
