# For a fresh Debian 12 with a Rust toolchain:
#   make demo               protects the sample clip, with a picture of before and after
#   make demo CLIP=path     the same with a clip of one's own; the sound is kept
#   make test               runs every test
# With Python (numpy, opencv-python-headless, onnxruntime, torch, safetensors, scikit-image) and the test material:
#   make clip-table         the README's table of clips
#   make bench-pytorch      the networks against PyTorch and ONNX Runtime
#   make engine-table       the engine's figures in ARCHITECTURE.md: the above, the bench `gradient`, frames per second

CLIP ?= examples/media/portraits_720p.mp4
export CLIP

PACKAGES := build-essential pkg-config libgstreamer1.0-dev libgstreamer-plugins-base1.0-dev gstreamer1.0-tools \
	gstreamer1.0-plugins-base gstreamer1.0-plugins-good gstreamer1.0-plugins-bad gstreamer1.0-plugins-ugly \
	gstreamer1.0-libav

.PHONY: demo test packages clip-table bench-pytorch engine-table

SHARED ?= ../shared
PYTHON ?= python3

demo: packages
	cargo build --release --locked --example protect_file
	@name=$$(basename "$$CLIP"); \
	cargo run --release --quiet --locked --example protect_file -- "$$CLIP" "out/$${name%.*}-protected.mp4"

test: packages
	@scripts/test.sh

packages:
	@scripts/install-packages.sh $(PACKAGES)

clip-table: packages
	cargo build --release --locked --lib --example protect_file
	$(PYTHON) examples/clip_table.py --shared $(SHARED)

bench-pytorch:
	$(PYTHON) models/convert/bench_pytorch.py models $(SHARED)/models/yunet_2023mar.onnx

engine-table: packages
	$(PYTHON) scripts/engine_table.py --shared $(SHARED)
