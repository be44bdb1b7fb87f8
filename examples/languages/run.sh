#!/usr/bin/env bash
# Installs what is missing, builds, and trains an encoder of a transformer on words of five languages.      languages/run.sh [EPOCHS]
set -euo pipefail
cd "$(dirname "$0")/../.."
scripts/setup.sh build words
cmake --preset release -DGRADC_TESTS=OFF >/dev/null
cmake --build --preset release --target languages
build/bin/languages examples/languages/model.json .deps/data/words/usr/share/dict "$@"
