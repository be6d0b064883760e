#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# deb.sh: the Debian packages gstreamer1.0-advjndprotect and advjnd in target/debian, with cargo-deb.
set -euo pipefail
cd "$(dirname "$0")/.."

target=${CARGO_TARGET_DIR:-$PWD/target}
cargo build --release --locked -p gst-plugin-advjndprotect -p advjnd-cli --no-default-features

pages=target/deb/man
rm -rf target/deb target/debian
mkdir -p "$pages"
advjnd=$target/release/advjnd
"$advjnd" completions bash >target/deb/advjnd.bash
"$advjnd" man >"$pages/advjnd.1"
for subcommand in $("$advjnd" --help | sed -n '/^Commands:/,/^$/s/^  \([a-z-]*\) .*/\1/p' | grep -v '^help$'); do
    "$advjnd" man "$subcommand" >"$pages/advjnd-$subcommand.1"
done
cargo deb --locked --no-build --strip --multiarch same --package gst-plugin-advjndprotect --output target/debian/
cargo deb --locked --no-build --strip --package advjnd-cli --output target/debian/
