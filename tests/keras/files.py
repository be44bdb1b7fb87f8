"""Models whose files Keras 3 writes in forms that tests/parity/specs.py does not make: models inside of models, layers that are used at
several places, and what only Keras means by a name.

    files.py OUT_DIR

OUT_DIR/NAME is what tests/keras/train.py records of a model. tests/models/keras2/trained is what it makes beside tensorflow-cpu==2.15.1.
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
    """A base and a layer that are called with training=False, which Keras 3 overrules when it trains the whole model."""
    base_in = keras.Input((5,), name="base_in")
    x = layers.BatchNormalization(name="norm")(layers.Dense(4, name="dense")(base_in))
    base = keras.Model(base_in, layers.Dropout(0.0, name="drop")(x), name="base")
    x = keras.Input((5,), name="x")
    y = layers.BatchNormalization(name="outer_norm")(base(x, training=False), training=False)
    return keras.Model(x, layers.Dense(3, activation="softmax", name="out")(y), name="whole")


def always_training():
    """Layers that are called with training=True, as CenterCrop is by itself, which Keras 3 overrules when the whole model predicts."""
    image = keras.Input((7, 6, 2), name="image")
    x = layers.BatchNormalization(name="norm")(layers.CenterCrop(4, 3, name="crop")(image), training=True)
    return keras.Model(image, layers.Dense(3, activation="softmax", name="out")(layers.Flatten(name="flat")(x)), name="whole")


def words():
    given = keras.Input((7,), name="given")
    return given, layers.Embedding(5, 6, mask_zero=True, name="words")(given)


def masked_transformer():
    """Blocks of attention over masked words: each takes the masks off its inputs, as the model runs, but layers that are called with a mask
    have it as it was when the model was made."""
    given, x = words()
    beside = layers.Dense(6, activation="tanh", name="beside")(x)
    for i in range(2):
        attended = layers.MultiHeadAttention(2, 3, name=f"attention_{i}")(x, x, use_causal_mask=i == 1)
        x = layers.LayerNormalization(name=f"norm_{i}")(layers.Add(name=f"sum_{i}")([x, attended]))
    crossed = layers.MultiHeadAttention(2, 3, name="crossed")(x, beside)
    parts = [layers.LSTM(3, name="of_crossed")(crossed), layers.GlobalAveragePooling1D(name="mean")(x), layers.GRU(3, name="of_beside")(beside),
             layers.Flatten(name="flat")(layers.LayerNormalization(name="norm")(crossed))]
    return keras.Model(given, layers.Dense(3, activation="softmax", name="out")(layers.Concatenate(name="all")(parts)), name="whole")


def operations_between_layers():
    """x + y has no mask, where the layer Add does."""
    given, x = words()
    y = layers.Dense(6, activation="tanh", name="dense")(x)
    parts = [layers.LSTM(3, name="of_operation")(x + y), layers.Flatten(name="flat")(1 - (x * 0.5 + 0.25) / 2 - 0.1 + (-1) * y), layers.LSTM(3, name="of_layer")(layers.Add(name="sum")([x, y])),
             layers.GRU(2, name="of_largest")(keras.ops.maximum(x * y, x - y))]
    return keras.Model(given, layers.Dense(3, activation="softmax", name="out")(layers.Concatenate(name="all")(parts)), name="whole")


def merges_of_masked():
    """Multiply, Maximum and Minimum leave out what a mask hides."""
    given, x = words()
    y = layers.Embedding(5, 6, name="others")(given)
    z = layers.Masking(0.0, name="masking")(layers.Activation("relu", name="relu")(layers.Dense(6, name="dense")(y)))
    parts = []
    for kind in (layers.Multiply, layers.Maximum, layers.Minimum):
        for name, inputs in (("both", [x, z]), ("first", [x, y]), ("last", [y, x]), ("three", [z, y, x])):
            parts.append(layers.SimpleRNN(2, name=f"{kind.__name__.lower()}_{name}")(kind(name=f"of_{kind.__name__.lower()}_{name}")(inputs)))
    return keras.Model(given, layers.Dense(3, activation="softmax", name="out")(layers.Concatenate(name="all")(parts)), name="whole")


def frames():
    """A CNN for each frame of a film, and a model of words for each sentence of a text."""
    frame = keras.Input((6, 5, 2), name="frame")
    both = [layers.Conv2D(3, 3, activation=activation, name=activation)(frame) for activation in ("relu", "tanh")]
    x = layers.BatchNormalization(momentum=0.7, name="norm")(layers.Concatenate(axis=3, name="both")(both))
    x = layers.Dropout(0.0, name="drop")(layers.Flatten(name="flat")(x))
    cnn = keras.Model(frame, layers.Dense(4, name="seen")(x), name="cnn")
    film = keras.Input((3, 6, 5, 2), name="film")
    sentence = keras.Sequential([keras.Input((6, 10)), layers.GRU(4, name="read"), layers.Dense(4, activation="hard_sigmoid", name="out")], name="sentence")
    rows = layers.TimeDistributed(sentence, name="rows")(layers.Reshape((3, 6, 10), name="as_rows")(film))
    x = layers.LSTM(5, name="through")(layers.Add(name="sum")([layers.TimeDistributed(cnn, name="cnns")(film), rows]))
    return keras.Model(film, layers.Dense(3, activation="softmax", name="end")(x), name="whole")


def attentive_frames():
    """Models within models, for each step of each step."""
    words = keras.Input((4, 5), name="words")
    attention = layers.MultiHeadAttention(2, 3, name="attention")(words, words, use_causal_mask=True)
    sentence = keras.Model(words, layers.Flatten(name="flat")(layers.Add(name="sum")([words, attention])), name="sentence")
    text = keras.Sequential([keras.Input((3, 4, 5)), layers.TimeDistributed(sentence, name="sentences"), layers.Dense(4, activation="tanh", name="dense"), layers.GRU(4, name="read")], name="text")
    texts = keras.Input((2, 3, 4, 5), name="texts")
    return keras.Model(texts, layers.Dense(3, activation="softmax", name="end")(layers.Flatten(name="all")(layers.TimeDistributed(text, name="each")(texts))), name="whole")


def frozen_frames():
    norm = keras.Sequential([keras.Input((4, 3)), layers.Conv1D(3, 2, activation="tanh", name="conv"), layers.BatchNormalization(name="norm"),
                             layers.Flatten(name="flat")], name="norms")
    norm.trainable = False
    return keras.Sequential([keras.Input((5, 4, 3)), layers.TimeDistributed(norm, name="each"), layers.SimpleRNN(3, activation="softmax", name="end")], name="whole")


def sequence(*members):
    return lambda: keras.Sequential([keras.Input((5,)), *(layer() for layer in members)], name="whole")


def dense(units, activation=None, name="dense", **config):
    return lambda: layers.Dense(units, activation=activation, name=name, **config)


def of(class_name, **config):
    return {"class_name": class_name, "config": config}


classes = dense(3, "softmax", "out")
frozen_norm = lambda: layers.BatchNormalization(trainable=False, name="norm")
bare = {"bare": not train.KERAS2}  # Only Keras 3's to_json() tells how a model is trained.
binary = {"loss": "binary_crossentropy", "labels": "binary"}
MODELS = {
    "nested": (nested, {}), "sequence_of_models": (sequence_of_models, {}), "shared": (shared, bare), "inference": (inference, {}),
    "frozen": (sequence(dense(4), frozen_norm, classes), bare),
    "frozen_regularized": (sequence(dense(4, "tanh", kernel_regularizer="l2", trainable=False), classes), {}),
    "hard_sigmoid": (sequence(dense(8, "hard_sigmoid"), classes), {}),
    "accuracy_of_three_binary": (sequence(dense(3, "sigmoid")), binary), "accuracy_of_one_binary": (sequence(dense(1, "sigmoid")), binary),
    "accuracy_of_values": (sequence(dense(3)), {"loss": "mean_squared_error", "labels": "values"}),
    # Some of a relu's outputs equal labels of 0. The class tells how many do; the name, in any case, asks for the largest output.
    "accuracy_class": (sequence(dense(3, "relu")), {"loss": "mean_squared_error", "labels": "binary", "metrics": [of("Accuracy")]}),
    "accuracy_name": (sequence(dense(3, "relu")), {"loss": "mean_squared_error", "labels": "one_hot", "metrics": ["Accuracy"]}),
}
# Where epsilon stands shows if it is about as large as gradients. In a graph Keras 2 counts a step of Nadam for each of its weights.
for name, config in {"Adam": {"epsilon": 0.03}, "RMSprop": {"epsilon": 0.01, "momentum": 0.2}, "Adagrad": {"epsilon": 0.02},
                     "Adadelta": {"epsilon": 0.01}, "Adamax": {"epsilon": 0.03}, "Nadam": {"epsilon": 0.03}}.items():
    options = {"optimizer": of(name, learning_rate=0.1, **config), "eager": train.KERAS2 and name == "Nadam"}
    MODELS[name.lower()] = (sequence(dense(4, "tanh"), classes), options)
    if train.KERAS2:
        MODELS["legacy_" + name.lower()] = (sequence(dense(4, "tanh"), classes), {**options, "legacy": True})
if train.KERAS2:
    del MODELS["sequence_of_models"]  # It has no weights there before it is called.
else:
    MODELS["always_training"] = (always_training, {})
    MODELS.update(frames=(frames, {}), frozen_frames=(frozen_frames, {}), attentive_frames=(attentive_frames, {}))
    for build in (masked_transformer, operations_between_layers, merges_of_masked):
        MODELS[build.__name__] = (build, {"rows": 5})


def main():
    out = pathlib.Path(sys.argv[1])
    train.build = lambda spec: MODELS[spec["of"]][0]()
    for name, (build, options) in MODELS.items():
        spec = {"of": name, "loss": "categorical_crossentropy", "metrics": ["accuracy"], "batch": 5, "steps": 3, "labels": "one_hot",
                "optimizer": of("SGD", learning_rate=0.1), "input_shape": list(build().input_shape[1:]), **options}
        (out / name).mkdir(parents=True, exist_ok=True)
        train.record(spec, out / name, 1)


if __name__ == "__main__":
    main()
