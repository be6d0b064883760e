#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# deb_check.sh FOLDER: installs the packages of the folder in a clean Debian 12 (scripts/debian_root.sh) with
# `apt install ./FOLDER/*.deb`, and uses them: the element is found, the program protects the sample clip, and what it
# wrote is decoded. Needs root.
set -euo pipefail
cd "$(dirname "$0")/.."

packages=$1
mkdir -p build
root=$(mktemp -d build/deb-root.XXXXXX)
trap 'rm -rf --one-file-system "$root"' EXIT
inside() {
    scripts/in_root.sh "$root" "" "$@"
}

start=$SECONDS
scripts/debian_root.sh "$root"
echo "a clean Debian 12: $((SECONDS - start)) s"

mkdir -p "$root/work"
cp "$packages"/*.deb "$root/work/"
cp examples/media/portraits_720p.mp4 "$root/work/clip.mp4"
start=$SECONDS
inside apt-get update --quiet=2
inside sh -c 'apt install --yes --quiet /work/*.deb' >"$root/work/log" 2>&1 || {
    tail -40 "$root/work/log" >&2
    exit 1
}
echo "the packages and what they depend on: $((SECONDS - start)) s"

inside gst-inspect-1.0 advjndprotect | sed -n 's/^ *\(Long-name\|Version\|Filename\) */\1: /p'
inside advjnd --version
start=$SECONDS
inside advjnd protect /work/clip.mp4 -o /work/protected.mp4
echo "the first protected clip: $((SECONDS - start)) s"

frames() { # FILE: that decode
    inside gst-launch-1.0 filesrc "location=$1" ! decodebin ! videoconvert ! fakesink silent=false -v |
        grep -c 'last-message = chain'
}
before=$(frames /work/clip.mp4) after=$(frames /work/protected.mp4)
echo "frames that decode: $before before, $after after"
[ "$before" -gt 0 ] && [ "$before" -eq "$after" ]
if cmp -s "$root/work/clip.mp4" "$root/work/protected.mp4"; then
    echo "the clip was not changed" >&2
    exit 1
fi
