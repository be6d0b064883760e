# SPDX-License-Identifier: MIT OR Apache-2.0
"""clip_table.py [--shared DIR] [--out results/clips.json] [--speed-only | --table-only] [CLIP ...]: the table of clips.

Every clip of DIR/clips goes through `advjnd protect` (default settings) twice: losslessly (FFV1), and as the demo does
it (H.264). `DIR/tools/check_clip.py`, which shares no code with this project, looks at both. `--speed-only` measures
the speed of the clips in the file anew. Writes a JSON file, one entry a clip, and puts it as a table into docs/clips.md
between the markers `clip-table`. `--table-only` does the last step alone.

    make clip-table        (installs nothing; needs ffmpeg, and numpy opencv-python-headless onnxruntime torch
    safetensors scikit-image)
"""
import argparse
import contextlib
import io
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from document import ROOT, processor, splice, table

TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
# Recognisers that were not attacked are asked about every so many frames.
UNSEEN_EVERY = 5


def protect(clip, out, *options):
    command = [TARGET / "release/advjnd", "protect", "-y", "--strip", *options, clip, "-o", out]
    env = dict(os.environ, GST_PLUGIN_PATH=str(TARGET / "release"))
    return subprocess.run(command, check=True, capture_output=True, text=True, env=env, timeout=900).stdout


def probe(file, entries):
    command = [
        "ffprobe",
        "-v",
        "error",
        "-select_streams",
        "v",
        "-show_entries",
        f"stream={entries}",
        "-of",
        "csv=p=0",
        file,
    ]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip().rstrip(",").split(",")


def as_clean(file, clean):
    """The same picture with the range and colour tags of the clean clip, losslessly: GStreamer names what a source
    leaves open and turns full range into limited, and OpenCV reads the two differently."""
    size, out = "x".join(probe(file, "width,height")), file.with_suffix(".avi")
    full_range = probe(clean, "color_range")[0] == "pc"
    kind, codec = "yuv420p", ["-c:v", "ffv1"]
    convert = []
    if full_range:
        kind, codec = "yuvj420p", ["-c:v", "libx264", "-qp", "0", "-preset", "ultrafast"]
        convert = ["-vf", "scale=in_range=limited:out_range=full:flags=accurate_rnd+full_chroma_int"]
    raw = ["-f", "rawvideo", "-pix_fmt", kind]
    decode = ["ffmpeg", "-v", "fatal", "-i", file, "-fps_mode", "passthrough", *convert, *raw, "-"]
    encode = ["ffmpeg", "-y", "-v", "fatal", *raw, "-s", size, "-i", "-", *codec, out]
    with subprocess.Popen(decode, stdout=subprocess.PIPE) as decoder:
        subprocess.run(encode, check=True, stdin=decoder.stdout)
    return out


def check(shared, clean, protected, only, every=1):
    sys.path.insert(0, str(shared / "tools"))
    import check_clip
    sys.argv = ["check_clip.py", str(clean), str(protected), "--only", only, "--every", str(every)]
    with contextlib.redirect_stdout(io.StringIO()) as said:
        check_clip.main()
    return json.loads(said.getvalue().strip().splitlines()[-1])


def row(clip, shared, scratch):
    entry = {"clip": str(clip.relative_to(shared / "clips"))}
    lossless, encoded = scratch / "lossless.mkv", scratch / "encoded.mp4"
    entry["seconds"], entry["fps"] = speed(clip, lossless)
    lossless = as_clean(lossless, clip)
    entry["lossless"] = check(shared, clip, lossless, "dlib")
    entry["unseen"] = check(shared, clip, lossless, "sface,mobilefacenet", UNSEEN_EVERY)
    protect(clip, encoded)
    entry["h264"] = check(shared, clip, as_clean(encoded, clip), "dlib")
    return entry


def speed(clip, out, *options):
    said = protect(clip, out, "--lossless", *options)
    seconds, fps = re.search(r"frames in ([\d.]+) s \(([\d.]+) fps\)", said).groups()
    return float(seconds), float(fps)


def clips_table(entries):
    head = (
        "clip",
        "faces",
        "covered",
        "protected",
        "after H.264",
        "SFace",
        "MobileFaceNet",
        "PSNR",
        "SSIM",
        "s",
        "fps",
    )
    rows = []
    def share(check, name):
        return f"{100 * check[name]['protected']:.1f} %" if check[name]["of"] else "–"
    for e in entries:
        c = e["lossless"]
        quality = (f"{c['psnr']:.1f}", f"{c['ssim']:.3f}") if c.get("ssim") else ("–", "–")
        rows.append((
            e["clip"], str(c["face_frames"]), f"{100 * c['covered']:.1f} %", share(c, "dlib"), share(e["h264"], "dlib"),
            share(e["unseen"], "sface"), share(e["unseen"], "mobilefacenet"), *quality,
            f"{e['seconds']:.1f}", f"{e['fps']:.0f}",
        ))
    return table(head, rows)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", nargs="*", type=Path)
    parser.add_argument("--shared", type=Path, default=ROOT / "../shared")
    parser.add_argument("--out", type=Path, default=ROOT / "results/clips.json")
    parser.add_argument("--speed-only", action="store_true")
    parser.add_argument("--table-only", action="store_true")
    args = parser.parse_args()
    shared = args.shared.resolve()
    if not args.table_only:
        kinds = (".mp4", ".mkv", ".mpg")
        clips = [c.resolve() for c in args.clips] or sorted(
            c for c in (shared / "clips").rglob("*") if c.suffix in kinds
        )
        with tempfile.TemporaryDirectory() as scratch:
            scratch = Path(scratch)
            # Named clips replace their rows.
            named = [str(clip.relative_to(shared / "clips")) for clip in clips] if args.clips else []
            entries = json.loads(args.out.read_text())["clips"] if args.speed_only or named else []
            if args.speed_only:
                for entry in entries:
                    if not named or entry["clip"] in named:
                        entry["seconds"], entry["fps"] = speed(shared / "clips" / entry["clip"], scratch / "speed.mkv")
            else:
                entries = [entry for entry in entries if entry["clip"] not in named]
                for clip in clips:
                    entries.append(row(clip, shared, scratch))
                    print(json.dumps(entries[-1]), flush=True)
        entries.sort(key=lambda entry: entry["clip"])
        commit = subprocess.run(
            ["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True
        ).stdout
        machine = f"{os.cpu_count()} cores, {processor()}"
        args.out.parent.mkdir(exist_ok=True)
        args.out.write_text(
            json.dumps({"commit": commit.strip(), "machine": machine, "clips": entries}, indent=1) + "\n"
        )
    splice(ROOT / "docs/clips.md", "clip-table", clips_table(json.loads(args.out.read_text())["clips"]))


if __name__ == "__main__":
    main()
