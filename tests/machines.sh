#!/usr/bin/env bash
# Runs the tests of a built tree as if the machine had other caches and processors: what they expect must not depend on it.
#   tests/machines.sh [CTEST_OPTION...]      as -R 'Cli|tour', or -E 'JitOp|Keras'
set -euo pipefail
cd "$(dirname "$0")/.."
export PATH="$PWD/.deps/venv/bin:/usr/lib/llvm-19/bin:$PATH"
for machine in "256k 1" "512k 2" "1M 4" "2M 16"; do
  read -r l2 processors <<<"$machine"
  printf '\n== L2 of %s, %s processors\n' "$l2" "$processors"
  GRADC_TARGET=,l2=$l2 GRADC_PROCESSORS=$processors ctest --preset release -j 2 --no-tests=error "$@"
done
