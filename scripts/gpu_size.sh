#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# What the feature `gpu` adds to the plugin: bytes, libraries that it must find when it is loaded, seconds of a clean
# build. Builds twice into folders of its own, writes results/gpu_size.json and its sentence in docs/performance.md, and
# fails where it is more than allowed.
set -euo pipefail
cd "$(dirname "$0")/.."

MOST_BYTES=4000000
MOST_SECONDS=180
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# A clean build into "$work/$1" with the given options; prints its seconds.
built() {
    local start=$SECONDS
    CARGO_INCREMENTAL=0 CARGO_TARGET_DIR="$work/$1" \
        cargo build --quiet --release --locked --lib -p gst-plugin-advjndprotect "${@:2}"
    echo $((SECONDS - start))
}

plugin() {
    echo "$work/$1/release/libgstadvjndprotect.so"
}

needed() {
    readelf -d "$(plugin "$1")" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' | sort
}

plain_seconds=$(built plain --no-default-features)
gpu_seconds=$(built gpu)
for build in plain gpu; do
    strip --strip-unneeded -o "$work/$build.so" "$(plugin "$build")"
done
plain=$(stat --format %s "$work/plain.so")
gpu=$(stat --format %s "$work/gpu.so")
new=$(comm -13 <(needed plain) <(needed gpu) | paste -sd ' ')
cat >results/gpu_size.json <<JSON
{
  "bytes_without": $plain,
  "bytes_with": $gpu,
  "bytes_more": $((gpu - plain)),
  "new_needed": "$new",
  "cores": $(nproc),
  "seconds_without": $plain_seconds,
  "seconds_with": $gpu_seconds
}
JSON
cat results/gpu_size.json
PYTHONPATH=tools python3 - "$((gpu - plain))" "$plain_seconds" "$gpu_seconds" "$(nproc)" <<'PYTHON'
import sys
from pathlib import Path

from document import splice

more, plain, gpu, cores = map(int, sys.argv[1:])
size = f"The cargo feature `gpu`, on by default, makes the plugin {more / 1e6:.1f} MB larger."
time = f"A clean build on {cores} cores takes {gpu} s with it, {plain} s without."
splice(Path("docs/performance.md"), "gpu-size", f"{size}\n{time}")
PYTHON
status=0
refuse() { # WHY
    echo "$1" >&2
    status=1
}
[ $((gpu - plain)) -le "$MOST_BYTES" ] ||
    refuse "more than $MOST_BYTES bytes: see \`[profile.release.package]\` in Cargo.toml"
[ -z "$new" ] || refuse "the plugin would load only where these are: $new"
[ $((gpu_seconds - plain_seconds)) -le "$MOST_SECONDS" ] ||
    refuse "more than $MOST_SECONDS s: run this again on an idle machine, then look at \`cargo build --timings\`"
exit "$status"
