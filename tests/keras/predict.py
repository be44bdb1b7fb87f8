"""Predictions of a model that gradc saved: predict.py MODEL_DIR X.f32 OUT.f32 DIMS...

The topology is read as that of an HDF5 file, whose form it has."""
import json
import pathlib
import sys

import train  # Sets up Keras; first.

import numpy as np
from keras.src.legacy.saving import saving_utils


def main():
    folder, x, out, *shape = sys.argv[1:]
    folder = pathlib.Path(folder)
    document = json.loads((folder / "model.json").read_text())
    model = saving_utils.model_from_config(document["modelTopology"])
    group = document["weightsManifest"][0]
    values, weights = np.fromfile(folder / group["paths"][0], "float32"), {}
    for entry in group["weights"]:
        size = int(np.prod(entry["shape"]))
        weights[entry["name"]], values = values[:size].reshape(entry["shape"]), values[size:]
    for weight in model.weights:
        # A recurrent layer's weights are in its cell in Keras.
        layer_and_weight = "/".join([part for part in weight.path.split("/") if not part.endswith("_cell")][-2:])
        name = train.name_in_file(weight) if train.name_in_file(weight) in weights else layer_and_weight
        weight.assign(weights[name] if name in weights else weights[name.replace("/kernel", "/depthwise_kernel")])
    train.finish_weights(model)
    model.predict_on_batch(np.fromfile(x, "float32").reshape(-1, *map(int, shape))).astype("float32").tofile(out)


if __name__ == "__main__":
    main()
