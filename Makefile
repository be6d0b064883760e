# SPDX-License-Identifier: MIT OR Apache-2.0
# For a fresh Debian 12 with a Rust toolchain:
#   make demo               protects the sample clip, with a picture of before and after
#   make demo CLIP=path     the same with a clip of one's own; the sound is kept
#   make test               runs the checks of CI; CONTRIBUTING.md lists the others
#   make test-gpu           the networks on a GPU, and what they take there; says so where there is none
#   make gpu-size           what the feature `gpu` adds to the plugin: bytes, libraries, seconds of a build
#   make cuda-check         the feature `cuda`, built and run without NVIDIA's software, on a stand-in for the driver
#   make pages              the generated parts of README.md and docs/, after properties, options or results changed
#   make book               the documentation as a book in target/book; installs mdbook if it is missing
#   make element-bench      frames a second, beside faceblur and, with PYTHON=… that has it, deface
#   make soak               an hour of video, and the memory it takes
#   make memcheck           the kernels under valgrind
#   make fuzz               cargo-fuzz, FUZZ_SECONDS for each target; needs a nightly toolchain
#   make deny               licences, bans and sources of the dependencies
#   make deb                Debian packages of the plugin and of the program in target/debian
#   make deb-check          these installed and used in a clean Debian 12; wants root and debootstrap
#   make container-check    the container's image, built and used without a registry; wants root, podman and debootstrap
#   make readme-check       the README's commands in a clean Debian 12; wants root and debootstrap
#   make crates-check       the crates as a registry would get them, built from their packages
#   make install-check      meson: configured, built, tested and installed into a folder under build/
#   make test-python        the Python module: its wheel, tests, notebook and page (part of make test)
#   make test-page          the page of `advjnd analyze` in Chromium; installs it, and Playwright into build/
# With Python (numpy, opencv-python-headless, onnxruntime, torch, safetensors, scikit-image) and the test material:
#   make clip-table         the table in docs/clips.md
#   make bench-pytorch      the networks against PyTorch and ONNX Runtime
#   make transfer-table     what each part of the attack gives on recognisers that are not attacked
#   make stills-table       what the tricks of the literature give there, on still pictures
#   make preset-table       the table of presets in docs/evaluation.md
#   make recall             what the face protection misses, on marked frames and on scenes made of photographs
#   make engine-table       the engine's figures in docs/performance.md: the above, the bench `gradient`, frames per second

CLIP ?= examples/media/portraits_720p.mp4
export CLIP

PACKAGES := build-essential pkg-config libgstreamer1.0-dev libgstreamer-plugins-base1.0-dev gstreamer1.0-tools \
	gstreamer1.0-plugins-base gstreamer1.0-plugins-good gstreamer1.0-plugins-bad gstreamer1.0-plugins-ugly \
	gstreamer1.0-libav

# What some tests want besides: Python with GStreamer, a second WebRTC peer, another finder of faces, Node.js for the
# page of the viewing test, the trace of system calls, meson, a finder of misspelt words, Python's venv, a GPU played by
# the processor, and what checks how it is used.
TEST_PACKAGES := gstreamer1.0-nice python3-gi gir1.2-gst-plugins-base-1.0 gir1.2-gst-plugins-bad-1.0 gstreamer1.0-opencv \
	opencv-data nodejs strace meson ninja-build codespell python3-venv mesa-vulkan-drivers vulkan-validationlayers

.PHONY: demo test test-gpu gpu-size cuda-check test-page test-python packages clip-table bench-pytorch engine-table \
	recall transfer-table stills-table preset-table pages book element-bench soak memcheck fuzz deny deb deb-check \
	container-check readme-check crates-check install-check

SHARED ?= ../shared
TARGET := $(or $(CARGO_TARGET_DIR),target)
# The program without what measures.
PROTECT_BUILD := cargo build --release --locked -p advjnd-cli --no-default-features
PYTHON ?= python3

demo: packages
	$(PROTECT_BUILD)
	@$(TARGET)/release/advjnd protect -y --picture "$$CLIP" -o out/

test: packages
	@scripts/install-packages.sh $(TEST_PACKAGES)
	@scripts/test.sh

test-gpu: packages
	@scripts/test_gpu.sh

gpu-size: packages
	scripts/gpu_size.sh

cuda-check:
	@scripts/install-packages.sh build-essential python3
	scripts/cuda_check.sh

test-python: packages
	@scripts/install-packages.sh python3-venv
	scripts/python_test.sh

test-page:
	@scripts/install-packages.sh chromium ffmpeg
	[ -x build/page/bin/python ] || python3 -m venv build/page
	build/page/bin/pip install --quiet playwright
	build/page/bin/python tools/review_page/test_page.py

packages:
	@scripts/install-packages.sh $(PACKAGES)

clip-table: packages
	$(PROTECT_BUILD)
	$(PYTHON) tools/clip_table.py --shared $(SHARED)

bench-pytorch:
	$(PYTHON) models/convert/bench_pytorch.py $(SHARED)/models/yunet_2023mar.onnx

engine-table: packages
	$(PYTHON) tools/engine_table.py --shared $(SHARED)

# CASES scenes of each kind, and every EVERYth marked frame; with PYTHON=… that has `deface`, beside it.
CASES ?= 1
EVERY ?= 3

recall: packages
	@scripts/install-packages.sh gstreamer1.0-opencv opencv-data
	cargo build --release --locked -p advjnd-cli
	target/release/advjnd recall --material $(SHARED) --cases $(CASES) --every $(EVERY) --runs --out results/recall \
		$(if $(filter-out python3,$(PYTHON)),--deface $(PYTHON))

transfer-table: packages
	scripts/transfer_table.sh $(SHARED)

stills-table:
	$(PYTHON) models/transfer/tricks.py --shared $(SHARED)

preset-table: packages
	scripts/preset_table.sh $(SHARED)

pages:
	ADVJND_WRITE=1 cargo test --locked --workspace --test docs

book:
	command -v mdbook >/dev/null || cargo install --locked mdbook
	$(PYTHON) tools/book.py --target $(TARGET)

element-bench: packages
	@scripts/install-packages.sh gstreamer1.0-opencv opencv-data
	cargo build --release --locked --example element_bench
	target/release/examples/element_bench $(if $(filter-out python3,$(PYTHON)),--python $(PYTHON))
	$(MAKE) pages

soak: packages
	cargo build --release --locked --example soak
	nice target/release/examples/soak

memcheck:
	@scripts/install-packages.sh valgrind
	scripts/memcheck.sh

FUZZ_SECONDS ?= 60

fuzz: packages
	command -v cargo-fuzz >/dev/null || cargo install --locked cargo-fuzz
	scripts/fuzz.sh $(FUZZ_SECONDS)

# The frames of two builds of the plugin, compared byte by byte: make same-bytes OLD=folder NEW=folder CLIPS="..."
same-bytes:
	scripts/same_bytes.sh $(OLD) $(NEW) $(CLIPS)

deny:
	command -v cargo-deny >/dev/null || cargo install --locked cargo-deny
	cargo deny --locked check bans licenses sources

deb: packages
	command -v cargo-deb >/dev/null || cargo install --locked cargo-deb
	scripts/deb.sh

deb-check: deb
	@scripts/install-packages.sh debootstrap lintian
	lintian --no-cfg --fail-on error target/debian/*.deb
	scripts/deb_check.sh target/debian

container-check:
	@scripts/install-packages.sh debootstrap podman runc
	scripts/container_check.sh

readme-check:
	@scripts/install-packages.sh debootstrap
	scripts/readme_check.sh

crates-check: packages
	scripts/crates.sh --dry-run

install-check: packages
	@scripts/install-packages.sh $(TEST_PACKAGES)
	scripts/install_check.sh
