# SPDX-License-Identifier: MIT OR Apache-2.0
"""Some 250 odd files, made with ffmpeg, through `advjnd protect`: how each ends.

    python3 tools/odd_inputs.py [--only TEXT] [--out results/odd_inputs]

Faces are covered (`--mode cover`), which is quick, and shows in the record whether they were found. A file must end as
written, or as an error that says what to do; within the time; with nothing left but the output. What is written must be
read by ffprobe, with as many frames as ffmpeg reads of the input. Needs ffmpeg, Python with Pillow, and the program.
"""
import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from document import ROOT, table
from odd_cases import damaged_cases, name_cases, picture_cases, sound_cases, stream_cases, video_cases

TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
TIME_LIMIT = 90


def frames(path):
    command = ["ffprobe", "-v", "quiet", "-select_streams", "v:0", "-count_frames", "-show_entries"]
    command += ["stream=nb_read_frames,width,height", "-of", "csv=p=0", str(path)]
    said = subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip().split(",")
    try:
        return int(said[2])
    except (IndexError, ValueError):
        return None


def tried(name, make, folder):
    kind = name.split()[0].split(".")[0]
    inputs, outputs = folder / "in", folder / "out"
    for place in (inputs, outputs):
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir()
    path = inputs / (name.removeprefix("name ") if kind == "name" else name)
    if not make(path):
        return {"name": name, "kind": kind, "end": "not made"}
    before = path.read_bytes()
    command = [TARGET / "release/advjnd", "protect", "--mode", "cover", "--json", "-o", outputs, "--", path]
    begun = time.monotonic()
    command = [str(part) for part in command]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIME_LIMIT, check=False)
    except subprocess.TimeoutExpired:
        return {"name": name, "kind": kind, "end": "HANGS", "seconds": TIME_LIMIT}
    entry = {"name": name, "kind": kind, "code": done.returncode, "seconds": round(time.monotonic() - begun, 2)}
    try:
        record = json.loads(done.stdout.splitlines()[0])
    except (IndexError, json.JSONDecodeError):
        return {**entry, "end": "WITHOUT RECORD", "said": done.stderr[-300:]}
    entry.update(end=record["status"], said=record.get("reason", "; ".join(record.get("warnings", []))))
    entry["faces"] = record.get("faces", 0)
    left = [file for file in outputs.rglob("*") if file.is_file() and str(file) != record.get("output")]
    if left or path.read_bytes() != before:
        entry["end"] = f"LEFT {[file.name for file in left]}"
    if done.returncode == 0 or record.get("output"):
        entry["frames"] = [frames(path), frames(Path(record["output"]))]
    return entry


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="")
    parser.add_argument("--out", type=Path, default=ROOT / "results/odd_inputs")
    arguments = parser.parse_args()
    families = (video_cases, sound_cases, stream_cases, damaged_cases, picture_cases, name_cases)
    cases = [case for family in families for case in family() if arguments.only in case[0]]
    entries = []
    with tempfile.TemporaryDirectory(prefix="advjndprotect-") as folder:
        for name, make in cases:
            entries.append(tried(name, make, Path(folder)))
            print(entries[-1], file=sys.stderr, flush=True)
    arguments.out.mkdir(parents=True, exist_ok=True)
    (arguments.out / "odd_inputs.json").write_text(json.dumps(entries, indent=1) + "\n")
    ends = sorted({entry["end"] for entry in entries})
    kinds = dict.fromkeys(entry["kind"] for entry in entries)
    counts = Counter((entry["kind"], entry["end"]) for entry in entries)
    rows = [(kind, *(str(counts[kind, end] or "") for end in ends)) for kind in kinds]
    rows.append(("all", *(str(sum(counts[kind, end] for kind in kinds)) for end in ends)))
    text = "# How odd files end\n\n`python3 tools/odd_inputs.py` makes them and writes this.\n\n"
    text += table(("kind", *ends), rows)
    (arguments.out / "odd_inputs.md").write_text(text + "\n")
    print(text)


if __name__ == "__main__":
    main()
