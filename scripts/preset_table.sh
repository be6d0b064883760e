#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# preset_table.sh SHARED: the presets on the first 40 frames of clips of the reporting split (DESIGN.md), every network
# in turn the judge. Writes results/presets and the table in docs/evaluation.md; rows that are there are kept.
set -euo pipefail
cd "$(dirname "$0")/.."
clips=()
for name in grid/grid_{brbk7n,lbbc2a,lrwp9a,sbia1a,swiz3n}.mpg intel_asl/intel_asl_{again,bird,book,brother}.mkv \
    intel_face-demographics-walking-and-pause.mp4 pexels_wolfgang_360p.mp4; do
    clips+=("$1/clips/$name")
done

advjnd() {
    cargo run --release --quiet --locked -p advjnd-cli -- "$@"
}

evaluate() {
    advjnd evaluate "${clips[@]}" --out results/presets --every 4 --frames 40 --variants output,crf23,crf28,scale0.5+crf23 "$@"
}

evaluate --leave-one-out --vary preset=invisible,balanced,natural,strong
evaluate --surrogates dlib_resnet29,sface_2021dec,mobilefacenet --vary preset=balanced,natural
advjnd evaluate --out results/presets --splice docs/evaluation.md
