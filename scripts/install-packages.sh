#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# Installs those of the named Debian packages that are missing, and says what else is.
set -euo pipefail

if ! command -v cargo >/dev/null; then
    echo "cargo is missing: install Rust 1.92 or newer (https://rustup.rs), then run this again" >&2
    exit 1
fi
if ! command -v dpkg-query >/dev/null; then
    echo "this is no Debian: install what corresponds to: $*" >&2
    exit 0
fi

missing=()
for package in "$@"; do
    status=$(dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null || true)
    [ "$status" = installed ] || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0

echo "installing: ${missing[*]}"
as_root=()
if [ "$(id -u)" -ne 0 ]; then
    as_root=(sudo)
fi
"${as_root[@]}" apt-get update --quiet
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get install --quiet --yes --no-install-recommends "${missing[@]}"
