"""Keras's side of the parity tests: builds models from specs, has Keras write and train them, and records what came out.

    train.py SPECS.json OUT_DIR [--data-seed N]

A spec (tests/parity/specs.py makes them) says layers by class name and config, loss, optimizer, batch and steps; or layers and training as
a model.json without weights, under "model". OUT_DIR/NAME gets
model.json and weights.bin as the file stood before training, x.f32 and y.f32 with one batch a step, and result.json with the loss and
metrics of each step, the weights after the last, and the predictions for the first batch before and after.
"""
import argparse
import json
import os
import pathlib
import re

os.environ.update(KERAS_BACKEND="jax", JAX_PLATFORMS="cpu", JAX_DISABLE_MOST_OPTIMIZATIONS="1")  # Compiling is what takes the time.

import keras
import numpy as np

KERAS2 = keras.__version__.startswith("2.")  # tests/keras/files.py records it.
if KERAS2:
    from keras.src.saving.legacy import saving_utils
else:
    from keras.src.backend.jax import random as draws
    from keras.src.legacy.saving import saving_utils

    # The weights of a model are given, and JAX compiles a program for each shape that it draws.
    # The other draws are of ranges that are one number.
    draws.uniform = lambda shape, minval=0.0, *args, **kwargs: np.full(shape, minval, "float32")
    for name in ("normal", "truncated_normal"):
        setattr(draws, name, lambda shape, *args, **kwargs: np.zeros(shape, "float32"))
    # In prediction Keras leaves images of another size than its own output shape says.
    crop = keras.layers.RandomCrop.transform_images
    keras.layers.RandomCrop.transform_images = lambda self, images, transformation, training=True: crop(self, images, transformation)


# Options with which layers that change images do the same to all, or nothing, where a range of one number is not enough.
CERTAIN = {
    "RandomContrast": {"factor": [0.0, 0.0]},
    "RandomColorJitter": {"contrast_factor": [0.0, 0.0]},
    "RandomErasing": {"scale": [0.0, 0.0]},
    "RandomHue": {"factor": [1.0, 1.0]},
    "RandomPerspective": {"scale": 0.0},
    "RandomShear": {"x_factor": [0.0, 0.0], "y_factor": [0.0, 0.0]},
    "MelSpectrogram": {"top_db": 300.0},  # Keras cuts off below the largest of a batch.
    "Solarization": {"addition_factor": [0.0, 0.0], "threshold_factor": [0.0, 0.0]},
}
CROSSENTROPIES = ("categorical_crossentropy", "sparse_categorical_crossentropy", "binary_crossentropy")


class Skipped(Exception):
    """Keras cannot train a model, or nothing can be learned from how it does. The file `skipped` in the model's folder says why."""


def snake_case(name):
    """Names as Keras spells them: meanSquaredError, leCunNormal."""
    return re.sub("([A-Z])", r"_\1", name).lower().replace("le_cun", "lecun")


def spec_of(document):
    """The spec that a model.json stands for."""
    topology, training = document["modelTopology"], document["trainingConfig"]
    layers = topology["config"]["layers"]
    spec = {"sequential": topology["class_name"] == "Sequential", "input_shape": layers[0]["config"]["batch_input_shape"][1:], "layers": []}
    for layer in layers:
        config = {key: plain(key, value) for key, value in layer["config"].items() if key not in ("name", "batch_input_shape", "dtype")}
        inputs, arguments = call_of(layer)
        if layer["class_name"] in ("RandomInvert", "RandomGrayscale", "RandomFlip", "RandomCrop"):
            raise Skipped("which images change is chance")
        config.update(CERTAIN.get(layer["class_name"], {}))
        if max(np.ravel(config.get("strides") or 1)) > 1:
            config.pop("dilation_rate", None)  # Keras has only one of them.
        if layer["class_name"].startswith("SeparableConv"):
            config.pop("kernel_initializer", None)
        if layer["class_name"] == "InputLayer":
            spec["input"] = layer["config"]["name"]
        else:
            spec["layers"].append({"class_name": layer["class_name"], "name": layer["config"]["name"], "config": config, "inputs": inputs, "arguments": arguments})
    loss = training["loss"]
    loss = snake_case(loss["class_name"] if isinstance(loss, dict) else loss)  # Options of losses have models of their own.
    labels = {"sparse_categorical_crossentropy": "classes", "categorical_crossentropy": "one_hot", "binary_crossentropy": "binary",
              "categorical_focal_crossentropy": "one_hot", "binary_focal_crossentropy": "binary", "categorical_hinge": "one_hot", "dice": "binary",
              "poisson": "positive", "kl_divergence": "positive"}
    spec.update(loss=loss, labels=labels.get(loss, "values"), optimizer=training["optimizer_config"])
    # Metrics that take labels of another kind mean nothing.
    fitting = {"classes": ["sparse_categorical_accuracy"], "one_hot": ["categorical_accuracy"]}.get(spec["labels"], ["binary_accuracy"])
    spec["metrics"] = [metric for metric in map(snake_case, training["metrics"]) if metric in ["accuracy", *fitting]]
    return spec


def call_of(layer):
    """The names of the inputs of a layer's only call, and what else it is called with, as models are written."""
    if not layer.get("inbound_nodes"):
        return [], {}
    node = layer["inbound_nodes"][0]
    if isinstance(node, dict):
        return [tensor["config"]["keras_history"][0] for tensor in node["args"]], node["kwargs"]
    arguments = dict(node[0][3]) if node and len(node[0]) > 3 else {}
    named = [arguments.pop(name)[0] for name in ("value", "key") if name in arguments]
    return [tensor[0] for tensor in node] + named, arguments


def plain(key, value):
    if key.endswith("_initializer"):
        return snake_case(value) if isinstance(value, str) else made(value, keras.initializers)
    if key in ("rate", "stddev", "dropout", "recurrent_dropout"):
        return 0.0  # Which numbers are drawn is each library's own choice.
    if key in ("factor", "height_factor", "width_factor", "brightness_factor", "sigma") and isinstance(value, list):
        return [value[0], value[0]]
    return snake_case(value) if key == "activation" else value


def build(spec):
    if spec["sequential"]:
        model = keras.Sequential([keras.Input(spec["input_shape"])], name="model")
        for layer in spec["layers"]:
            frozen = pop_frozen(layer)
            model.add(make_layer(layer))
            if frozen:
                model.layers[-1].trainable = False
        return model
    first = spec.get("input", "input")
    outputs, layers = {first: keras.Input(spec["input_shape"], name=first)}, {}
    for layer in spec["layers"]:
        inputs = [outputs[name] for name in layer["inputs"]]
        separate = layer["class_name"] in ("MultiHeadAttention", "GroupedQueryAttention")
        frozen = pop_frozen(layer)
        made_layer = layers[layer["name"]] = layers[layer["same_as"]] if "same_as" in layer else make_layer(layer)
        arguments = {key: outputs[value[0]] if isinstance(value, list) else value for key, value in layer.get("arguments", {}).items()}
        if layer.get("starts_from_states"):
            inputs, arguments = inputs[:1], {"initial_state": inputs[1:]}
        elif not separate:
            inputs = [inputs if len(inputs) > 1 else inputs[0]]
        result = made_layer(*inputs, **arguments)
        if frozen:
            made_layer.trainable = False
        results = result if isinstance(result, (list, tuple)) else [result]
        outputs.update({layer["name"] + (f":{i}" if i else ""): each for i, each in enumerate(results)})
    return keras.Model(outputs[first], outputs[spec["layers"][-1]["name"]], name="model")


def pop_frozen(layer):
    """Takes out of a config whether the layer is frozen, which is done once it is built: before, Keras freezes no layer or cell in it."""
    return layer["config"].pop("trainable", True) is False


def make_layer(layer):
    def inner(part, name):
        config = {key: plain(key, value) for key, value in part["config"].items() if key not in ("name", "batch_input_shape", "dtype")}
        return make_layer({"class_name": part["class_name"], "name": part["config"].get("name", name), "config": config})

    for key in ("layer", "backward_layer", "cell"):
        if layer["config"].get(key):
            layer = {**layer, "config": {**layer["config"], key: inner(layer["config"][key], "cell" if key == "cell" else "inner")}}
    if "cells" in layer["config"]:
        cells = [inner(cell, f"cell_{i}") for i, cell in enumerate(layer["config"]["cells"])]
        layer = {**layer, "config": {**layer["config"], "cells": cells}}
    modules = {"regularizer": keras.regularizers, "constraint": keras.constraints}
    config = {name: made(value, modules[name.split("_")[-1]]) if name.endswith(("regularizer", "constraint")) else value
              for name, value in layer["config"].items()}
    exported = {"GroupedQueryAttention": "GroupQueryAttention"}.get(layer["class_name"], layer["class_name"])
    if not hasattr(keras.layers, exported):
        raise Skipped("it has no " + exported)
    return getattr(keras.layers, exported)(name=layer["name"], **config)


def name_in_file(weight):
    """With the names of all that it is in: models, layers, cells."""
    return weight.name.removesuffix(":0") if KERAS2 else weight.path


def layer_and_weight(weight):
    """The name of a weight in a file: its layer's and its own."""
    return "/".join(name_in_file(weight).split("/")[-2:])


def draw_weights(model, random):
    for weight in model.weights:
        shape = weight.shape
        values = random.uniform(-1, 1, shape)
        if name_in_file(weight).split("/")[-1] in ("gamma", "moving_variance", "moving_stddev", "renorm_stddev", "variance"):
            values = 1 + values / 2
        elif len(shape) > 1:
            values *= np.sqrt(3 / max(1, np.prod(shape[:-1])))
        else:
            values /= 2
        weight.assign(values.astype(weight.dtype))
    finish_weights(model)


def finish_weights(model):
    """Lets layers compute with their new weights, of which some keep copies."""
    for layer in model.layers:
        if hasattr(layer, "finalize_state"):
            layer.finalize_state()


def draw_labels(kind, rows, shape, random):
    if kind == "classes":
        return random.integers(0, shape[-1], (rows, *(shape[:-1] or [1]))).astype("float32")
    if kind == "numbers":  # classes without a dimension of their own
        return random.integers(0, shape[-1], (rows, *shape[:-1])).astype("float32")
    if kind == "one_hot":
        return np.eye(shape[-1], dtype="float32")[random.integers(0, shape[-1], (rows, *shape[:-1]))]
    values = random.uniform(-1, 1, (rows, *shape))
    of_kind = {"binary": values > 0, "signs": np.sign(values), "positive": values / 2 + 0.7, "values": values}
    return of_kind[kind].astype("float32")


def write_model(model, folder, bare):
    """model.json and weights.bin in the form in which the converter of tf.js stores what Keras writes."""
    topology = json.loads(model.to_json()) if bare else saving_utils.model_metadata(model)
    entries = [{"name": name_in_file(w), "shape": list(w.shape), "dtype": str(np.asarray(w).dtype)} for w in model.weights]
    document = {
        "format": "layers-model",
        "generatedBy": "keras v" + keras.__version__,
        "convertedBy": None,
        "modelTopology": topology,
        "weightsManifest": [{"paths": ["weights.bin"], "weights": entries}],
    }
    (folder / "model.json").write_text(json.dumps(document, default=float if KERAS2 else str))
    (folder / "weights.bin").write_bytes(b"".join(np.asarray(w).tobytes() for w in model.weights))


def record(spec, folder, data_seed):
    if "model" in spec:
        spec = {**spec, **spec_of(spec["model"])}
    keras.backend.clear_session(*[] if KERAS2 else [False])
    random = np.random.default_rng(data_seed)
    try:
        model = build(spec)
    except (ValueError, TypeError, NotImplementedError) as error:
        raise Skipped(str(error)) from error
    draw_weights(model, random)
    optimizers = keras.optimizers.legacy if spec.get("legacy") else keras.optimizers
    optimizer = made_optimizer(spec["optimizer"], optimizers)
    metrics = [made(metric, keras.metrics) for metric in spec["metrics"]]
    weighted = [made(metric, keras.metrics) for metric in spec.get("weighted_metrics", [])] or None
    eager = spec.get("eager", False)
    model.compile(optimizer, made(spec["loss"], keras.losses), metrics=metrics, weighted_metrics=weighted, loss_weights=spec.get("loss_weights"), run_eagerly=eager,
                  jit_compile=not eager)
    write_model(model, folder, spec.get("bare", False))

    batch, steps = spec["batch"], spec["steps"]
    shape = list(model.output_shape[1:])
    x = random.uniform(-1, 1, (batch * steps, *spec["input_shape"])).astype("float32")
    if "rows" in spec:  # of a table, that the input numbers
        x = np.floor((x + 1) / 2 * spec["rows"]).clip(0, spec["rows"] - 1)
    y = draw_labels(spec["labels"], batch * steps, shape, random)
    (folder / "x.f32").write_bytes(x.tobytes())
    (folder / "y.f32").write_bytes(y.tobytes())

    result = {"batch": batch, "shape": spec["input_shape"], "labels": list(y.shape[1:]), "steps": []}
    weights = {int(number): weight for number, weight in spec.get("class_weights", {}).items()} or None
    if weights:
        result["class_weights"] = list(weights.items())
    samples = None
    if "sample_weights" in spec:
        result["sample_weights"] = spec["sample_weights"]
        samples = random.integers(0, 5, (batch * steps, *spec["sample_weights"])).astype("float32") / 2
        (folder / "w.f32").write_bytes(samples.tobytes())

    def of_rows(*rows):
        return (x[slice(*rows)], y[slice(*rows)], *([] if samples is None else [samples[slice(*rows)]]))

    result["before"] = model.predict_on_batch(x[:batch]).ravel().tolist()
    for i in range(steps):
        expect_unclipped(spec["loss"], model.predict_on_batch(x[i * batch : (i + 1) * batch]))
        model.reset_metrics()
        logs = model.train_on_batch(*of_rows(i * batch, (i + 1) * batch), return_dict=True, class_weight=weights)
        result["steps"].append({name: float(value) for name, value in logs.items()})
    if not all(abs(value) < 1e4 for logs in result["steps"] for value in logs.values()):
        raise Skipped("training diverges")
    if "validation" in spec:
        rows = spec["validation"]
        history = model.fit(x, y, sample_weight=samples, batch_size=batch, epochs=2, shuffle=False, validation_data=of_rows(rows), verbose=0).history
        result["validation"] = rows
        result["epochs"] = [{name: float(values[i]) for name, values in history.items()} for i in range(2)]
    if spec.get("metrics_of_validation_alone"):
        for logs in result["steps"] + result["epochs"]:
            for name in [name for name in logs if name != "loss" and not name.startswith("val_")]:
                del logs[name]
    result["names"] = [name_in_file(w) for w in model.weights]
    result["weights"] = [np.asarray(w).ravel().tolist() for w in model.weights]
    result["after"] = model.predict_on_batch(x[:batch]).ravel().tolist()
    (folder / "result.json").write_text(json.dumps(result))


def expect_unclipped(loss, predictions):
    """Keras on JAX clips probabilities to 1e-7, where gradc, as Keras on TensorFlow, takes the loss of the logits."""
    if loss in CROSSENTROPIES and (predictions.min() < 1e-5 or predictions.max() > 1 - 1e-5):
        raise Skipped("probabilities are so small or large that Keras clips them")


def made(spec, module):
    """A loss, metric or regularizer of a spec: a name, or an object of a class of this module."""
    return spec if isinstance(spec, str) else getattr(module, spec["class_name"])(**spec["config"])


def made_optimizer(spec, module):
    """An optimizer whose learning rate may be a schedule, and which may have another one in it."""
    config = dict(spec["config"])
    if isinstance(config.get("learning_rate"), dict):
        config["learning_rate"] = made(config["learning_rate"], keras.optimizers.schedules)
    if "inner_optimizer" in config:
        config["inner_optimizer"] = made_optimizer(config["inner_optimizer"], module)
    return getattr(module, spec["class_name"])(**config)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("specs", type=pathlib.Path)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--data-seed", type=int, default=1)
    arguments = parser.parse_args()
    for spec in json.loads(arguments.specs.read_text()):
        folder = arguments.out / spec["name"]
        folder.mkdir(parents=True)
        try:
            record(spec, folder, arguments.data_seed)
        except Skipped as why:
            (folder / "skipped").write_text(str(why))


if __name__ == "__main__":
    main()
