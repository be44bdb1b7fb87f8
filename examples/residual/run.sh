#!/usr/bin/env bash
# Installs what is missing, builds, and trains a residual net on Fashion-MNIST, padded to 32×32.      residual/run.sh [EPOCHS]
set -euo pipefail
cd "$(dirname "$0")/../.."
scripts/setup.sh build fashion-mnist
cmake --preset release -DGRADC_TESTS=OFF >/dev/null
cmake --build --preset release --target residual
build/bin/residual examples/residual/model.json .deps/data/fashion-mnist/usr/share/datasets/fashion-mnist "$@"
