"""transforms.py OUT.json writes the kernels of Fourier transforms that Keras's initializer STFT makes: each with its class name, config, shape and values."""
import json
import os
import pathlib
import sys

os.environ.update(KERAS_BACKEND="jax", JAX_PLATFORMS="cpu")

import keras
import numpy as np

WINDOWS = ["hann", "hamming", "blackman", "blackmanharris", "nuttall", "flattop", "boxcar", None, [0.1, 0.5, 1.0, 0.5, 0.25, -0.5, 0.75]]


def kernel(shape, **config):
    values = keras.initializers.STFT(**config)(shape)
    return {"class_name": "STFT", "config": config, "shape": shape, "values": np.asarray(values).ravel().tolist()}


kernels = [kernel([7, 1, 6], side=("real", "imag")[i % 2], window=window, scaling=scaling, periodic=i // 2 % 2 == 1) for i, (window, scaling)
           in enumerate((window, scaling) for window in WINDOWS for scaling in ("density", "spectrum", None))]
pathlib.Path(sys.argv[1]).write_text(json.dumps([*kernels, kernel([16, 1, 9]), kernel([5, 1, 2], side="imag"), kernel([1, 1, 3])]))
