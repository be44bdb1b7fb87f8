"""Reads a model.json with Keras, for the frameworks that gradc is compared with."""

import dataclasses
import json
import math

import keras

LOSSES = ("categorical_crossentropy", "sparse_categorical_crossentropy", "binary_crossentropy")
RECURRENT = ("SimpleRNN", "LSTM", "GRU")


@dataclasses.dataclass
class Model:
    net: keras.Model  # Gives logits: the last activation is left to the loss.
    loss: str  # of LOSSES
    rate: float


def plain(config, unroll):
    """A layer's config for a net of random weights, with all steps of recurrent layers written out if asked for."""
    kept = {key: value for key, value in config.items() if not key.endswith(("_initializer", "_regularizer", "_constraint"))}
    return {**kept, "unroll": unroll} if "unroll" in kept else kept


def read(path, unroll=False):
    with open(path) as file:
        document = json.load(file)
    topology = document["modelTopology"]
    training = document.get("trainingConfig") or topology.get("training_config")
    topology = topology.get("model_config", topology)
    optimizer = training["optimizer_config"]
    if training["loss"] not in LOSSES or optimizer["class_name"].upper() != "SGD":
        raise SystemExit(f"{path}: only SGD and these losses are compared: {', '.join(LOSSES)}")
    rate = optimizer["config"].get("learningRate", optimizer["config"].get("learning_rate"))
    layers = [{**layer, "config": plain(layer["config"], unroll)} for layer in topology["config"]["layers"]]
    if layers[-1]["config"].get("activation") not in ("softmax", "sigmoid"):
        raise SystemExit(f"{path}: the last layer is to have softmax or sigmoid, which the loss takes in")
    layers[-1]["config"]["activation"] = "linear"
    # Keras 3 says shapes in an InputLayer of their own alone.
    shape = layers[0]["config"].pop("batch_input_shape", None)
    if shape and layers[0]["class_name"] == "InputLayer":
        layers[0]["config"]["batch_shape"] = shape
    elif shape:
        layers.insert(0, {"class_name": "InputLayer", "config": {"batch_shape": shape, "name": "input"}})
    kind = keras.Sequential if topology["class_name"] == "Sequential" else keras.Model
    return Model(kind.from_config({**topology["config"], "layers": layers}), training["loss"], rate)


def is_recurrent(net):
    return any(type(layer).__name__ in RECURRENT for layer in net.layers)


def padding(kind, size, window, strides, dilation):
    """(before, after) of each dimension as TensorFlow pads."""
    if kind == "valid":
        return ((0, 0),) * len(size)
    pads = []
    for n, k, s, d in zip(size, window, strides, dilation):
        total = max((math.ceil(n / s) - 1) * s + (k - 1) * d + 1 - n, 0)
        pads.append((total // 2, total - total // 2))
    return tuple(pads)
