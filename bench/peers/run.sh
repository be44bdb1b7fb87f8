#!/usr/bin/env bash
# Times training steps of TensorFlow, PyTorch and JAX beside gradc's, one after the other in one run, each on the same processors.
#   bench/peers/run.sh [--batch-size N] [--threads N] [--seconds S] [MODEL.json|NET...]
# Without a model those of examples/; a net is one that nets.py writes: lstm, gru, texts, separable, encoder, unet.
# Installs the frameworks with pip into .deps/peers once (some gigabytes). Each framework's fastest mode and layout counts.
set -euo pipefail
cd "$(dirname "$0")/../.."
batch=64 threads=$(nproc) seconds=2 models=()
while [ $# -gt 0 ]; do
  case $1 in
    --batch-size) batch=$2 && shift 2 ;;
    --threads) threads=$2 && shift 2 ;;
    --seconds) seconds=$2 && shift 2 ;;
    -h | --help) sed -n '2,5s/^# \?//p' "$0" && exit 0 ;;
    -*) echo "run.sh: there is no option $1; see --help" >&2 && exit 2 ;;
    *) models+=("$1") && shift ;;
  esac
done
if [ ${#models[@]} -eq 0 ]; then
  models=(examples/mnist/model.json examples/models/{mlp,cifar_cnn,resnet20}/model.json)
fi
for model in "${models[@]}"; do
  [ -f "$model" ] || grep -q "^NETS = .*\"$model\":" bench/peers/nets.py ||
    { echo "run.sh: $model: there is no such file, and no net of that name" >&2; exit 2; }
done

scripts/setup.sh build
cmake --preset release -DGRADC_TESTS=OFF >/dev/null
cmake --build --preset release --target gradc_tool >&2
venv=.deps/peers packages="tensorflow-cpu torch jax keras numpy"
if [ "$(cat $venv/.complete 2>/dev/null)" != "$packages" ]; then
  echo "run.sh: installing $packages into $venv" >&2
  /usr/bin/python3 -m venv $venv
  $venv/bin/pip install -q --disable-pip-version-check $packages
  echo "$packages" >$venv/.complete
fi

# The same processors for all: the first of those that this process may use.
allowed=$(taskset -cp $$ | sed 's/.*: //' | tr ',' '\n' | while IFS=- read -r first last; do seq "$first" "${last:-$first}"; done)
cpus=$(head -n "$threads" <<<"$allowed" | paste -sd,)
export OMP_NUM_THREADS=$threads MKL_NUM_THREADS=$threads CUDA_VISIBLE_DEVICES='' JAX_PLATFORMS=cpu

log=$(mktemp)
nets=$(mktemp -d)
trap 'rm -rf "$log" "$nets"' EXIT
for model in "${models[@]}"; do
  if [ ! -f "$model" ]; then
    KERAS_BACKEND=jax $venv/bin/python bench/peers/nets.py "$nets" "$model"
    model=$nets/$model/model.json
  fi
  {
    taskset -c "$cpus" build/bin/gradc bench "$model" --batch-size "$batch" --threads "$threads" --seconds "$seconds" --no-kernels --json
    for framework in tensorflow pytorch jax; do
      taskset -c "$cpus" $venv/bin/python bench/peers/${framework}_step.py "$model" --batch-size "$batch" --threads "$threads" \
        --seconds "$seconds" 2>"$log" || { echo "run.sh: $framework failed on $model:" >&2; tail -n 5 "$log" >&2; }
    done
  } | $venv/bin/python bench/peers/table.py
done
