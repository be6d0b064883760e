# SPDX-License-Identifier: MIT OR Apache-2.0
"""The three recognisers in PyTorch, from the tensors of their safetensors files: planar RGB 0..255 to raw
embeddings."""

import torch
import torch.nn.functional as F


def dlib_resnet29(w):
    levels = (("level4", 3, False), ("level3", 4, True), ("level2", 3, True), ("level1", 3, True), ("level0", 1, True))
    mean = torch.tensor([122.782, 117.001, 104.298]).view(1, 3, 1, 1)

    def conv(x, name, stride, padding):
        return F.conv2d(x, w[name + ".weight"], w[name + ".bias"], stride, padding)

    def block(x, name, halves):
        y = F.relu(conv(x, name + ".conv1", 2 if halves else 1, 0 if halves else 1))
        y = conv(y, name + ".conv2", 1, 1)
        if halves:
            x = F.avg_pool2d(x, 2, 2)
            height, width = max(x.shape[2], y.shape[2]), max(x.shape[3], y.shape[3])
            x = F.pad(x, (0, width - x.shape[3], 0, height - x.shape[2], 0, y.shape[1] - x.shape[1]))
            y = F.pad(y, (0, width - y.shape[3], 0, height - y.shape[2]))
        return F.relu(y + x)

    def forward(x):
        x = F.max_pool2d(F.relu(conv((x - mean) / 256, "stem", 2, 0)), 3, 2)
        for level, blocks, halves in levels:
            for index in range(blocks):
                x = block(x, f"{level}.{index}", halves and index == 0)
        return x.mean((2, 3)) @ w["fc.weight"].T

    return forward


def sface_2021dec(w):
    strides = (1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1)
    layers = [(0, 1, 1, False)]
    for pair, stride in enumerate(strides):
        layers += [(2 * pair + 1, stride, 1, True), (2 * pair + 2, 1, 0, False)]

    def forward(x):
        x = (x - 127.5) / 128
        for index, stride, padding, depthwise in layers:
            name = f"conv{index:02}"
            groups = x.shape[1] if depthwise else 1
            x = F.conv2d(x, w[name + ".weight"], w[name + ".bias"], stride, padding, groups=groups)
            x = F.prelu(x, w[name + ".prelu"])
        return F.linear(x.flatten(1), w["fc.weight"], w["fc.bias"])

    return forward


def mobilefacenet(w):
    def conv(x, index, stride=1, depthwise=False, same=True):
        name = f"layer{index:02}"
        weight = w[name + ".weight"]
        if same and weight.shape[2] > 1:
            total = max((-(-x.shape[2] // stride) - 1) * stride + weight.shape[2] - x.shape[2], 0)
            x = F.pad(x, (total // 2, total - total // 2) * 2)
        y = F.conv2d(x, weight, w[name + ".bias"], stride, groups=x.shape[1] if depthwise else 1)
        return F.prelu(y, w[name + ".prelu"]) if name + ".prelu" in w else y

    def forward(x):
        x = conv((x - 127.5) / 128, 0, stride=2)
        x = conv(conv(x, 1, depthwise=True), 2)
        index = 3
        for blocks in (5, 7, 3):
            for block in range(blocks):
                stride = 2 if block == 0 else 1
                y = conv(conv(conv(x, index), index + 1, stride, depthwise=True), index + 2)
                x = y if stride == 2 else x + y
                index += 3
        x = conv(conv(x, 48), 49, depthwise=True, same=False)
        return conv(conv(x, 50), 51).flatten(1)

    return forward


NETWORKS = {
    "dlib_resnet29": (150, dlib_resnet29),
    "sface_2021dec": (112, sface_2021dec),
    "mobilefacenet": (112, mobilefacenet),
}
