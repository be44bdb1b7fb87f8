"""How far Keras's initializers draw: draws.py DRAWS.json OUT.json. Each draw of the list gets "deviation" and "largest"; a Dense that names no
initializer, of 300 inputs and 400 units, comes last."""
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


def main():
    draws = json.loads(pathlib.Path(sys.argv[1]).read_text())
    for draw in draws:
        draw.update(spread(getattr(keras.initializers, draw["class_name"])(seed=1, **draw["config"])(draw["shape"])))
    dense = keras.layers.Dense(400)
    dense.build((None, 300))
    draws.append({"class_name": "Dense", **spread(dense.kernel)})
    pathlib.Path(sys.argv[2]).write_text(json.dumps(draws))


if __name__ == "__main__":
    main()
