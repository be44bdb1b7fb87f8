#!/usr/bin/env bash
# Installs what is missing, builds, and trains an autoencoder on MNIST.      autoencoder/run.sh [EPOCHS]
set -euo pipefail
cd "$(dirname "$0")/../.."
scripts/setup.sh build
cmake --preset release -DGRADC_TESTS=OFF >/dev/null
cmake --build --preset release --target autoencoder
build/bin/autoencoder examples/autoencoder/model.json examples/mnist/data "$@"
