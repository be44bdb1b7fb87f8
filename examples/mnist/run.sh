#!/usr/bin/env bash
# Installs what is missing, builds gradc, and trains the tutorial's CNN on MNIST: one epoch, batches of 64, SGD 0.15.
set -euo pipefail
cd "$(dirname "$0")/../.."
scripts/setup.sh build
cmake --preset release -DGRADC_TESTS=OFF >/dev/null
cmake --build --preset release --target gradc_tool tutorial
build/bin/gradc train examples/mnist/model.json --data examples/mnist/data --batch-size 64 --epochs 1 --seed 1 --save build/mnist "$@"
echo "The trained model is in build/mnist; build/bin/tutorial runs the tutorial's own protocol from C++."
