#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# Installs those of the named Debian packages that are missing; on Fedora, what corresponds to them.
set -euo pipefail

if ! command -v cargo >/dev/null; then
    echo "cargo is missing: install Rust 1.92 or newer (https://rustup.rs), then run this again" >&2
    exit 1
fi
as_root=()
if [ "$(id -u)" -ne 0 ]; then
    as_root=(sudo)
fi

# The packages of Fedora that have what a package of Debian has. x264enc comes from RPM Fusion, where that is set up.
fedora() { # DEBIAN_PACKAGE
    case $1 in
        build-essential) echo gcc make ;;
        pkg-config) echo pkgconf-pkg-config ;;
        libgstreamer1.0-dev) echo gstreamer1-devel ;;
        libgstreamer-plugins-base1.0-dev) echo gstreamer1-plugins-base-devel ;;
        gstreamer1.0-tools) echo gstreamer1 ;;
        gstreamer1.0-plugins-base) echo gstreamer1-plugins-base ;;
        gstreamer1.0-plugins-good) echo gstreamer1-plugins-good ;;
        gstreamer1.0-plugins-bad) echo gstreamer1-plugins-bad-free ;;
        gstreamer1.0-plugins-ugly)
            echo gstreamer1-plugins-ugly-free "$(! rpm --query --quiet rpmfusion-free-release || echo gstreamer1-plugins-ugly)"
            ;;
        gstreamer1.0-libav) echo gstreamer1-plugin-libav ;;
        gstreamer1.0-nice) echo libnice-gstreamer1 ;;
        gstreamer1.0-opencv) echo gstreamer1-plugins-bad-free-opencv ;;
        opencv-data) echo opencv-data ;;
        vulkan-validationlayers) echo vulkan-validation-layers ;;
        python3-gi) echo python3-gobject ;;
        gir1.2-gst-plugins-base-1.0 | gir1.2-gst-plugins-bad-1.0) ;; # with the plugins
        *) echo "$1" ;;
    esac
}

if command -v dnf >/dev/null; then
    packages=()
    for package in "$@"; do
        read -r -a names < <(fedora "$package") || true # of some nothing is to be installed
        packages+=("${names[@]}")
    done
    "${as_root[@]}" dnf install --assumeyes --setopt=install_weak_deps=False "${packages[@]}"
    exit
fi
if ! command -v dpkg-query >/dev/null; then
    echo "neither Debian nor Fedora: install what corresponds to: $*" >&2
    exit 0
fi

missing=()
for package in "$@"; do
    status=$(dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null || true)
    [ "$status" = installed ] || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0

echo "installing: ${missing[*]}"
"${as_root[@]}" apt-get update --quiet
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get install --quiet --yes --no-install-recommends "${missing[@]}"
