#!/bin/sh
# SPDX-License-Identifier: MIT OR Apache-2.0
# Whether two builds of the plugin give the same frames, byte for byte: same_bytes.sh OLD_FOLDER NEW_FOLDER CLIP...
# A folder holds libgstadvjndprotect.so. Every clip runs once with the default settings and once with strong ones.
set -eu

if [ $# -lt 3 ]; then
    echo "usage: $0 OLD_FOLDER NEW_FOLDER CLIP..." >&2
    exit 2
fi
old=$1 new=$2
shift 2
registry=$(mktemp)
trap 'rm -f "$registry"' EXIT

frames() { # FOLDER CLIP PROPERTY...
    folder=$1 clip=$2
    shift 2
    : > "$registry"
    GST_REGISTRY=$registry GST_PLUGIN_PATH=$folder gst-launch-1.0 -q filesrc "location=$clip" ! decodebin \
        ! videoconvert ! video/x-raw,format=I420 ! advjndprotect seed=1 "$@" ! fdsink | sha256sum
}

different=0
for clip in "$@"; do
    for properties in "" "preset=strong search=thorough"; do
        # shellcheck disable=SC2086 # two words are two properties
        before=$(frames "$old" "$clip" $properties) after=$(frames "$new" "$clip" $properties)
        if [ "$before" = "$after" ]; then verdict=same; else verdict=DIFFERENT different=1; fi
        echo "$verdict ${before%% *} ${after%% *} $clip $properties"
    done
done
exit "$different"
