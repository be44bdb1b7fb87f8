#!/usr/bin/env bash
# Installs what is missing, builds, and runs every test.      tests/run.sh [--quick]
#   --quick  leaves out the sanitizer builds and the run for CPUs without AVX-512
set -euo pipefail
cd "$(dirname "$0")/.."
quick=${1:-}
say() { printf '\n== %s\n' "$*"; }

scripts/setup.sh test
export PATH="$PWD/.deps/venv/bin:/usr/lib/llvm-19/bin:$PATH"

say "format"
git ls-files '*.cpp' '*.h' | xargs clang-format-19 --dry-run --Werror
echo "every file is formatted"

say "build"
cmake --preset release -DGRADC_TESTS=ON >/dev/null
cmake --build --preset release

say "tests"
ctest --preset release -j 2 --no-tests=error

if [ "$quick" != --quick ]; then
  if grep -qw avx512f /proc/cpuinfo; then
    say "kernels for CPUs without AVX-512"
    GRADC_TARGET=x86-64-linux-avx-avx2-f16c-fma-sse41 ctest --preset release -j 2 --no-tests=error -R 'Jit|Model|Parity'
  fi
  say "ThreadSanitizer"
  cmake --build --preset tsan
  # It needs addresses that are not drawn at random, where the system lets us ask for them.
  $(setarch -R true 2>/dev/null && echo setarch -R) build/bin/gradc_thread_tests
  say "AddressSanitizer and UndefinedBehaviorSanitizer"
  cmake --preset asan-ubsan >/dev/null
  cmake --build --preset asan-ubsan --target gradc_tests gradc_tool
  # Memory that LLVM and Halide keep until the process ends is not ours to free. Left out: what compares numbers alone, and takes long, and
  # limits of the address space, of which AddressSanitizer takes terabytes.
  ASAN_OPTIONS=detect_leaks=0 ctest --preset asan-ubsan -j 2 --no-tests=error \
    -E 'Example|JitNetwork|JitNan|JitMemory|Keras|RandomModels|WhatTheSystemRefuses'
fi
