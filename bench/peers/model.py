"""Reads a model.json into a list of layers with their shapes, for the frameworks that gradc is compared with.

Only what the models in examples/ need; anything else is refused by name."""

import dataclasses
import json
import math


@dataclasses.dataclass
class Layer:
    name: str
    kind: str
    config: dict
    inputs: list  # names of layers; empty for the input
    shape: tuple = ()  # of one image's output: (rows, columns, channels) or (features,)


def pair(value):
    return (value, value) if isinstance(value, int) else tuple(value)


def padding(config, size, window, strides, dilation=(1, 1)):
    """((top, bottom), (left, right)) as TensorFlow pads."""
    if config["padding"] == "valid":
        return ((0, 0), (0, 0))
    pads = []
    for n, k, s, d in zip(size, window, strides, dilation):
        total = max((math.ceil(n / s) - 1) * s + (k - 1) * d + 1 - n, 0)
        pads.append((total // 2, total - total // 2))
    return tuple(pads)


def window_of(layer):
    """(window, strides, dilation) of a convolution or pooling."""
    config = layer.config
    if layer.kind == "Conv2D":
        return pair(config["kernel_size"]), pair(config["strides"]), pair(config.get("dilation_rate", (1, 1)))
    return pair(config["pool_size"]), pair(config["strides"] or config["pool_size"]), (1, 1)


def load(path):
    """All layers in an order in which each follows its inputs, the learning rate."""
    with open(path) as file:
        document = json.load(file)
    topology = document["modelTopology"]
    topology = topology.get("model_config", topology)
    training = document.get("trainingConfig") or topology.get("training_config")
    optimizer = training["optimizer_config"]
    if training["loss"] != "categorical_crossentropy" or optimizer["class_name"].upper() != "SGD":
        raise SystemExit(f"{path}: only categorical_crossentropy and SGD are compared")
    rate = optimizer["config"].get("learningRate", optimizer["config"].get("learning_rate"))

    layers = []
    for raw in topology["config"]["layers"]:
        config = raw["config"]
        if not layers and raw["class_name"] != "InputLayer":
            layers.append(Layer("input", "InputLayer", {}, [], tuple(config["batch_input_shape"][1:])))
        nodes = raw.get("inbound_nodes") or []
        inputs = [entry[0] for entry in nodes[0]] if nodes else [layers[-1].name] if layers else []
        shape = tuple(config["batch_input_shape"][1:]) if raw["class_name"] == "InputLayer" else ()
        layers.append(Layer(config["name"], raw["class_name"], config, inputs, shape))

    by_name = {layer.name: layer for layer in layers}
    for layer in layers:
        if layer.kind == "InputLayer":
            continue
        shape = by_name[layer.inputs[0]].shape
        if layer.kind in ("Conv2D", "MaxPooling2D"):
            window, strides, dilation = window_of(layer)
            pads = padding(layer.config, shape, window, strides, dilation)
            size = tuple(
                (n + sum(p) - (k - 1) * d - 1) // s + 1 for n, p, k, s, d in zip(shape, pads, window, strides, dilation)
            )
            layer.shape = size + ((layer.config["filters"],) if layer.kind == "Conv2D" else shape[2:])
        elif layer.kind == "Dense":
            layer.shape = (layer.config["units"],)
        elif layer.kind == "Flatten":
            layer.shape = (math.prod(shape),)
        elif layer.kind == "GlobalAveragePooling2D":
            layer.shape = shape[2:]
        elif layer.kind in ("BatchNormalization", "Activation", "Add"):
            layer.shape = shape
        else:
            raise SystemExit(f"{path}: layer {layer.name}: {layer.kind} is not compared")
    if layers[-1].config.get("activation") != "softmax":
        raise SystemExit(f"{path}: the last layer is to have softmax, which the loss takes in")
    layers[-1].config["activation"] = "linear"
    return layers, rate
