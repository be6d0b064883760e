#!/usr/bin/env bash
# watch_folder.sh IN OUT [SECONDS]: protects every video in the folder IN, and every one that comes, into OUT.
# Looks every SECONDS (default 10) and takes files that have not grown since the last look; with 0, looks once and ends.
# A file that fails leaves nothing in OUT, and is tried again when it changes.
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
mkdir -p "$out"
declare -A seen tried
while :; do
    for clip in "$in"/*.{mp4,mkv,mov,avi,webm}; do
        [ -f "$clip" ] || continue
        name=$(basename "${clip%.*}") state=$(stat --format='%s %Y' "$clip")
        target=$out/$name-protected.mp4
        [ ! "$target" -nt "$clip" ] && [ "${tried[$clip]:-}" != "$state" ] || continue
        if [ "$interval" -gt 0 ] && [ "${seen[$clip]:-}" != "$state" ]; then
            seen[$clip]=$state
            continue
        fi
        tried[$clip]=$state
        if "$protect" "$clip" "$out/.$name-unfinished.mp4"; then
            mv "$out/.$name-unfinished.mp4" "$target"
        else
            echo "not protected: $clip" >&2
        fi
        rm -f "$out/.$name-unfinished".*
    done
    [ "$interval" -gt 0 ] || break
    sleep "$interval"
done
