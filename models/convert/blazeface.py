# SPDX-License-Identifier: MIT OR Apache-2.0
"""blazeface.py [--packages DIR] [--out DIR]: makes blazeface_full_range.safetensors.

From npm @mediapipe/face_detection 0.4.1657300184: BlazeFace full range of MediaPipe as a TensorFlow Lite file,
Apache-2.0. The file keeps its weights in half precision; here they are f32, each number the same. Kernels are turned
to [out, in, h, w]; nothing is folded. The order of the file's convolutions is checked, and they are named by what they
do: `stem`; fifteen blocks `block00`... of `depthwise1`, `pointwise1`, `depthwise2`, `pointwise2`; three levels of the
neck, the coarsest first, with `neck0.down`, `neck0.lateral` and the blocks `neck0.block0`...; the heads `score` and
`regressors`.
    pip install numpy tflite
"""

import common
import numpy as np
import tflite
from mobilefacenet import Graph

BLOCKS = 15
NECK = (2, 2, 1)  # blocks of each level
IGNORED = ("DEQUANTIZE", "RELU", "ADD", "PAD", "MAX_POOL_2D", "RESIZE_BILINEAR", "RESHAPE")


def layers() -> list[tuple[str, str]]:
    """Name and kind of each convolution in the order of the file."""
    full, depthwise = "CONV_2D", "DEPTHWISE_CONV_2D"

    def block(name: str) -> list[tuple[str, str]]:
        parts = [(f"{name}.depthwise{i}", f"{name}.pointwise{i}") for i in (1, 2)]
        return [layer for d, p in parts for layer in ((d, depthwise), (p, full))]

    result = [("stem", full)]
    for index in range(BLOCKS):
        result += block(f"block{index:02}")
    for level, blocks in enumerate(NECK):
        result += [(f"neck{level}.down", full), (f"neck{level}.lateral", full)]
        for index in range(blocks):
            result += block(f"neck{level}.block{index}")
    return result + [("score", full), ("regressors", full)]


def constants(graph: Graph) -> dict[int, np.ndarray]:
    """The f32 tensors that the file widens from half precision, by index."""
    found = {}
    for operator in graph.operators:
        if graph.kind(operator) == "DEQUANTIZE":
            tensor = graph.graph.Tensors(operator.Inputs(0))
            if tensor.Type() != tflite.TensorType.FLOAT16:
                raise SystemExit("only weights in half precision were expected")
            numbers = graph.model.Buffers(tensor.Buffer()).DataAsNumpy().view("<f2")
            found[operator.Outputs(0)] = numbers.reshape(tensor.ShapeAsNumpy()).astype(np.float32)
    return found


def main() -> None:
    args = common.arguments(__doc__)
    graph = Graph(common.fetch(common.BLAZEFACE, args.packages))
    values = constants(graph)
    kinds = [(operator, graph.kind(operator)) for operator in graph.operators]
    unknown = {kind for _, kind in kinds} - {"CONV_2D", "DEPTHWISE_CONV_2D", *IGNORED}
    if unknown:
        raise SystemExit(f"{unknown} were not expected")
    convolutions = [(operator, kind) for operator, kind in kinds if kind not in IGNORED]
    tensors: dict[str, np.ndarray] = {}
    for (name, expected), (operator, kind) in zip(layers(), convolutions, strict=True):
        if kind != expected:
            raise SystemExit(f"{name}: {kind} was not expected")
        depthwise = kind == "DEPTHWISE_CONV_2D"
        graph.options(operator, tflite.DepthwiseConv2DOptions if depthwise else tflite.Conv2DOptions)
        _, weight, bias = operator.InputsAsNumpy()
        tensors[name + ".weight"] = values[weight].transpose((3, 0, 1, 2) if depthwise else (0, 3, 1, 2))
        tensors[name + ".bias"] = values[bias]
    metadata = {
        "source": str(common.BLAZEFACE),
        "source_sha256": common.BLAZEFACE.sha256,
        "licence": "Apache-2.0",
        "input": "RGB 192x192, x/127.5-1, the picture whole in a square, zeros of 0..255 around it",
    }
    common.save(args.out / "blazeface_full_range.safetensors", tensors, metadata)


if __name__ == "__main__":
    main()
