#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# Makes clean-and-protected.webp, the README's clip: the ten seconds of the sample clip, clean and protected.
#     cargo build --release --locked -p advjnd-cli --no-default-features && examples/media/make_webp.sh
# Needs ffmpeg with libwebp (Debian: ffmpeg).
set -euo pipefail
cd "$(dirname "$0")/../.."
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
clip=examples/media/portraits_720p.mp4

"${ADVJND:-${CARGO_TARGET_DIR:-target}/release/advjnd}" protect --lossless "$clip" -o "$scratch/protected.mkv"
ffmpeg -v error -y -i "$clip" -i "$scratch/protected.mkv" -an -filter_complex '
    [0:v]fps=10,scale=560:-2:flags=lanczos[clean];
    [1:v]fps=10,scale=560:-2:flags=lanczos[protected];
    [clean][protected]hstack' \
    -c:v libwebp -quality 60 -compression_level 4 -loop 0 -f webp examples/media/clean-and-protected.webp
