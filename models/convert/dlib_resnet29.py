# SPDX-License-Identifier: MIT OR Apache-2.0
"""dlib_resnet29.py [--packages DIR] [--out DIR]: makes dlib_resnet29.safetensors.

From PyPI face_recognition_models 0.3.0: dlib's face descriptor network, CC0. The file is read without dlib: it is a
stream of packed numbers in which each layer starts with its name. Every affine layer (a frozen batch normalisation)
is folded into the convolution before it.
    pip install numpy
"""

from collections import Counter

import common
import numpy as np

# Blocks from input to output: name and number; in all but the first group the first block halves the size.
GROUPS = (("level4", 3), ("level3", 4), ("level2", 3), ("level1", 3), ("level0", 1))
EXPECTED = {"input_rgb_image_sized": 1, "con_4": 29, "affine_": 29, "add_prev_": 14, "fc_2": 1}


class Stream:
    """A reader of dlib's serialisation."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def integer(self) -> int:
        """One control byte (bit 7: sign, low four bits: length), then the magnitude, little-endian."""
        control = self.data[self.at]
        end = self.at + 1 + (control & 15)
        value = int.from_bytes(self.data[self.at + 1 : end], "little")
        self.at = end
        return -value if control & 128 else value

    def number(self) -> float:
        """Mantissa and exponent of two."""
        mantissa = self.integer()
        return mantissa * 2.0 ** self.integer()

    def tensor(self) -> np.ndarray:
        """Format 2, four sizes, then f32."""
        if self.integer() != 2:
            raise SystemExit("unknown tensor format")
        shape = [self.integer() for _ in range(4)]
        count = int(np.prod(shape))
        value = np.frombuffer(self.data, "<f4", count, self.at).reshape(shape)
        self.at += 4 * count
        return value

    def alias(self) -> list[int]:
        """The sizes of a view into a tensor."""
        if self.integer() != 1:
            raise SystemExit("unknown alias format")
        return [self.integer() for _ in range(4)]

    def next_layer(self) -> str | None:
        """Moves behind the nearest length-prefixed layer name and returns it."""
        found = []
        for name in EXPECTED:
            at = self.data.find(bytes([1, len(name)]) + name.encode(), self.at)
            if at >= 0:
                found.append((at, name))
        if not found:
            return None
        at, name = min(found)
        self.at = at + 2 + len(name)
        return name


def convolution(stream: Stream) -> tuple[np.ndarray, np.ndarray]:
    """Filters [out, in, h, w] and biases of a `con_4`."""
    flat = stream.tensor().reshape(-1).astype(np.float64)
    filters, rows, columns, *_ = [stream.integer() for _ in range(7)]
    shape, bias = stream.alias(), stream.alias()
    if [shape[0], *shape[2:]] != [filters, rows, columns] or int(np.prod(bias)) != filters:
        raise SystemExit("a convolution's sizes disagree")
    return flat[:-filters].reshape(shape), flat[-filters:]


def layer_names() -> list[str]:
    """The convolutions from input to output."""
    blocks = [f"{group}.{i}" for group, count in GROUPS for i in range(count)]
    return ["stem"] + [f"{block}.conv{part}" for block in blocks for part in (1, 2)]


def main() -> None:
    args = common.arguments(__doc__)
    stream = Stream(common.fetch(common.DLIB, args.packages))
    names = iter(layer_names())
    tensors: dict[str, np.ndarray] = {}
    seen: Counter[str] = Counter()
    mean: list[float] = []
    weight = bias = None
    while (layer := stream.next_layer()) is not None:
        seen[layer] += 1
        if layer == "input_rgb_image_sized":
            mean = [stream.number() for _ in range(3)]
        elif layer == "con_4":
            weight, bias = convolution(stream)
        elif layer == "affine_":
            gamma, beta = np.split(stream.tensor().reshape(-1).astype(np.float64), 2)
            name = next(names)
            tensors[name + ".weight"] = weight * gamma[:, None, None, None]
            tensors[name + ".bias"] = bias * gamma + beta
        elif layer == "fc_2":
            outputs, inputs = stream.integer(), stream.integer()
            flat = stream.tensor().reshape(-1)
            tensors["fc.weight"] = flat[: inputs * outputs].reshape(inputs, outputs).T
    if dict(seen) != EXPECTED or next(names, None) is not None:
        raise SystemExit(f"unexpected layers: {dict(seen)}")
    metadata = {
        "source": str(common.DLIB),
        "source_sha256": common.DLIB.sha256,
        "licence": "CC0-1.0",
        "input": f"RGB 150x150, (x-[{','.join(f'{m:.3f}' for m in mean)}])/256",
    }
    common.save(args.out / "dlib_resnet29.safetensors", tensors, metadata)


if __name__ == "__main__":
    main()
