"""Models whose files Keras 3 writes in forms that tests/parity/specs.py does not make: models inside of models, layers that are used at
several places, and what only Keras means by a name.

    files.py OUT_DIR

OUT_DIR/NAME is what tests/keras/train.py records of a model.
"""
import pathlib
import sys

import train  # Sets up Keras; first.

import keras
from keras import layers


def nested():
    base_in = keras.Input((6, 6, 2), name="base_in")
    x = layers.Conv2D(3, 3, padding="same", activation="relu", name="conv")(base_in)
    x = layers.BatchNormalization(momentum=0.8, name="norm")(x)
    inner = keras.Sequential([keras.Input((6, 6, 3)), layers.DepthwiseConv2D(3, name="depthwise"), layers.ReLU(name="relu")], name="inner")
    base = keras.Model(base_in, inner(x), name="base")
    image = keras.Input((6, 6, 2), name="image")
    head = keras.Sequential([keras.Input((4, 4, 3)), layers.Flatten(name="flat"), layers.Dense(3, activation="softmax", name="out")], name="head")
    return keras.Model(image, head(base(image)), name="whole")


def sequence_of_models():
    first = keras.Sequential([keras.Input((4,)), layers.Dense(5, activation="tanh", name="d")], name="first")
    second = keras.Sequential([keras.Input((5,)), layers.Dense(3, activation="softmax", name="e")], name="second")
    return keras.Sequential([first, second], name="whole")


def shared():
    x = keras.Input((4,), name="x")
    twice = layers.Dense(4, activation="tanh", name="twice")
    tower_in = keras.Input((4,), name="tower_in")
    tower = keras.Model(tower_in, layers.Dense(4, activation="relu", name="tower_dense")(tower_in), name="tower")
    y = layers.Add(name="sum")([tower(twice(x)), tower(x)])
    return keras.Model(x, layers.Dense(3, activation="softmax", name="out")(twice(y)), name="whole")


def inference():
    """A base that is called with training=False, which Keras 3 overrules when it trains the whole model."""
    base_in = keras.Input((5,), name="base_in")
    x = layers.BatchNormalization(name="norm")(layers.Dense(4, name="dense")(base_in))
    base = keras.Model(base_in, layers.Dropout(0.0, name="drop")(x), name="base")
    x = keras.Input((5,), name="x")
    return keras.Model(x, layers.Dense(3, activation="softmax", name="out")(base(x, training=False)), name="whole")


def frozen():
    return keras.Sequential([keras.Input((5,)), layers.Dense(4, name="dense"), layers.BatchNormalization(trainable=False, name="norm"),
                             layers.Dense(3, activation="softmax", name="out")], name="whole")


def hard_sigmoid():
    return keras.Sequential([keras.Input((5,)), layers.Dense(8, activation="hard_sigmoid", name="dense"),
                             layers.Dense(3, activation="softmax", name="out")], name="whole")


def several_binary():
    return keras.Sequential([keras.Input((5,)), layers.Dense(3, activation="sigmoid", name="out")], name="whole")


MODELS = {"nested": nested, "sequence_of_models": sequence_of_models, "shared": shared, "inference": inference, "frozen": frozen,
          "hard_sigmoid": hard_sigmoid, "several_binary": several_binary}


def main():
    out = pathlib.Path(sys.argv[1])
    train.build = lambda spec: MODELS[spec["of"]]()
    for name in MODELS:
        binary = name == "several_binary"
        spec = {"of": name, "loss": "binary_crossentropy" if binary else "categorical_crossentropy", "metrics": ["accuracy"], "batch": 5,
                "steps": 3, "labels": "binary" if binary else "one_hot", "optimizer": {"class_name": "SGD", "config": {"learning_rate": 0.1}},
                "input_shape": list(MODELS[name]().input_shape[1:]), "bare": name in ("shared", "frozen")}
        (out / name).mkdir(parents=True, exist_ok=True)
        train.record(spec, out / name, 1)


if __name__ == "__main__":
    main()
