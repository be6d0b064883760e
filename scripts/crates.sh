#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# crates.sh [OPTION…]: `cargo publish --workspace` with these options (none: --dry-run) on a copy of the tracked files
# in build/crates. A registry takes crates of at most 10 MB, so in the copy the weights are crates of their own, large
# files in parts, and `advjnd` depends on them. Each crate is built from what is published. Writes results/crates.json.
set -euo pipefail
cd "$(dirname "$0")/.."

limit=$((10 * 1024 * 1024))
copy=build/crates
target=${CARGO_TARGET_DIR:-$PWD/target}

rm -rf "$copy"
mkdir -p "$copy"
git ls-files -z | tar --create --null --files-from=- | tar --extract --directory="$copy"

field() { # NAME: from [workspace.package]
    sed -n "/^\[workspace.package\]/,/^\[/s/^$1 = \"\(.*\)\"/\1/p" Cargo.toml
}

weights() { # NAME LICENCE WHAT FILE…: each FILE is `file`, whole, or `file.N`, a part of it
    local folder=$copy/crates/weights-$1 name=$1 licence=$2 what=$3 file
    shift 3
    mkdir -p "$folder/parts" "$folder/licences"
    sed -e "s|@NAME@|$name|" -e "s|@LICENCE@|$licence|" -e "s|@WHAT@|$what|" -e "s|@VERSION@|$(field version)|" \
        -e "s|@RUST_VERSION@|$(field rust-version)|" -e "s|@REPOSITORY@|$(field repository)|" \
        models/crate/Cargo.toml.in >"$folder/Cargo.toml"
    cp models/crate/build.rs models/crate/lib.rs "$folder"
    cp models/README.md "$folder"
    cp models/licences/* "$folder/licences"
    for file in "$@"; do
        if [ -e "models/$file" ]; then cp "models/$file" "$folder/parts/$file.1"; else mv "$copy/cut/$file" "$folder/parts"; fi
    done
    sed -i "/^\[dependencies\]/a advjnd-weights-$name = { path = \"../weights-$name\", version = \"=$(field version)\" }" \
        "$copy/crates/advjnd/Cargo.toml"
}

cut_up() { # FILE PARTS
    mkdir -p "$copy/cut"
    split --number="$2" --numeric-suffixes=1 --suffix-length=1 "models/$1" "$copy/cut/$1."
}

cut_up dlib_resnet29.safetensors 3
cut_up sface_2021dec.safetensors 2
for part in 1 2 3; do
    weights "dlib-$part" CC0-1.0 "dlib's face descriptor, part $part of 3" "dlib_resnet29.safetensors.$part"
done
for part in 1 2; do
    weights "sface-$part" Apache-2.0 "SFace, part $part of 2" "sface_2021dec.safetensors.$part"
done
weights small "MIT AND Apache-2.0 AND CC-BY-4.0" "YuNet, BlazeFace, MobileFaceNet, maps of just-noticeable difference" \
    manifest.toml yunet_2023mar.safetensors blazeface_full_range.safetensors mobilefacenet.safetensors \
    jnd_rgb.safetensors jnd_hvs_sd.safetensors
for folder in "$copy" "$copy"/crates/advjnd*; do
    cp LICENSE-MIT LICENSE-APACHE "$folder"
done

[ $# -gt 0 ] || set -- --dry-run
rm -rf "$target/package"
(cd "$copy" && CARGO_TARGET_DIR=$target cargo publish --workspace "$@")

sizes=()
for file in "$target"/package/*.crate "$target"/package/tmp-crate/*.crate; do
    [ -e "$file" ] || continue
    size=$(stat --format=%s "$file")
    printf '%9d bytes  %s\n' "$size" "$(basename "$file")"
    [ "$size" -le "$limit" ] || { echo "$file is larger than the registry's $limit bytes" >&2; exit 1; }
    sizes+=("    \"$(basename "$file")\": $size")
done
[ ${#sizes[@]} -gt 0 ] || { echo "cargo left no crate in $target/package" >&2; exit 1; }
{
    printf '{\n  "program": "scripts/crates.sh",\n  "limit_bytes": %d,\n  "crates_bytes": {\n' "$limit"
    (IFS=$'\n'; printf '%s' "${sizes[*]}" | sed 's/$/,/; $s/,$//')
    printf '\n  }\n}\n'
} >results/crates.json
