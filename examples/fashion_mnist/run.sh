#!/usr/bin/env bash
# Installs what is missing, builds, and trains a convolutional net on Fashion-MNIST.      fashion_mnist/run.sh [EPOCHS]
set -euo pipefail
cd "$(dirname "$0")/../.."
scripts/setup.sh build fashion-mnist
cmake --preset release -DGRADC_TESTS=OFF >/dev/null
cmake --build --preset release --target fashion_mnist
build/bin/fashion_mnist examples/fashion_mnist/model.json .deps/data/fashion-mnist/usr/share/datasets/fashion-mnist "$@"
