#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# fuzz.sh SECONDS [TARGET…]: cargo-fuzz on every target for SECONDS each, under the address sanitizer, from the
# checked-in corpus; new cases go to fuzz/found/TARGET, which git ignores. Ends at the first case that does harm, and
# says where it is.
set -euo pipefail
cd "$(dirname "$0")/../fuzz"

seconds=$1
shift
[ $# -gt 0 ] || set -- manifest model properties
for target in "$@"; do
    mkdir -p "found/$target"
    # Models are read once and kept: GStreamer and they are no leak.
    ASAN_OPTIONS=detect_leaks=0 cargo +nightly fuzz run --fuzz-dir . "$target" "found/$target" "corpus/$target" -- \
        -max_total_time="$seconds" -timeout=60 -rss_limit_mb=4096 -malloc_limit_mb=1024 -max_len=65536
done
