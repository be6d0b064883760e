#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# Makes skin.jpg, the picture of DESIGN.md about octaves: a face of the sample clip after two seconds, four times its
# size. From left to right: clean, pixels alone held, octaves held, in a box of thresholds; below, how much each pixel
# may change, and what the two changed, ten times.
#     cargo build --release && examples/media/make_skin.sh
set -euo pipefail
cd "$(dirname "$0")/../.."
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
export GST_PLUGIN_PATH="${CARGO_TARGET_DIR:-target}/release" GST_REGISTRY="$scratch/registry.bin"

crop=(videocrop left=330 top=290 right=760 bottom=200 ! videoconvertscale method=lanczos ! video/x-raw,width=570,height=690)
branches=(clip. ! queue ! "${crop[@]}" ! mix.)
for picture in "protected 1000" "protected 3" "jnd 3" "delta 1000" "delta 3"; do
    read -r view distance <<< "$picture"
    branches+=(clip. ! queue ! advjndprotect jnd-scale=9 jnd-rms=20 gradient-smoothing=0 reserve=0.16 "view=$view" "viewing-distance=$distance" ! "${crop[@]}" ! mix.)
done
gst-launch-1.0 -q filesrc location=examples/media/portraits_720p.mp4 ! decodebin ! videoconvert ! video/x-raw,format=I420 \
    ! identity eos-after=52 ! tee name=clip "${branches[@]}" \
    compositor name=mix sink_1::xpos=570 sink_2::xpos=1140 sink_3::ypos=690 sink_4::xpos=570 sink_4::ypos=690 \
    sink_5::xpos=1140 sink_5::ypos=690 ! videoconvert ! jpegenc quality=92 ! multifilesink location="$scratch/%04d.jpg"
mv "$scratch/0050.jpg" examples/media/skin.jpg
