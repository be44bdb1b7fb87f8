#!/usr/bin/env bash
# Installs what is missing, builds, and trains a net on the prices of diamonds.      diamonds/run.sh [EPOCHS]
set -euo pipefail
cd "$(dirname "$0")/../.."
scripts/setup.sh build diamonds
cmake --preset release -DGRADC_TESTS=OFF >/dev/null
cmake --build --preset release --target diamonds
build/bin/diamonds examples/diamonds/model.json .deps/data/diamonds/diamonds.csv "$@"
