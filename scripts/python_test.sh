#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# The Python module: its wheel is built and installed into build/python, its tests, its notebook and docs/python.md run.
# Needs python3 with venv, gst-launch-1.0, and a package index the first time. --notebook writes the pictures of the
# notebook to build/notebook, to be looked at. PROFILE: cargo's, `dev` if not set.
set -euo pipefail
cd "$(dirname "$0")/.."
crate=crates/advjnd-python
python=build/python/bin/python
[ -x $python ] || python3 -m venv build/python
# What pip install would do, with the artefacts that cargo has made.
$python -c 'import ipykernel, matplotlib, maturin, nbclient, numpy, pytest' 2>/dev/null ||
    $python -m pip install --quiet 'maturin>=1.9,<2' numpy pytest nbclient ipykernel matplotlib
rm -rf build/wheels
build/python/bin/maturin build --quiet --locked --profile "${PROFILE:-dev}" --manifest-path $crate/Cargo.toml \
    --interpreter $python --out build/wheels
$python -m pip install --quiet --force-reinstall --no-deps --no-index build/wheels/advjnd-*.whl
$python -m pytest --quiet -p no:cacheprovider $crate/tests
$python $crate/examples/run_notebook.py "${1:-}"
