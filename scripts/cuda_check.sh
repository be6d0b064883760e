#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# The feature `cuda` without NVIDIA's software: it is built with a compiler that compiles nothing, and run on a stand-in
# for the driver, which runs candle's own kernels, compiled by g++. The last line says whether all held.
set -euo pipefail
cd "$(dirname "$0")/.."

own=$PWD/crates/advjnd/tests/cuda
target=${CARGO_TARGET_DIR:-$PWD/target}/cuda-check
toolkit=$target/toolkit
sources=$toolkit/sources
rm -rf "$toolkit"
mkdir -p "$toolkit/bin" "$toolkit/lib64" "$sources"
cp "$own/nvcc" "$toolkit/bin/"

# candle's kernels, as cargo fetched them.
manifest=$(cargo metadata --format-version 1 --locked --filter-platform x86_64-unknown-linux-gnu \
        --manifest-path crates/advjnd/Cargo.toml --features cuda |
    python3 -c '
import json, sys
packages = json.load(sys.stdin)["packages"]
print(next(package["manifest_path"] for package in packages if package["name"] == "candle-kernels"))')
kernels=$(dirname "$manifest")/src
cp "$kernels/cuda_utils.cuh" "$kernels/binary_op_macros.cuh" "$sources/"
cp "$own/shim.h" "$sources/compatibility.cuh"
compile=(g++ -std=c++17 -O2 -fPIC -fvisibility=hidden -w -D__CUDA_ARCH__=0 -I "$own" -I "$sources" -x c++)
objects=()
for name in affine binary cast conv indexing ternary unary; do
    # Headers of NVIDIA's that only half precision wants.
    grep -v '#include *<cuda' "$kernels/$name.cu" >"$sources/$name.cu"
    "${compile[@]}" -c -o "$sources/$name.o" "$sources/$name.cu"
    {
        echo "#include \"$name.cu\""
        echo "static const bool entered = []{"
        nm "$sources/$name.o" | sed -n 's/^[0-9a-f]* T \([a-z][a-z0-9_]*\)$/    ENTER(\1);/p'
        echo "    return true;"
        echo "}();"
    } >"$sources/$name.cpp"
    "${compile[@]}" -c -o "$sources/$name.o" "$sources/$name.cpp"
    objects+=("$sources/$name.o")
done
"${compile[@]}" -O3 -c -o "$sources/softcuda.o" "$own/softcuda.cpp"
g++ -shared -Wl,-soname,libcuda.so.1 -o "$toolkit/lib64/libcuda.so.1" "$sources/softcuda.o" "${objects[@]}"
for library in cuda cublas cublasLt cudart curand nvrtc; do
    ln -s libcuda.so.1 "$toolkit/lib64/lib$library.so"
done

export NVCC=$toolkit/bin/nvcc CUDA_HOME=$toolkit CUDA_COMPUTE_CAP=75 PATH=$toolkit/bin:$PATH
# The dependencies unoptimised: their sums are tested elsewhere, and they take minutes to compile.
test=$(CARGO_TARGET_DIR=$target cargo test --locked -p advjnd --features cuda --test cuda_stand_in --no-run \
    --config 'profile.dev.package."*".opt-level=0' --message-format json-render-diagnostics |
    python3 -c '
import json, sys
messages = [json.loads(line) for line in sys.stdin]
print(next(m["executable"] for m in messages if m.get("executable") and m["target"]["name"] == "cuda_stand_in"))')

run() {
    (cd crates/advjnd && "$test" --nocapture --test-threads 1 "$@")
}

fails() {
    if run mobilefacenet >/dev/null 2>&1; then
        echo "FAILED: the test passes with $1"
        exit 1
    fi
}

LD_LIBRARY_PATH=$toolkit/lib64 run --skip no_device
LD_LIBRARY_PATH=$toolkit/lib64 SOFTCUDA=none run no_device
LD_LIBRARY_PATH=$toolkit/lib64 SOFTCUDA=wrong fails "a stand-in that computes wrongly"
fails "no stand-in"
echo "cuda-check: passed"
