#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# What the networks take on a real GPU, written to results/gpu.json, and the tests of the GPU path there; says so where
# there is none. ADVJND_GPU names another adapter, one that the processor plays, too.
set -euo pipefail
cd "$(dirname "$0")/.."

run() {
    cargo test --quiet --release --locked -p advjnd --features gpu "$@"
}

export ADVJND_WRITE=1
times=$(run --test gpu_hardware -- --ignored --nocapture --test-threads 1)
echo "$times"
if grep -q '^skipped: no GPU' <<<"$times"; then
    exit 0
fi
ADVJND_GPU=$(sed -n 's/^adapter \([0-9]*\):.*/\1/p' <<<"$times")
export ADVJND_GPU
run --test gpu_twin --test gpu_random_networks --test gpu_steady -- --nocapture --test-threads 1
