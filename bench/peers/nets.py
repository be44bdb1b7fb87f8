"""Writes model.json of nets that are not in examples/: recurrent ones, a classifier of texts, separable convolutions, an encoder, a U-Net.

    python bench/peers/nets.py OUT_DIR [NAME...]

writes OUT_DIR/NAME/model.json, of all nets if none is named. `run.sh NAME` does this for itself.
"""
import json
import os
import pathlib
import sys

os.environ.setdefault("KERAS_BACKEND", "jax")

import keras
from keras import layers
from keras.src.legacy.saving import saving_utils


def recurrent(layer):
    return keras.Sequential([keras.Input((64, 64)), layer(128), layers.Dense(10, activation="softmax")])


def texts():
    return keras.Sequential([keras.Input((50,)), layers.Embedding(20000, 64), layers.Conv1D(64, 5, activation="relu"), layers.GlobalMaxPooling1D(),
                             layers.Dense(2, activation="softmax")])


def separable():
    """As MobileNet: depthwise convolutions and those of one pixel, by turns."""
    def normalized(x):
        return layers.ReLU(6.0)(layers.BatchNormalization()(x))

    x = given = keras.Input((64, 64, 3))
    x = normalized(layers.Conv2D(16, 3, 2, "same", use_bias=False)(x))
    for filters, strides in ((32, 1), (64, 2), (64, 1), (128, 2), (128, 1), (256, 2), (256, 1)):
        x = normalized(layers.DepthwiseConv2D(3, strides, "same", use_bias=False)(x))
        x = normalized(layers.Conv2D(filters, 1, 1, "same", use_bias=False)(x))
    return keras.Model(given, layers.Dense(10, activation="softmax")(layers.GlobalAveragePooling2D()(x)))


def encoder():
    """A block of a transformer's: 64 tokens of 64, 4 heads."""
    x = given = keras.Input((64, 64))
    x = layers.LayerNormalization()(layers.Add()([x, layers.MultiHeadAttention(4, 16)(x, x)]))
    x = layers.LayerNormalization()(layers.Add()([x, layers.Dense(64)(layers.Dense(256, activation="gelu")(x))]))
    return keras.Model(given, layers.Dense(10, activation="softmax")(layers.GlobalAveragePooling1D()(x)))


def unet():
    def twice(x, filters):
        for _ in range(2):
            x = layers.Conv2D(filters, 3, padding="same", activation="relu")(x)
        return x

    given = keras.Input((64, 64, 3))
    large = twice(given, 16)
    middle = twice(layers.MaxPooling2D()(large), 32)
    x = twice(layers.MaxPooling2D()(middle), 64)
    x = twice(layers.Concatenate()([middle, layers.Conv2DTranspose(32, 2, 2, "same")(x)]), 32)
    x = twice(layers.Concatenate()([large, layers.Conv2DTranspose(16, 2, 2, "same")(x)]), 16)
    return keras.Model(given, layers.Conv2D(1, 1, activation="sigmoid")(x))


NETS = {"lstm": lambda: recurrent(layers.LSTM), "gru": lambda: recurrent(layers.GRU), "texts": texts, "separable": separable, "encoder": encoder, "unet": unet}


def main():
    for name in sys.argv[2:] or NETS:
        model = NETS[name]()
        model.compile(keras.optimizers.SGD(0.1), "binary_crossentropy" if name == "unet" else "sparse_categorical_crossentropy")
        folder = pathlib.Path(sys.argv[1]) / name
        folder.mkdir(parents=True, exist_ok=True)
        document = {"format": "layers-model", "generatedBy": "keras v" + keras.__version__, "convertedBy": None,
                    "modelTopology": saving_utils.model_metadata(model), "weightsManifest": []}
        (folder / "model.json").write_text(json.dumps(document, default=str))


if __name__ == "__main__":
    main()
