"""names.py OUT.json writes what Keras exports: a list of {"name", "is", "options", "defaults"} for each kind. "is" is what the thing itself is called, if
otherwise, "options" are the arguments of a class's constructor, and "defaults" the values of those that have one other than None.
"""
import inspect
import json
import os
import pathlib
import sys

os.environ.update(KERAS_BACKEND="jax", JAX_PLATFORMS="cpu")

import keras

KINDS = {kind: getattr(keras, kind) for kind in
         ("layers", "losses", "metrics", "optimizers", "activations", "initializers", "regularizers", "constraints", "callbacks")}
KINDS["schedules"] = keras.optimizers.schedules


def arguments(thing):
    if not inspect.isclass(thing):
        return {}
    named = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    return {name: parameter.default for name, parameter in inspect.signature(thing.__init__).parameters.items() if parameter.kind in named and name != "self"}


def export(name, thing):
    taken = arguments(thing)
    row = {"name": name, "options": list(taken), "defaults": {key: value for key, value in taken.items() if isinstance(value, (bool, int, float, str, tuple))}}
    if thing.__name__ != name:
        row["is"] = thing.__name__
    return row


def exports(module):
    things = ((name, getattr(module, name)) for name in sorted(dir(module)) if not name.startswith("_"))
    return [export(name, thing) for name, thing in things if not inspect.ismodule(thing)]


pathlib.Path(sys.argv[1]).write_text(json.dumps({kind: exports(module) for kind, module in KINDS.items()}))
