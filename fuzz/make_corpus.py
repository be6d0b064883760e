# SPDX-License-Identifier: MIT OR Apache-2.0
"""make_corpus.py: writes the fuzz corpora fuzz/corpus/{model,manifest,properties}.

Every network with one channel a layer, as small as its structure allows, and files that are wrong in one way each; the
same for manifests and property values. Needs nothing but Python.
    python3 fuzz/make_corpus.py
"""

import json
import shutil
import struct
from pathlib import Path

CORPUS = Path(__file__).resolve().parent / "corpus"
DLIB, SFACE, MOBILEFACENET, YUNET, BLAZEFACE = range(5)  # first byte of a case of target `model`
HUGE = 1 << 60


def conv(name, inputs, outputs, kernel):
    return {f"{name}.weight": [outputs, inputs, kernel, kernel], f"{name}.bias": [outputs]}


def dlib():
    shapes = conv("stem", 3, 1, 7)
    for level, blocks in ((4, 3), (3, 4), (2, 3), (1, 3), (0, 1)):
        for block in range(blocks):
            for part in (1, 2):
                shapes |= conv(f"level{level}.{block}.conv{part}", 1, 1, 3)
    return shapes | {"fc.weight": [2, 1]}


def sface():
    shapes = {}
    for index in range(27):
        shapes |= conv(f"conv{index:02}", 3 if index == 0 else 1, 1, 1 if index and index % 2 == 0 else 3)
        shapes |= {f"conv{index:02}.prelu": [1]}
    return shapes | {"fc.weight": [2, 49], "fc.bias": [2]}


def mobilefacenet():
    layers = [(3, 3, True), (1, 3, True), (1, 1, False)]
    for count in (5, 7, 3):
        layers += [(1, 1, True), (1, 3, True), (1, 1, False)] * count
    layers += [(1, 1, True), (1, 7, False), (1, 1, False), (1, 1, False)]
    shapes = {}
    for index, (inputs, kernel, prelu) in enumerate(layers):
        shapes |= conv(f"layer{index:02}", inputs, 1, kernel)
        if prelu:
            shapes |= {f"layer{index:02}.prelu": [1]}
    return shapes


def yunet():
    shapes = conv("backbone.model0.conv1", 3, 1, 3)
    units = ["backbone.model0.conv2"] + [
        f"backbone.model{stage}.conv{part}" for stage in range(1, 6) for part in (1, 2)
    ]
    units += [f"neck.lateral_convs.{level}" for level in range(3)]
    for unit in units:
        shapes |= conv(f"{unit}.conv1", 1, 1, 1) | conv(f"{unit}.conv2", 1, 1, 3)
    for head, channels in (("cls", 1), ("obj", 1), ("bbox", 4), ("kps", 10)):
        for level in range(3):
            name = f"bbox_head.multi_level_{head}.{level}"
            shapes |= conv(f"{name}.conv1", 1, channels, 1) | conv(f"{name}.conv2", 1, channels, 3)
    return shapes


def blazeface():
    shapes = conv("stem", 3, 1, 3)
    blocks = [f"block{block:02}" for block in range(15)]
    for level, count in enumerate((2, 2, 1)):
        shapes |= conv(f"neck{level}.down", 1, 1, 1) | conv(f"neck{level}.lateral", 1, 1, 1)
        blocks += [f"neck{level}.block{block}" for block in range(count)]
    for block in blocks:
        for part in (1, 2):
            shapes |= conv(f"{block}.depthwise{part}", 1, 1, 3) | conv(f"{block}.pointwise{part}", 1, 1, 1)
    return shapes | conv("score", 1, 1, 1) | conv("regressors", 1, 16, 1)


NETWORKS = {DLIB: dlib(), SFACE: sface(), MOBILEFACENET: mobilefacenet(), YUNET: yunet(), BLAZEFACE: blazeface()}
NAMES = {DLIB: "dlib", SFACE: "sface", MOBILEFACENET: "mobilefacenet", YUNET: "yunet", BLAZEFACE: "blazeface"}


def length(shape):
    product = 1
    for side in shape:
        product *= side
    return product


def pack(network, shapes, values=None, header=None):
    """A case: the network's number, then a safetensors file of `shapes`."""
    data, entries = b"", {}
    for name, shape in shapes.items():
        own = (values or {}).get(name)
        numbers = own if own is not None else [0.25 * ((i % 5) - 2) for i in range(length(shape))]
        entries[name] = {"dtype": "F32", "shape": shape, "data_offsets": [len(data), len(data) + 4 * len(numbers)]}
        data += struct.pack(f"<{len(numbers)}f", *numbers)
    text = (header or json.dumps)(entries).encode()
    text += b" " * (-len(text) % 8)
    return bytes([network]) + struct.pack("<Q", len(text)) + text + data


def models():
    cases = {NAMES[network]: pack(network, shapes) for network, shapes in NETWORKS.items()}
    cases["empty"] = b""
    cases["no_header"] = bytes([DLIB]) + b"\x08\0\0"
    cases["huge_header"] = bytes([DLIB]) + b"\xff" * 8 + b"{}"
    cases["no_json"] = bytes([DLIB]) + struct.pack("<Q", 8) + b"not json"
    cases["no_tensors"] = bytes([YUNET]) + struct.pack("<Q", 2) + b"{}"
    cases["truncated"] = cases["sface"][:-5]
    cases["other_network"] = bytes([SFACE]) + cases["dlib"][1:]

    def other(case, network, **changes):
        cases[case] = pack(
            network, NETWORKS[network] | {name.replace("__", "."): shape for name, shape in changes.items()}
        )

    # No entry, so no data: the sides may say anything.
    other("vast_and_empty", DLIB, fc__weight=[HUGE, 0])
    other("vast_kernel", DLIB, stem__weight=[0, 3, 1 << 32, 1 << 32], stem__bias=[0])
    other("no_channel", SFACE, conv00__weight=[0, 3, 3, 3], conv00__bias=[0], conv00__prelu=[0])
    other("no_kernel", MOBILEFACENET, layer00__weight=[1, 3, 0, 0])
    other("no_outputs", DLIB, fc__weight=[0, 1])
    other("oblong_kernel", DLIB, stem__weight=[1, 3, 7, 5])
    other("kernel_beyond_the_picture", SFACE, conv25__weight=[1, 1, 10, 10])
    other("kernel_as_large_as_its_padding_allows", MOBILEFACENET, layer00__weight=[1, 3, 41, 41])
    other("even_kernel", SFACE, conv00__weight=[1, 3, 4, 4])
    other("wrong_rank", DLIB, fc__weight=[2, 1, 1])
    other("more_slopes_than_channels", SFACE, conv00__prelu=[2])
    other("more_inputs_than_channels", SFACE, conv02__weight=[1, 2, 1, 1])
    # Each costs 12 bytes of file and 50 kB of memory.
    many = 1500
    other("many_channels", SFACE, conv02__weight=[many, 1, 1, 1], conv02__bias=[many], conv02__prelu=[many])
    head = "bbox_head__multi_level_cls__0"
    other("head_of_two_channels", YUNET, **{
        f"{head}__conv1__weight": [2, 1, 1, 1], f"{head}__conv1__bias": [2],
        f"{head}__conv2__weight": [2, 1, 3, 3], f"{head}__conv2__bias": [2],
    })
    shapes = {name: [1, *shape[1:]] if "head" in name else shape for name, shape in NETWORKS[YUNET].items()}
    cases["heads_of_one_channel"] = pack(YUNET, shapes)
    other("two_scores", BLAZEFACE, score__weight=[2, 1, 1, 1], score__bias=[2])
    other("even_kernel_in_a_block", BLAZEFACE, block02__depthwise1__weight=[1, 1, 4, 4])
    other("levels_that_differ", BLAZEFACE, neck1__lateral__weight=[2, 1, 1, 1], neck1__lateral__bias=[2])
    large = {"stem.weight": [3e38] * 27, "block00.pointwise2.bias": [3e38]}
    cases["scores_beyond_numbers"] = pack(BLAZEFACE, NETWORKS[BLAZEFACE], large)
    cases["not_a_number"] = pack(DLIB, NETWORKS[DLIB], {"fc.weight": [float("nan"), 1.0]})
    cases["infinite"] = pack(DLIB, NETWORKS[DLIB], {"stem.bias": [float("inf")]})
    large = {"stem.weight": [3e38] * 147, "fc.weight": [3e38, -3e38]}
    cases["overflows_when_run"] = pack(DLIB, NETWORKS[DLIB], large)
    cases["tiny_numbers"] = pack(DLIB, NETWORKS[DLIB], {"fc.weight": [1e-45, -1e-45]})
    for case, old, new in (
        ("other_dtype", '"F32"', '"F16"'), ("unknown_dtype", '"F32"', '"Q4"'), ("negative_side", "[2, 1]", "[-2, 1]"),
        ("fractional_side", "[2, 1]", "[2.5, 1]"), ("side_beyond_64_bits", "[2, 1]", "[99999999999999999999, 1]"),
        ("overlapping_offsets", '"data_offsets": [588', '"data_offsets": [0'),
    ):
        cases[case] = pack(
            DLIB, NETWORKS[DLIB], header=lambda entries, old=old, new=new: json.dumps(entries).replace(old, new)
        )
    cases["deep_json"] = bytes([DLIB]) + struct.pack("<Q", 20_000) + b"[" * 10_000 + b"]" * 10_000
    return cases


ENTRY = """[[model]]
name = "yunet_2023mar"
kind = "detector"
file = "yunet_2023mar.safetensors"
sha256 = "e150b45e14506920e9ffb3a61ddb25a03f5c87622a36505c086677bbb3cdb792"
embedded = true
"""


def manifests():
    cases = {
        "one_model": ENTRY,
        "two_models": ENTRY + ENTRY,
        "empty": "",
        "no_models": "model = []\n",
        "text": "not toml at all",
    }
    for case, file in (
        ("file_above", "../secret"),
        ("file_of_the_system", "/dev/zero"),
        ("file_below", "a/b"),
        ("file_is_the_folder", "."),
        ("file_is_above", ".."),
        ("file_without_name", ""),
        ("file_with_nul", "a\\u0000b"),
        ("file_with_backslash", "..\\\\b"),
    ):
        cases[case] = ENTRY.replace("yunet_2023mar.safetensors", file)
    cases["unknown_kind"] = ENTRY.replace("detector", "oracle")
    cases["checksum_too_short"] = ENTRY.replace("e150b45e", "")
    cases["checksum_in_capitals"] = ENTRY.replace("e150b45e", "E150B45E")
    cases["checksum_of_other_letters"] = ENTRY.replace("e150b45e", "g150b45e")
    cases["field_missing"] = ENTRY.replace('kind = "detector"\n', "")
    cases["field_twice"] = ENTRY + "embedded = false\n"
    cases["wrong_type"] = ENTRY.replace("true", '"yes"')
    cases["table_in_place_of_list"] = ENTRY.replace("[[model]]", "[model]")
    cases["unfinished"] = ENTRY[:60]
    cases["deep"] = "model = " + "[" * 20_000
    cases["deep_keys"] = "a" + ".a" * 20_000 + " = 1"
    cases["long_name"] = ENTRY.replace("yunet_2023mar", "y" * 5000, 1)
    return {name: text.encode() for name, text in cases.items()} | {
        "not_utf8": b"\xff\xfe[[model]]",
        "byte_order_mark": b"\xef\xbb\xbf" + ENTRY.encode(),
    }


def text_value(index, text):
    """One setting of a case of target `properties`: the property's number, 0 for text, its length, the text."""
    raw = text.encode()
    return bytes([index, 0, len(raw)]) + raw


def raw_value(index, bits):
    """The same with 1 for the bits of a number."""
    return bytes([index, 1]) + struct.pack("<Q", bits)


def properties():
    floats = {
        "nan": 0x7FC00000,
        "infinity": 0x7F800000,
        "minus_infinity": 0xFF800000,
        "tiny": 1,
        "minus_zero": 0x80000000,
        "one": 0x3F800000,
    }
    cases = {f"all_{name}": b"".join(raw_value(i, bits) for i in range(40)) for name, bits in floats.items()}
    cases["all_ones"] = b"".join(raw_value(i, (1 << 64) - 1) for i in range(40))
    cases["all_zeros"] = b"".join(raw_value(i, 0) for i in range(40))
    for name, text in (
        ("text", "much"),
        ("empty_text", ""),
        ("number", "3"),
        ("negative", "-1"),
        ("vast", "1e300"),
        ("quotes", '"\\'),
        ("folder", "/dev"),
    ):
        cases[f"all_{name}"] = b"".join(text_value(i, text) for i in range(40))
    cases["empty"] = b""
    cases["cut_off"] = b"\x01\x00\xff"
    return cases


def main():
    for target, cases in (("model", models()), ("manifest", manifests()), ("properties", properties())):
        folder = CORPUS / target
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        for name, data in cases.items():
            (folder / name).write_bytes(data)


if __name__ == "__main__":
    main()
