#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# transfer_table.sh SHARED: what each part of the preset `balanced` gives on recognisers that are not attacked, by
# leaving it out or changing it: every network in turn is the judge, two clips of the parameter split, two seconds each.
# Writes results/transfer/evaluate.json and evaluate.md; rows that are there are kept.
set -euo pipefail
cd "$(dirname "$0")/.."
clips=("$1/clips/grid/grid_bbaf2n.mpg" "$1/clips/grid/grid_lbax4n.mpg")

evaluate() {
    cargo run --release --quiet --locked -p advjnd-cli -- evaluate "${clips[@]}" --out results/transfer --leave-one-out \
        --frames 50 --every 5 --variants output,crf23,crf28 --property preset=balanced "$@"
}

evaluate
evaluate --property jnd-rms=20 --property jnd-scale=6 # a bound on every pixel alone
evaluate --property viewing-distance=3
evaluate --vary gradient-smoothing=0,2
evaluate --property input-diversity=0.1
evaluate --property momentum=0.9
evaluate --property max-iterations=12
