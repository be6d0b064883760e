# SPDX-License-Identifier: MIT OR Apache-2.0
"""Reads an ONNX file whose weights are block-quantised int8, and gives it back with plain f32 weights.

Not a program. ONNX Runtime refuses such files (it does not implement this layout of DequantizeLinear), so every
DequantizeLinear over constants is replaced by its value, and every Reshape of such a constant likewise.
"""

import numpy as np
import onnx
from onnx import numpy_helper


def dequantise(data: bytes) -> onnx.ModelProto:
    """The model with each block-quantised constant computed: (q - zero_point) * scale, one scale per block."""
    model = onnx.load_from_string(data)
    values = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    kept = []
    for node in model.graph.node:
        if node.op_type == "DequantizeLinear":
            attributes = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
            axis, block = attributes["axis"], attributes["block_size"]
            quantised, scale, zero = (values[name] for name in node.input)
            size = quantised.shape[axis]
            scale, zero = (v.repeat(block, axis).take(range(size), axis) for v in (scale, zero))
            difference = quantised.astype(np.int32) - zero.astype(np.int32)
            values[node.output[0]] = difference.astype(np.float32) * scale
        elif node.op_type == "Reshape" and node.input[0] in values:
            values[node.output[0]] = values[node.input[0]].reshape(values[node.input[1]])
        else:
            kept.append(node)
    used = {name for node in kept for name in node.input}
    constants = [numpy_helper.from_array(v, name) for name, v in sorted(values.items()) if name in used]
    graph_inputs = [i for i in model.graph.input if i.name in used and i.name not in values]
    graph = onnx.helper.make_graph(kept, model.graph.name, graph_inputs, list(model.graph.output), constants)
    return onnx.helper.make_model(graph, opset_imports=model.opset_import, ir_version=min(model.ir_version, 10))


def constants(model: onnx.ModelProto) -> dict[str, np.ndarray]:
    """Every initialiser by name."""
    return {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}


def attribute(node: onnx.NodeProto, name: str) -> object:
    """One attribute of a node."""
    return next(onnx.helper.get_attribute_value(a) for a in node.attribute if a.name == name)
