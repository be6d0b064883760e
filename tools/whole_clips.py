# SPDX-License-Identifier: MIT OR Apache-2.0
"""Every clip of a folder through `advjnd protect`: does all beside the faces stay as it was?

    python3 tools/whole_clips.py [--clips ../shared/clips] [--detector ../shared/models/yunet_2023mar.onnx]
                                 [--out results/whole_clips]

For each clip: frames and duration before and after, the shift of sound against picture (decoded by ffmpeg and
correlated), and the luma PSNR and the mean shift of colour outside the faces, which OpenCV finds in the original (boxes
at twice their size). Needs ffmpeg, NumPy, OpenCV, and the program, built for release.
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np
from document import ROOT, table

PROGRAM = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release/advjnd"
SUFFIXES = {".mp4", ".mkv", ".mpg", ".mov", ".avi"}


def probe(path, kind, entries):
    command = ["ffprobe", "-v", "error", "-select_streams", kind, "-show_entries", f"packet={entries}"]
    command += ["-of", "csv=p=0", str(path)]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    return [[float(part) for part in line.split(",") if part not in ("", "N/A")] for line in lines]


def times(path, kind):
    """The first and the last moment of the stream."""
    packets = [packet for packet in probe(path, kind, "pts_time,duration_time") if packet]
    if not packets:
        return None
    return min(packet[0] for packet in packets), max(sum(packet) for packet in packets)


def sound(path):
    """The sound on the time line of the file, at 8 kHz; nothing where there is none."""
    command = ["ffmpeg", "-v", "quiet", "-copyts", "-i", str(path), "-map", "0:a:0", "-ac", "1"]
    command += ["-af", "aresample=8000:async=1:first_pts=0", "-f", "f32le", "-"]
    return np.frombuffer(subprocess.run(command, capture_output=True, check=False).stdout, np.float32)


def later(before, after):
    """By how many milliseconds `after` is later."""
    size = 2 * max(len(before), len(after))
    correlation = np.fft.irfft(np.fft.rfft(after, size) * np.conj(np.fft.rfft(before, size)))
    shift = int(np.argmax(correlation))
    return (shift if shift < size / 2 else shift - size) / 8


def planes(path):
    """Frames as Y, U and V, with U and V at the size of Y."""
    command = ["ffprobe", "-v", "error", "-select_streams", "v:0", "-show_entries", "stream=width,height"]
    command += ["-of", "csv=p=0", str(path)]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()[0]
    width, height = (int(part) for part in said.strip(",").split(","))
    command = ["ffmpeg", "-v", "error", "-i", str(path), "-map", "0:v:0", "-fps_mode", "passthrough"]
    command += ["-f", "rawvideo", "-pix_fmt", "yuv444p", "-"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        while len(data := process.stdout.read(3 * width * height)) == 3 * width * height:
            yield np.frombuffer(data, np.uint8).reshape(3, height, width)


def outside(frame, detector):
    """Where no face is near."""
    _, height, width = frame.shape
    picture = cv2.cvtColor(np.ascontiguousarray(frame.transpose(1, 2, 0)[:, :, [0, 2, 1]]), cv2.COLOR_YCrCb2BGR)
    detector.setInputSize((width, height))
    _, faces = detector.detect(picture)
    free = np.ones((height, width), bool)
    for x, y, w, h in [] if faces is None else faces[:, :4]:
        top, left = max(0, int(y - h / 2)), max(0, int(x - w / 2))
        free[top : int(y + 1.5 * h) + 1, left : int(x + 1.5 * w) + 1] = False
    return free


def compare(before, after, detector):
    errors, pixels, shifts, count = 0.0, 0, np.zeros(3), [0, 0]
    first, second = planes(before), planes(after)
    while True:
        clean, protected = next(first, None), next(second, None)
        count = [count[0] + (clean is not None), count[1] + (protected is not None)]
        if clean is None and protected is None:
            break
        if clean is None or protected is None or clean.shape != protected.shape:
            continue
        free = outside(clean, detector)
        difference = (protected.astype(np.float32) - clean)[:, free]
        errors += float(np.square(difference[0]).sum())
        pixels += difference.shape[1]
        shifts += difference.sum(axis=1, dtype=np.float64)
    if pixels == 0:
        return count, None, None
    psnr = float(10 * np.log10(255**2 * pixels / max(errors, 1e-9)))
    return count, psnr, float(np.abs(shifts / pixels).max())


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clips", type=Path, default=ROOT / "../shared/clips")
    parser.add_argument("--detector", type=Path, default=ROOT / "../shared/models/yunet_2023mar.onnx")
    parser.add_argument("--out", type=Path, default=ROOT / "results/whole_clips")
    parser.add_argument("options", nargs="*", help="further options of advjnd protect, behind --")
    arguments = parser.parse_args()
    detector = cv2.FaceDetectorYN.create(str(arguments.detector), "", (320, 320), 0.4)
    entries = []
    with tempfile.TemporaryDirectory(prefix="advjndprotect-") as folder:
        for clip in sorted(path for path in arguments.clips.rglob("*") if path.suffix in SUFFIXES):
            output, begun = Path(folder) / f"{clip.stem}.mp4", time.monotonic()
            command = [PROGRAM, "protect", "--json", *arguments.options, clip, "-o", output]
            done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False)
            record = json.loads(done.stdout.splitlines()[0])
            entry = {"clip": clip.name, "code": done.returncode, "status": record["status"]}
            entry |= {name: record.get(name, 0) for name in ("faces", "protected", "covered")}
            if output.exists():
                (v0, v1), (w0, w1) = times(clip, "v:0"), times(output, "v:0")
                heard = sound(clip), sound(output)
                entry["duration_ms"] = round(1000 * ((w1 - w0) - (v1 - v0)), 1)
                entry["frame_ms"] = round(1000 * (v1 - v0) / max(1, len(probe(clip, "v:0", "pts_time"))), 1)
                if len(heard[0]) and len(heard[1]):
                    entry["offset_ms"] = round(later(*heard) - 1000 * (w0 - v0), 1)
                entry["frames"], entry["psnr"], entry["shift"] = compare(clip, output, detector)
                entry["seconds"] = round(time.monotonic() - begun, 1)
            entries.append(entry)
            print(entry, file=sys.stderr, flush=True)
            output.unlink(missing_ok=True)
    arguments.out.mkdir(parents=True, exist_ok=True)
    (arguments.out / "whole_clips.json").write_text(json.dumps(entries, indent=1) + "\n")
    heads = ("clip", "frames", "after", "longer by, ms", "sound later by, ms", "PSNR outside faces", "colour shift")
    rows = []
    for entry in entries:
        numbers = (("duration_ms", 1), ("offset_ms", 1), ("psnr", 1), ("shift", 2))
        cells = ["" if entry.get(name) is None else f"{entry[name]:.{digits}f}" for name, digits in numbers]
        rows.append((entry["clip"], *entry.get("frames", ("", "")), *cells))
    text = "# Clips through `advjnd protect`\n\n"
    options = "".join(f" {option}" for option in arguments.options)
    command = f"python3 tools/whole_clips.py{' --' if options else ''}{options}"
    text += f"`{command}` writes this: what changes beside the faces.\n\n"
    text += table(heads, rows)
    (arguments.out / "whole_clips.md").write_text(text + "\n")
    print(text)


if __name__ == "__main__":
    main()
