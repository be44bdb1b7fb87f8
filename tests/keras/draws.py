"""How far Keras's initializers draw: draws.py DRAWS.json OUT.json. Each draw of the list (tests/parity/draws.py) gets "deviation" and "largest".
tests/models/keras2/draws.json is what it makes beside tensorflow-cpu==2.15.1."""
import json
import os
import pathlib
import sys

os.environ.update(KERAS_BACKEND="jax", JAX_PLATFORMS="cpu")

import keras
import numpy as np


def spread(values):
    values = np.asarray(values, "float64")
    return {"deviation": float(np.sqrt(np.mean(values**2))), "largest": float(np.abs(values).max())}


def drawn(draw):
    if "shape" in draw:
        return getattr(keras.initializers, draw["class_name"])(seed=1, **draw["config"])(draw["shape"])
    layer = getattr(keras.layers, draw["class_name"])(**draw["config"])
    layer.build((None, *draw["input"]))
    return layer.weights[draw["weight"]]


def main():
    keras.utils.set_random_seed(1)
    draws = json.loads(pathlib.Path(sys.argv[1]).read_text())
    for draw in draws:
        draw.update(spread(drawn(draw)))
    pathlib.Path(sys.argv[2]).write_text(json.dumps(draws))


if __name__ == "__main__":
    main()
