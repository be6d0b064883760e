#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# container_check.sh [IMAGE]: builds the Containerfile's image with podman, or takes one that was built, and uses it
# without a network: the element is found, the program protects a folder with the sample clip, two recipes of
# docs/recipes.md run with stand-ins for the camera, and what was written is decoded. ADVJND_BASE and ADVJND_BUILD_BASE
# name the images of Debian 12, without and with Rust, that it is built from. Those that are not given are made here,
# without a registry: scripts/debian_root.sh makes Debian, and Rust is the oldest that Cargo.toml names, or this
# machine's default where rustup does not have that one. Removes the images that it made, and its files. Needs root.
set -euo pipefail
cd "$(dirname "$0")/.."

command -v podman >/dev/null || { echo "podman is missing: apt install podman runc" >&2; exit 1; }
mkdir -p build
work=$(mktemp -d "$PWD/build/container.XXXXXX")
name=${1:-localhost/advjnd-$(basename "$work" | tr '[:upper:].' '[:lower:]-')}
made=()
clean() {
    [ ${#made[@]} -eq 0 ] || podman rmi --force "${made[@]}" >/dev/null
    rm -rf --one-file-system "$work"
}
trap clean EXIT

# `podman build`, with this machine's network and certificates, as proxies want it; by chroot, which wants no cgroups.
build() {
    podman build --isolation chroot --network host --volume /etc/ssl/certs:/etc/ssl/certs:ro --layers=false --quiet "$@"
}

# COMMAND ARGUMENT…, in the image, without a network, with the data at /data. Not with podman's own limits, which may be
# above this machine's, and by runc: crun wants cgroups of one version.
inside() {
    podman --runtime runc run --rm --network none --ulimit nofile=1024:1024 --ulimit nproc=1024:1024 \
        --volume "$work/data:/data" --workdir /data --entrypoint "$1" "$name" "${@:2}"
}

import() { # NAME: an image of the folder "$work/root"
    tar --create --one-file-system --numeric-owner --directory="$work/root" . | podman import --quiet - "$1" >/dev/null
    made+=("$1")
}

image() { # builds it
    local start=$SECONDS base=${ADVJND_BASE:-} build_base=${ADVJND_BUILD_BASE:-} oldest rust
    if [ -z "$base" ] || [ -z "$build_base" ]; then
        scripts/debian_root.sh "$work/root"
    fi
    if [ -z "$base" ]; then
        base=$name-base
        import "$base"
    fi
    if [ -z "$build_base" ]; then
        oldest=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)
        rust=$(rustup run "$oldest" rustc --print sysroot 2>/dev/null || rustc --print sysroot)
        [ "$rust" != /usr ] || { echo "this Rust is not rustup's: set ADVJND_BUILD_BASE" >&2; exit 1; }
        scripts/in_root.sh "$work/root" "" sh -c 'apt-get update --quiet=2 &&
            apt-get install --yes --quiet=2 --no-install-recommends ca-certificates gcc libc6-dev' >"$work/log" 2>&1 ||
            { tail -20 "$work/log" >&2; exit 1; }
        cp --recursive "$rust"/{bin,lib} "$work/root/usr/local/"
        build_base=$name-rust
        import "$build_base"
    fi
    rm -rf --one-file-system "$work/root"
    echo "the base images: $((SECONDS - start)) s"

    start=$SECONDS
    build --build-arg "BASE=$base" --build-arg "BUILD_BASE=$build_base" --tag "$name" . >"$work/log" 2>&1 ||
        { tail -40 "$work/log" >&2; exit 1; }
    made+=("$name")
    echo "the image: $((SECONDS - start)) s, $(($(podman image inspect --format '{{.Size}}' "$name") / 1000000)) MB"
}

[ $# -gt 0 ] || image

mkdir "$work/data"
user=$(inside id -u)
[ "$user" -ne 0 ] || { echo "the image runs as root" >&2; exit 1; }
cp examples/media/portraits_720p.mp4 "$work/data/clip.mp4"
chown --recursive "$user" "$work/data"

inside gst-inspect-1.0 advjndprotect | sed -n 's/^ *\(Long-name\|Version\|Filename\) */\1: /p'
inside advjnd --version
start=$SECONDS
inside advjnd protect /data -o /data/protected
echo "the first protected clip: $((SECONDS - start)) s"

frames() { # FILE: that decode
    inside gst-launch-1.0 filesrc "location=$1" ! decodebin ! videoconvert ! fakesink silent=false -v |
        grep -c 'last-message = chain'
}
expect() { # FILE FRAMES WHAT: so many decode
    local found
    found=$(frames "$1") || true
    echo "frames that decode, written by $3: $found of $2"
    [ "$found" -eq "$2" ] || { echo "frames are missing in what was written by $3" >&2; exit 1; }
}
before=$(frames clip.mp4)
expect protected/clip-protected.mp4 "$before" "the program"
if cmp -s "$work/data/clip.mp4" "$work/data/protected/clip-protected.mp4"; then
    echo "the clip was not changed" >&2
    exit 1
fi

# HEADING SED: the last pipeline of docs/recipes.md under the heading, its source and sink replaced by the sed script.
recipe() {
    awk -v heading="## $1" '
        /^## / { here = $0 == heading }
        here && /^```/ { fence = !fence; if (fence) text = ""; next }
        here && fence { sub(/\\$/, ""); text = text $0 }
        END { print text }
    ' docs/recipes.md | sed "$2"
}
camera=$(recipe "A webcam to a virtual camera" '
    s|v4l2src device=[^ ]*|videotestsrc is-live=true num-buffers=30 ! video/x-raw,width=1280,height=720,framerate=30/1|
    s|v4l2sink device=[^ ]*|filesink location=camera.raw|')
recorder=$(recipe "A recorder" '
    s|rtspsrc location=[^ ]* ! rtph264depay|filesrc location=clip.mp4 ! qtdemux ! identity eos-after=51|')
for pipeline in "$camera" "$recorder"; do
    case $pipeline in
        *v4l2* | *rtsp* | "")
            echo "docs/recipes.md has changed, this check needs new stand-ins: $pipeline" >&2
            exit 1
            ;;
    esac
    inside bash -c "$pipeline" >"$work/log" 2>&1 || { cat "$work/log" >&2; echo "FAILED: $pipeline" >&2; exit 1; }
done
pictures=$(($(stat --format=%s "$work/data/camera.raw") / (1280 * 720 * 2)))
echo "pictures for the virtual camera: $pictures of 30, a live stream may drop some"
[ "$pictures" -gt 0 ] || { echo "no picture came to the virtual camera" >&2; exit 1; }
expect protected-00000.mp4 50 "the recorder"
