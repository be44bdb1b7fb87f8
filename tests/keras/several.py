"""Models of several inputs and outputs, trained by Keras.

    several.py OUT_DIR

OUT_DIR/NAME gets the model as tests/keras/train.py writes it, x_INPUT.npy and y_OUTPUT.npy with one batch a step, and result.json: the size
of a batch, the logs of each step, the weights after the last, and by output the predictions for the first batch before and after.
"""
import json
import pathlib
import sys

import train  # Sets up Keras; first.

import keras
import numpy as np
from keras import layers

BATCH, STEPS = 7, 4


def two_inputs():
    # The order of the inputs is not that of the layers.
    vector, image = keras.Input((5,), name="vector"), keras.Input((8, 7, 2), name="image")
    x = layers.Flatten(name="flat")(layers.Conv2D(4, 3, strides=2, activation="relu", name="conv")(image))
    both = layers.Concatenate(name="both")([x, layers.Dense(6, activation="tanh", name="dense")(vector)])
    model = keras.Model([vector, image], layers.Dense(3, activation="softmax", name="class")(both))
    model.compile(keras.optimizers.SGD(0.1), "categorical_crossentropy", metrics=["accuracy"])
    return model


def two_outputs():
    x = keras.Input((6,), name="x")
    shared = layers.Dense(8, activation="tanh", kernel_regularizer="l2", name="shared")(x)
    outputs = [layers.Dense(2, name="value")(shared), layers.Dense(4, activation="softmax", name="class")(shared)]
    model = keras.Model(x, outputs)
    model.compile(keras.optimizers.Adam(0.02, epsilon=1e-2), {"value": "mean_squared_error", "class": "categorical_crossentropy"},
                  loss_weights={"value": 0.3, "class": 1.5}, metrics={"class": ["accuracy"], "value": ["mean_absolute_error"]})
    return model


def inside_of_a_model():
    """A model of two inputs and two outputs, used twice inside of another."""
    a, b = keras.Input((4,), name="a"), keras.Input((3,), name="b")
    joined = layers.Concatenate(name="joined")([a, b])
    inner = keras.Model([a, b], [layers.Dense(4, activation="tanh", name="left")(joined), layers.Dense(3, activation="relu", name="right")(joined)], name="inner")
    p, q = keras.Input((3,), name="p"), keras.Input((4,), name="q")
    left, right = inner([q, p])
    left, right = inner([left, right])
    outputs = [layers.Dense(3, activation="sigmoid", name="bits")(left), layers.Dense(2, name="numbers")(right)]
    model = keras.Model([p, q], outputs)
    model.compile(keras.optimizers.SGD(0.1, momentum=0.5), ["binary_crossentropy", "mean_absolute_error"], metrics=[["accuracy"], ["mean_squared_error"]])
    return model


def output_within():
    """One output is what another is made of."""
    x = keras.Input((9, 2), name="series")
    steps = layers.Conv1D(3, 3, padding="causal", activation="tanh", name="steps")(x)
    model = keras.Model(x, [steps, layers.Dense(2, name="end")(layers.GlobalAveragePooling1D(name="pooled")(steps))])
    model.compile(keras.optimizers.SGD(0.1), "mean_squared_error", metrics=[[], []])
    return model


def states_as_outputs():
    """An encoder whose states are outputs of the model, and one layer's other outputs."""
    x = keras.Input((5, 3), name="series")
    _, h, c = layers.LSTM(4, return_sequences=True, return_state=True, name="lstm")(x)
    model = keras.Model(x, [c, layers.Dense(2, name="end")(h), h])
    model.compile(keras.optimizers.SGD(0.1), "mean_squared_error")
    return model


MODELS = {"states_as_outputs": states_as_outputs, "two_inputs": two_inputs, "two_outputs": two_outputs, "inside_of_a_model": inside_of_a_model, "output_within": output_within}
LABELS = {"class": "one_hot", "bits": "binary"}


def main():
    for name, build in MODELS.items():
        folder = pathlib.Path(sys.argv[1]) / name
        folder.mkdir(parents=True)
        keras.backend.clear_session(False)
        random = np.random.default_rng(1)
        model = build()
        train.draw_weights(model, random)
        train.write_model(model, folder, False)
        inputs = [tensor.name for tensor in model.inputs]
        x = [random.uniform(-1, 1, (BATCH * STEPS, *tensor.shape[1:])).astype("float32") for tensor in model.inputs]
        outputs = [tensor._keras_history for tensor in model.outputs]
        outputs = [f"{made.operation.name}:{made.tensor_index}" if made.tensor_index else made.operation.name for made in outputs]
        same_name = outputs != list(model.output_names)  # Then Keras's logs are those of any of them.
        y = [train.draw_labels(LABELS.get(output, "values"), BATCH * STEPS, list(tensor.shape[1:]), random) for output, tensor in zip(outputs, model.outputs)]
        for kind, names, arrays in (("x", inputs, x), ("y", outputs, y)):
            for each, array in zip(names, arrays):
                np.save(folder / f"{kind}_{each}.npy", array)

        def predictions():
            values = model.predict_on_batch([array[:BATCH] for array in x])
            return {output: np.ravel(value).tolist() for output, value in zip(outputs, values if len(outputs) > 1 else [values])}

        def one_or_all(arrays):
            return arrays if len(arrays) > 1 else arrays[0]

        result = {"batch": BATCH, "inputs": inputs, "outputs": outputs, "same_name": same_name, "before": predictions(), "steps": []}
        for i in range(STEPS):
            rows = slice(i * BATCH, (i + 1) * BATCH)
            model.reset_metrics()
            logs = model.train_on_batch(one_or_all([array[rows] for array in x]), one_or_all([array[rows] for array in y]), return_dict=True)
            result["steps"].append({key: float(value) for key, value in logs.items() if not same_name or key == "loss"})
        result["weights"] = {train.layer_and_weight(w).replace("_cell", ""): np.asarray(w).ravel().tolist() for w in model.weights}
        result["after"] = predictions()
        (folder / "result.json").write_text(json.dumps(result))


if __name__ == "__main__":
    main()
