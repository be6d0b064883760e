#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# watch_folder.sh IN OUT [SECONDS]: protects every video in the folder IN, and every one that comes, into OUT.
# Looks every SECONDS (default 10) and takes files that have not grown since the last look; with 0, looks once and ends.
# IN/NAME.SUFFIX becomes OUT/NAME.SUFFIX-protected.mp4. Folders in IN, and files whose suffix is no video's, are skipped
# and named.
# A file that fails leaves nothing in OUT, and is tried again when it changes; one that changes is protected anew.
set -euo pipefail

if [ $# -lt 2 ] || [ ! -d "$1" ]; then
    echo "usage: $0 IN OUT [SECONDS]; IN must be a folder" >&2
    exit 2
fi
in=$1 out=$2 interval=${3:-10}
protect=${PROTECT_FILE:-$(dirname "$0")/../target/release/examples/protect_file}
if [ ! -x "$protect" ]; then
    echo "no $protect: run cargo build --release --example protect_file" >&2
    exit 1
fi
mkdir -p -- "$out"
if [ "$in" -ef "$out" ]; then
    echo "IN and OUT are the same folder: what is protected would be protected again; name another OUT" >&2
    exit 2
fi
declare -A seen tried told

# skip FILE WHY: says once that a file is not taken.
skip() {
    [ -n "${told[$1]:-}" ] || echo "skipped: $1 ($2)" >&2
    told[$1]=yes
}

while :; do
    for clip in "$in"/*; do
        [ -e "$clip" ] || continue
        [ -f "$clip" ] || { skip "$clip" "not a file"; continue; }
        name=${clip##*/} suffix=${clip##*.}
        case ${suffix,,} in
            mp4 | m4v | mov | qt | mkv | webm | avi | mts | m2ts | m2t | ts | mpg | mpeg | vob) ;;
            3gp | 3g2 | wmv | asf | flv | ogv | dv | dav) ;;
            *) skip "$clip" "no video's suffix"; continue ;;
        esac
        state=$(stat --format='%s %Y' -- "$clip") target=$out/$name-protected.mp4
        [ ! "$target" -nt "$clip" ] && [ "${tried[$clip]:-}" != "$state" ] || continue
        if [ "$interval" -gt 0 ] && [ "${seen[$clip]:-}" != "$state" ]; then
            seen[$clip]=$state
            continue
        fi
        tried[$clip]=$state
        "$protect" -y -- "$clip" "$target" || echo "not protected: $clip" >&2
    done
    [ "$interval" -gt 0 ] || break
    sleep "$interval"
done
