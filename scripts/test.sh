#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# The tests and checks of CI; the last line counts them. ADVJND_MATERIAL names the folder of test material,
# where it is not ../shared.
set -uo pipefail
cd "$(dirname "$0")/.."

# Mesa's choice of a GPU complains where there is no desktop.
export NODEVICE_SELECT=1
# Everything is built once: files for the next build are gigabytes of disk.
export CARGO_INCREMENTAL=0

passed=0
failed=0

# One check: a name, and the command that must succeed.
check() {
    echo "== $1"
    if "${@:2}"; then
        passed=$((passed + 1))
    else
        echo "FAILED: $1"
        failed=$((failed + 1))
    fi
}

documentation() {
    RUSTDOCFLAGS="-D warnings" cargo doc --quiet --locked --workspace --no-deps
}

# The plugin as GStreamer loads it from disk: found, described, and no warning on the way.
inspection() {
    cargo build --quiet --locked || return
    local plugin="${CARGO_TARGET_DIR:-target}/debug/libgstadvjndprotect.so" registry status=0
    registry=$(mktemp)
    GST_REGISTRY=$registry GST_PLUGIN_PATH=$(dirname "$plugin") G_DEBUG=fatal_warnings \
        gst-inspect-1.0 advjndprotect >/dev/null || status=1
    rm -f "$registry"
    return $status
}

for component in rustfmt clippy; do
    cargo "${component/rustfmt/fmt}" --version >/dev/null 2>&1 || rustup component add "$component"
done

log=$(mktemp)
trap 'rm -f "$log"' EXIT

check "format" cargo fmt --all --check
check "lints" cargo clippy --quiet --locked --workspace --all-targets -- -D warnings
check "lints of the program without what measures" \
    cargo clippy --quiet --locked -p advjnd-cli --no-default-features -- -D warnings
check "lints of the plugin without a GPU" \
    cargo clippy --quiet --locked -p gst-plugin-advjndprotect --lib --no-default-features -- -D warnings
check "devices without a GPU" cargo test --quiet --locked -p advjnd --lib device::
check "documentation" documentation
if command -v ruff >/dev/null; then
    check "ruff" ruff check --quiet
fi
if command -v codespell >/dev/null; then
    check "spelling" codespell
fi
if command -v mdbook >/dev/null; then
    check "book" python3 tools/book.py --target "${CARGO_TARGET_DIR:-target}"
fi
check "gst-inspect-1.0" inspection
if command -v meson >/dev/null; then
    check "meson" scripts/install_check.sh -Dbuildtype=debug
fi
check "Python module" scripts/python_test.sh
check "candle's CUDA on a stand-in for the driver" scripts/cuda_check.sh

echo "== tests"
G_DEBUG=fatal_warnings cargo test --locked --workspace --no-fail-fast 2>&1 | tee "$log"
status=${PIPESTATUS[0]}
read -r tests_passed tests_failed < <(
    sed -n 's/^test result: .*\. \([0-9]*\) passed; \([0-9]*\) failed;.*/\1 \2/p' "$log" |
        awk '{ passed += $1; failed += $2 } END { print passed + 0, failed + 0 }'
)
# A test program that does not compile, or dies, counts no failure of its own.
if [ "$status" -ne 0 ] && [ "$tests_failed" -eq 0 ]; then
    tests_failed=1
fi
passed=$((passed + tests_passed))
failed=$((failed + tests_failed))

# Tests that skip themselves say so: eight without the material beside the repository, one without the packages of
# requirements.txt in $PYTHON. Those of the GPU path skip without a driver for Vulkan, and are not counted.
expected=0
[ -d "${ADVJND_MATERIAL:-../shared}" ] || expected=$((expected + 8))
"${PYTHON:-/usr/bin/python3}" -c '
import PIL, ai_edge_litert, cv2, matplotlib, numpy, onnx, onnxruntime, safetensors, scipy, skimage, tflite, torch
' 2>/dev/null || expected=$((expected + 1))
uncounted='^$'
compgen -G '/usr/share/vulkan/icd.d/*.json' >/dev/null || uncounted='no GPU and no driver'
skipped=$(grep 'SKIPPED: ' "$log" | grep -cv "$uncounted")
echo "$skipped skipped"
if [ "$skipped" -ne "$expected" ]; then
    echo "FAILED: $expected skips were expected (see the lines SKIPPED above)"
    failed=$((failed + 1))
fi
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
