"""What Keras 3's callbacks do with sequences of logs.

    callbacks.py OUT.json

OUT.json is a list of {"kind": a callback's class, "options": its own, "logs": of each epoch, and what it did}: "stopped" the epochs that were
done, "weight" that of the model in the end, which is 1 + epoch after each epoch, "rates" those after each epoch, "saved" the epochs that were
saved, "rows" those of a CSV file as numbers.
"""
import csv
import json
import os
import pathlib
import sys
import tempfile

os.environ.update(KERAS_BACKEND="jax", JAX_PLATFORMS="cpu")

import keras
import numpy as np

EPOCHS = 12
random = np.random.default_rng(5)


def new_model():
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, use_bias=False, activation="sigmoid")])
    model.compile(keras.optimizers.SGD(0.5), "mean_squared_error", metrics=["accuracy"])
    model.fit(np.zeros((2, 1)), np.zeros((2, 1)), verbose=0)  # What "auto" means is known from then on.
    return model


model = new_model()


def run(kind, options, logs):
    model.optimizer.learning_rate = 0.5
    model.stop_training = False
    case = {"kind": kind, "options": options, "logs": logs, "rates": [], "saved": []}
    with tempfile.TemporaryDirectory() as folder:
        given = dict(options)
        if kind == "ModelCheckpoint":
            given.update(filepath=folder + "/saved.keras", save_best_only=True)
        if kind == "CSVLogger":
            given.update(filename=folder + "/log.csv")
        if kind == "LearningRateScheduler":
            given.update(schedule=lambda epoch, rate: rate * 0.5 if epoch % 3 == 2 else rate + 0.125)
        callback = getattr(keras.callbacks, kind)(**given)
        callback.set_model(model)
        callback.on_train_begin()
        for epoch, numbers in enumerate(logs):
            callback.on_epoch_begin(epoch)
            model.set_weights([np.full((1, 1), 1 + epoch, "float32")])
            callback.on_epoch_end(epoch, dict(numbers))
            case["rates"].append(float(model.optimizer.learning_rate))
            saved = pathlib.Path(folder, "saved.keras")
            if saved.exists():
                case["saved"].append(epoch)
                saved.unlink()
            case["stopped"] = epoch + 1
            if model.stop_training:
                break
        callback.on_train_end()
        case["weight"] = float(np.asarray(model.get_weights()[0]).item())
        if kind == "CSVLogger":
            rows = list(csv.reader(open(folder + "/log.csv")))
            case["names"] = rows[0]
            case["rows"] = [[float(number) for number in row] for row in rows[1:]]
    return case


def draw_logs():
    loss = np.maximum(random.normal(0, 1, EPOCHS).cumsum() * 0.3 + 2, 0.01)
    if random.random() < 0.3:
        loss = np.round(loss, 1)  # so that some are equal
    if random.random() < 0.1:
        loss[random.integers(EPOCHS)] = np.nan
    accuracy = np.clip(random.normal(0.5, 0.2, EPOCHS), 0, 1)
    return [{"loss": float(loss[i]), "accuracy": float(accuracy[i]), "val_loss": float(loss[-1 - i]), "val_accuracy": float(accuracy[-1 - i])} for i in range(EPOCHS)]


def maybe(options, **draws):
    for name, draw in draws.items():
        if random.random() < 0.5:
            options[name] = draw()
    return options


def monitor():
    monitor = str(random.choice(["loss", "val_loss", "accuracy", "val_accuracy"]))
    mode = str(random.choice(["auto", "min", "max"]))
    return {"monitor": monitor, "mode": mode}


def main():
    cases = []
    for _ in range(60):
        options = maybe(monitor(), min_delta=lambda: float(random.choice([0.05, 0.1, -0.1])), patience=lambda: int(random.integers(0, 5)),
                        baseline=lambda: float(random.uniform(0.3, 2)), restore_best_weights=lambda: True, start_from_epoch=lambda: int(random.integers(0, 6)))
        cases.append(run("EarlyStopping", options, draw_logs()))
    for _ in range(60):
        options = maybe(monitor(), factor=lambda: float(random.choice([0.5, 0.2])), patience=lambda: int(random.integers(0, 4)), min_delta=lambda: 0.1,
                        cooldown=lambda: int(random.integers(0, 4)), min_lr=lambda: float(random.choice([0.05, 0.3])))
        cases.append(run("ReduceLROnPlateau", {"patience": 1, **options}, draw_logs()))
    for _ in range(20):
        cases.append(run("ModelCheckpoint", maybe(monitor(), initial_value_threshold=lambda: float(random.uniform(0.3, 2))), draw_logs()))
    cases.append(run("LearningRateScheduler", {}, draw_logs()))
    cases.append(run("CSVLogger", {}, [{"loss": 0.25 / 3, "val_loss": 1e-7, "accuracy": 0.5}, {"loss": 3.0, "val_loss": 2.5e10, "accuracy": 1.0}]))
    pathlib.Path(sys.argv[1]).write_text(json.dumps(cases))


if __name__ == "__main__":
    main()
