#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# in_root.sh ROOT FOLDERS COMMAND…: runs COMMAND in the folder ROOT as if it were the system, with this machine's
# network, and with each of FOLDERS (space-separated, may be empty) of this machine at the same place. Needs root. Its
# mounts are its own, and end with it.
set -euo pipefail

root=$(realpath "$1") folders=$2
shift 2
if [ "${ADVJND_IN_ROOT:-}" != "$root" ]; then
    ADVJND_IN_ROOT=$root exec unshare --mount --propagation private "$0" "$root" "$folders" "$@"
fi
cp /etc/resolv.conf "$root/etc/resolv.conf"
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
for folder in $folders; do
    mkdir -p "$root$folder"
    mount --bind "$folder" "$root$folder"
done
exec env --unset=ADVJND_IN_ROOT DEBIAN_FRONTEND=noninteractive chroot "$root" "$@"
