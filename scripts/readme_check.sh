#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# readme_check.sh [--list | --first]: runs the README's commands in a clean Debian 12 (scripts/debian_root.sh), in
# order, in a copy of the tracked files, with this machine's Rust toolchain: those of the rows `| Debian 12, … |` in the
# section Install, and the indented or fenced blocks of the section Use. Files that they name and that are missing are
# the sample clip. What needs a camera is named and left out. Says how long each took, and how long it was to the first
# protected clip. --list only prints the commands; --first ends after the first. Needs root.
set -euo pipefail
cd "$(dirname "$0")/.."

# One command a line, continuation lines joined.
readarray -t commands < <(awk '
    /^## / { section = $2; fence = 0 }
    section == "Install" && /^\| *Debian 12/ {
        if (match($0, /`[^`]+`/)) print substr($0, RSTART + 1, RLENGTH - 2)
        next
    }
    section == "Use" && /^```/ { fence = !fence && /^```sh/; skip = 0; next }
    section == "Use" && (fence || /^    [^ ]/ || (joined && /^ +/)) {
        if (fence && /^# not run/) skip = 1
        if (skip || /^ *#/) next
        sub(/^ +/, "")
        line = joined line $0
        if (sub(/\\$/, "", line)) { joined = " "; next }
        print line
        line = joined = ""
    }
' README.md)
[ ${#commands[@]} -ge 2 ] || { echo "README.md has fewer than two commands under Install and Use" >&2; exit 1; }
if [ "${1:-}" = --list ]; then
    printf '%s\n' "${commands[@]}"
    exit
fi

cargo=${CARGO_HOME:-$HOME/.cargo} rustup=${RUSTUP_HOME:-$HOME/.rustup}
mkdir -p build
root=$(mktemp -d build/readme-root.XXXXXX)
trap 'rm -rf --one-file-system "$root"' EXIT
inside() { # COMMAND, in a shell in the checkout
    scripts/in_root.sh "$root" "$cargo $rustup" env CARGO_HOME="$cargo" RUSTUP_HOME="$rustup" CARGO_INSTALL_ROOT=/usr/local \
        PATH="/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin:$cargo/bin" bash -euo pipefail -c "cd /source && $1"
}

scripts/debian_root.sh "$root"
mkdir "$root/source"
git ls-files -z | tar --create --null --files-from=- | tar --extract --directory="$root/source"
if [ -d /etc/ssl/certs ]; then
    mkdir -p "$root/etc/ssl" && cp --recursive --dereference /etc/ssl/certs "$root/etc/ssl/"
fi
# What a bare root lacks and every system has.
inside "apt-get update --quiet=2 && apt-get install --yes --quiet=2 --no-install-recommends make sudo" >"$root/log" 2>&1 ||
    { tail -20 "$root/log" >&2; exit 1; }

clip=examples/media/portraits_720p.mp4 begin=$SECONDS first=
for command in "${commands[@]}"; do
    case $command in *v4l2src* | *rtsp://*) echo "not run, wants a camera: $command"; continue ;; esac
    for file in $(grep -o '[A-Za-z0-9_-]*\.mp4' <<<"$command" | head -1); do
        [ -e "$root/source/$file" ] || cp "$clip" "$root/source/$file"
    done
    start=$SECONDS
    inside "$command" >"$root/log" 2>&1 || { tail -40 "$root/log" >&2; echo "FAILED: $command" >&2; exit 1; }
    echo "$((SECONDS - start)) s: $command"
    if [ -z "$first" ] && compgen -G "$root/source/out/*-protected.mp4" >/dev/null; then
        first=$((SECONDS - begin))
        echo "the first protected clip after $first s"
        [ "${1:-}" != --first ] || exit 0
    fi
done
[ -n "$first" ] || { echo "no command made out/NAME-protected.mp4" >&2; exit 1; }
