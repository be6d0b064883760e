#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# install_check.sh [MESON OPTION…]: configures, builds, tests and installs with meson into a folder, and looks whether
# GStreamer and pkg-config find what was installed. Uses the project's target folder, so little is built twice.
set -euo pipefail
cd "$(dirname "$0")/.."

export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$PWD/target}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
meson setup "$folder/build" --prefix=/usr "$@" >"$folder/log" || { cat "$folder/log" >&2; exit 1; }
meson compile -C "$folder/build" >"$folder/log" 2>&1 || { cat "$folder/log" >&2; exit 1; }
meson test -C "$folder/build" --no-suite rust
DESTDIR=$folder/root meson install -C "$folder/build" --no-rebuild >"$folder/log" || { cat "$folder/log" >&2; exit 1; }
(cd "$folder/root" && find . -type f | sort)

[ -e "$folder/root/usr/share/gstreamer-1.0/presets/GstAdvJndProtect.prs" ] || { echo "the presets are not installed" >&2; exit 1; }
plugins=$(dirname "$(find "$folder/root" -name 'libgstadvjndprotect.*' | head -1)")
PKG_CONFIG_PATH=$plugins/pkgconfig pkg-config --exists --print-errors gstadvjndprotect
libraries=$(PKG_CONFIG_PATH=$plugins/pkgconfig pkg-config --libs gstadvjndprotect)
case $libraries in *-lgstadvjndprotect*) ;; *) echo "the .pc file does not name the library: $libraries" >&2; exit 1 ;; esac
if [ -e "$plugins/libgstadvjndprotect.so" ]; then
    export GST_REGISTRY=$folder/registry.bin GST_PLUGIN_PATH=$plugins G_DEBUG=fatal_warnings
    gst-inspect-1.0 advjndprotect >"$folder/log"
    models=$(find "$folder/root" -name manifest.toml -printf '%h')
    gst-launch-1.0 -q videotestsrc num-buffers=2 ! advjndprotect ${models:+models="$models"} ! fakesink
fi
