#!/usr/bin/env bash
# Installs a build into a folder of its own, builds a program outside of the tree against it, and runs both.      run.sh BUILD
set -euo pipefail
build=$1
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cmake --install "$build" --prefix "$work/gradc" >/dev/null
cmake -S "$here" -B "$work/build" -G Ninja -DCMAKE_PREFIX_PATH="$work/gradc" -DCMAKE_BUILD_TYPE=Release >/dev/null
cmake --build "$work/build" >/dev/null
GRADC_CACHE="$work/cache" "$work/build/outside"
"$work/gradc/bin/gradc" --version >/dev/null
# The installed command finds the installed data set.
(cd "$work" && GRADC_CACHE="$work/cache" "$work/gradc/bin/gradc" train "$here/../../examples/mnist/model.json" --steps 3 --quiet)
