#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# meson_cargo.sh CARGO build|cbuild SOURCE TARGET_DIR dev|release OUTPUT_DIR FILE…: builds the plugin and puts the files
# libgstadvjndprotect.so and .a that are named into OUTPUT_DIR. $CARGO_TARGET_DIR comes before TARGET_DIR.
set -euo pipefail

cargo=$1 how=$2 source=$3 target=${CARGO_TARGET_DIR:-$4} profile=$5 output=$6
shift 6
options=(--locked --profile "$profile" --manifest-path "$source/Cargo.toml" --target-dir "$target")
folder=$target/${profile/dev/debug}
if [ "$how" = cbuild ]; then
    types=()
    for file in "$@"; do
        case $file in *.so) types+=(--library-type cdylib) ;; *.a) types+=(--library-type staticlib) ;; esac
    done
    "$cargo" cbuild "${options[@]}" --package gst-plugin-advjndprotect "${types[@]}"
    host=$("${RUSTC:-rustc}" --version --verbose | sed -n 's/^host: //p')
    folder=$target/$host/${profile/dev/debug}
fi
for file in "$@"; do
    if [ "$how" = build ]; then
        case $file in
            *.so) "$cargo" build "${options[@]}" --lib ;;
            *.a) "$cargo" rustc "${options[@]}" --package gst-plugin-advjndprotect --lib --crate-type staticlib ;;
        esac
    fi
    cp "$folder/$file" "$output/$file"
done
