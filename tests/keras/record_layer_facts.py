"""Writes layer_facts.json: what Keras's own layer tests state of each layer, as data.

    record_layer_facts.py KERAS_CHECKOUT layer_facts.json       wants pytest beside Keras; the file was made from v3.15.1

Keras's tests state facts through run_layer_test: arguments of a layer, an input shape, and the expected output shape and numbers of weights,
seed generators and losses. In its place a recorder notes them, with the layer's config as Keras serializes it.
"""
import ast
import json
import os
import pathlib
import sys
import unittest.mock

os.environ.update(KERAS_BACKEND="jax", JAX_PLATFORMS="cpu", JAX_DISABLE_MOST_OPTIMIZATIONS="1")

STATED = ("output_shape", "num_trainable_weights", "num_non_trainable_weights", "num_seed_generators", "num_losses")
MOST_NUMBERS = 800


class Recorder:
    """A plugin of pytest that runs the tests which call run_layer_test, with the recorder in its place."""

    def __init__(self):
        self.facts = []

    def pytest_collection(self):
        # Tests of preprocessing import what comes after their facts.
        self.absent = unittest.mock.patch.dict(sys.modules, {name: unittest.mock.MagicMock() for name in ("tensorflow", "grain")})
        self.absent.start()

    def pytest_collection_finish(self):
        self.absent.stop()

    def pytest_collection_modifyitems(self, items):
        stating = {}
        for item in items:
            path = str(item.path)
            if path not in stating:
                functions = [node for node in ast.walk(ast.parse(item.path.read_text())) if isinstance(node, ast.FunctionDef)]
                stating[path] = tuple(f.name for f in functions if "run_layer_test" in ast.dump(f))
        items[:] = [item for item in items if stating[str(item.path)] and item.name.startswith(stating[str(item.path)])]

    def pytest_runtest_setup(self, item):
        self.test = item.path.name + "::" + item.name

    def record(self, test_case, layer_class, init_kwargs, **arguments):
        from keras import saving

        layer = layer_class(**(init_kwargs or {}))
        fact = {"test": self.test, "layer": layer_class.__name__}
        try:
            fact["config"] = json.loads(json.dumps(saving.serialize_keras_object(layer)["config"]))
        except Exception as error:
            fact["not_serialized"] = str(error).split("\n")[0]
        data, expected = arguments.get("input_data"), arguments.get("expected_output")
        fact["input_shape"] = getattr(data, "shape", None) if arguments.get("input_shape") is None else arguments["input_shape"]
        for name in STATED:
            if arguments.get("expected_" + name) is not None:
                fact[name] = arguments["expected_" + name]
        if expected is not None and hasattr(data, "shape") and hasattr(expected, "shape"):
            fact["output_shape"] = expected.shape
            if max(data.size, expected.size) <= MOST_NUMBERS:
                fact.update(input=numbers(data), output=numbers(expected))
        self.facts.append(json.loads(json.dumps(fact, default=str)))


def numbers(tensor):
    import numpy

    return [int(x) if x == int(x) else round(float(x), 6) for x in numpy.asarray(tensor).ravel()]


def distinct(facts):
    """Tests repeat a fact for sparse tensors."""
    seen = {}
    for fact in facts:
        config = {key: value for key, value in fact["config"].items() if key != "name"}
        seen.setdefault(json.dumps({**fact, "test": "", "config": config}, sort_keys=True), fact)
    return seen.values()


def main():
    checkout, out = sys.argv[1:]
    os.chdir(checkout)
    sys.path.insert(0, checkout)
    import pytest
    from keras.src import testing

    recorder = Recorder()
    testing.TestCase.run_layer_test = lambda case, layer, kwargs=None, **arguments: recorder.record(case, layer, kwargs or arguments.pop("init_kwargs", {}), **arguments)
    pytest.main(["-q", "-p", "no:cacheprovider", "--continue-on-collection-errors", "keras/src/layers"], plugins=[recorder])
    facts = sorted(distinct(recorder.facts), key=lambda fact: (fact["layer"], fact["test"]))
    pathlib.Path(out).write_text("[\n" + ",\n".join(json.dumps(fact, sort_keys=True) for fact in facts) + "\n]\n")


if __name__ == "__main__":
    main()
