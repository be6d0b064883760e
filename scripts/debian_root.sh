#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# debian_root.sh FOLDER: makes FOLDER a clean Debian 12, by debootstrap. Needs root. What debootstrap makes is kept as
# build/debian-12.tar; ADVJND_FRESH=1 makes it anew. ADVJND_MIRROR names another mirror.
set -euo pipefail
cd "$(dirname "$0")/.."

folder=$1
archive=build/debian-12.tar
[ "$(id -u)" -eq 0 ] || { echo "debootstrap wants root: run this with sudo" >&2; exit 1; }
command -v debootstrap >/dev/null || { echo "debootstrap is missing: apt install debootstrap" >&2; exit 1; }
if [ -n "${ADVJND_FRESH:-}" ] || [ ! -e "$archive" ]; then
    mkdir -p build
    new=$(mktemp -d build/debootstrap.XXXXXX)
    trap 'rm -rf "$new"' EXIT
    debootstrap --variant=minbase bookworm "$new" "${ADVJND_MIRROR:-http://deb.debian.org/debian}" >"$new.log" 2>&1 ||
        { tail -20 "$new.log" >&2; exit 1; }
    rm -f "$new.log"
    tar --create --one-file-system --numeric-owner --file="$archive.new" --directory="$new" .
    mv "$archive.new" "$archive"
fi
mkdir -p "$folder"
tar --extract --numeric-owner --preserve-permissions --file="$archive" --directory="$folder"
