#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# Makes views.jpg, the picture of the property `view`: the sample clip after two seconds, four times.
#     cargo build --release && examples/media/make_views.sh
set -euo pipefail
cd "$(dirname "$0")/../.."
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
export GST_PLUGIN_PATH="${CARGO_TARGET_DIR:-target}/release" GST_REGISTRY="$scratch/registry.bin"

branches=()
for view in protected jnd delta boxes; do
    branches+=(clip. ! queue ! advjndprotect "view=$view" ! videoconvertscale ! video/x-raw,width=640,height=360 ! mix.)
done
gst-launch-1.0 -q filesrc location=examples/media/portraits_720p.mp4 ! decodebin ! videoconvert ! video/x-raw,format=I420 \
    ! identity eos-after=52 ! tee name=clip "${branches[@]}" \
    compositor name=mix sink_1::xpos=640 sink_2::ypos=360 sink_3::xpos=640 sink_3::ypos=360 ! videoconvert ! jpegenc quality=88 \
    ! multifilesink location="$scratch/%04d.jpg"
mv "$scratch/0050.jpg" examples/media/views.jpg
