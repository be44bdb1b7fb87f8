#!/usr/bin/env bash
# Installs what is missing, builds, and trains an LSTM on a book, which it then goes on writing.      char_lstm/run.sh [EPOCHS]
set -euo pipefail
cd "$(dirname "$0")/../.."
scripts/setup.sh build devils-dictionary
cmake --preset release -DGRADC_TESTS=OFF >/dev/null
cmake --build --preset release --target char_lstm
gzip -dc <.deps/data/devils-dictionary/usr/share/dictd/devil.dict.dz >build/devils_dictionary.txt
build/bin/char_lstm examples/char_lstm/model.json build/devils_dictionary.txt "$@"
