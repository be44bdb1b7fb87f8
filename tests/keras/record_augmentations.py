"""Records how much Keras 3's layers change an image at random: augmentations.json, which layer_facts_test.cpp reads.

    record_augmentations.py OUT.json

Each entry is a layer, its config and the mean square of what it adds to the numbers of IMAGE, over 2^15 images: in batches, or alone where the layer
draws once a batch.
"""
import json
import os
import pathlib
import sys

os.environ.update(KERAS_BACKEND="jax", JAX_PLATFORMS="cpu")

import keras
import numpy as np

IMAGE = (np.arange(60) * 37 % 100 / 100).astype("float32").reshape(4, 5, 3)
UNIT = {"value_range": [0, 1]}
LAYERS = [
    ("RandomRotation", {"factor": [0.05, 0.2], "fill_mode": "constant", "fill_value": 0.5}),
    ("RandomRotation", {"factor": 0.3, "interpolation": "nearest"}),
    ("RandomShear", {"x_factor": [0.2, 0.6], "y_factor": [0.0, 0.3]}),
    ("RandomShear", {"x_factor": 0.5, "fill_mode": "wrap"}),
    ("RandomPerspective", {"factor": [0.2, 0.8], "scale": 0.6, "fill_value": 0.3}),
    ("RandomPerspective", {"factor": 1.0, "scale": 1.0, "interpolation": "nearest"}),
    ("RandomSaturation", {"factor": [0.1, 0.6], **UNIT}),
    ("RandomHue", {"factor": [0.2, 0.7], **UNIT}),
    ("RandomColorDegeneration", {"factor": [0.2, 0.9], **UNIT}),
    ("RandomColorJitter", {"brightness_factor": 0.2, "contrast_factor": 0.3, "saturation_factor": [0.3, 0.6], "hue_factor": 0.2, **UNIT}),
    ("RandomPosterization", {"factor": [1, 4], **UNIT}),
    ("RandomPosterization", {"factor": 3, "value_range": [-1, 1]}),
    ("Solarization", {"addition_factor": 0.3, "threshold_factor": [0.2, 0.8], **UNIT}),
    ("RandomErasing", {"factor": [0.5, 1.0], "scale": [0.1, 0.5], "fill_value": 0.25, **UNIT}),
    ("RandomErasing", {"scale": [0.2, 0.3], "value_range": [-3, 2]}),
    ("RandomSharpness", {"factor": [0.2, 0.9], "value_range": [-1, 2]}),
    ("RandomGaussianBlur", {"factor": [0.4, 1.0], "kernel_size": [3, 5], "sigma": [0.3, 0.9], **UNIT}),
]


def change(name, config):
    layer = getattr(keras.layers, name)(seed=1, **config)
    count = 1 if name == "RandomGaussianBlur" else 64
    images = np.tile(IMAGE, (count, 1, 1, 1))
    return float(np.mean([np.mean((np.asarray(layer(images, training=True)) - images) ** 2) for _ in range(2**15 // count)]))


entries = [{"layer": name, "config": config, "change": change(name, config)} for name, config in LAYERS]
pathlib.Path(sys.argv[1]).write_text("[\n" + ",\n".join(map(json.dumps, entries)) + "\n]\n")
