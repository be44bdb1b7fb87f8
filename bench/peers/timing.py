"""Times a step and prints one line of JSON, as every framework's program does."""

import argparse
import json
import resource
import statistics
import time

import numpy


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("model")
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=2)
    return parser.parse_args()


def batch_of(read, count):
    """Inputs and labels for a model: rows of a table in turn where its first layer is an Embedding, classes in turn."""
    shape, outputs = tuple(read.net.inputs[0].shape[1:]), tuple(read.net.outputs[0].shape[1:])
    numbers = numpy.arange(count * int(numpy.prod(shape)))
    tables = [layer.input_dim for layer in read.net.layers if type(layer).__name__ == "Embedding"]
    x = (numbers * 7919 % tables[0]).astype(numpy.int32) if tables else numpy.sin(numbers.astype(numpy.float32) * 0.37)
    x = x.reshape((count,) + shape)
    if read.loss == "binary_crossentropy":
        return x, (numpy.arange(count * int(numpy.prod(outputs))) % 2).astype(numpy.float32).reshape((count,) + outputs)
    classes = numpy.arange(count) % outputs[-1]
    return x, classes if read.loss == "sparse_categorical_crossentropy" else numpy.eye(outputs[-1], dtype=numpy.float32)[classes]


def measure(name, version, modes, seconds):
    """Each mode is a function that makes a step: a function which runs one and waits for it. The fastest mode counts."""
    best = None
    for mode, make in modes.items():
        start = time.perf_counter()
        step = make()
        step()
        first = time.perf_counter() - start
        for _ in range(3):
            step()
        times = []
        start = time.perf_counter()
        while len(times) < 5 or (time.perf_counter() - start < seconds and len(times) < 100000):
            begin = time.perf_counter()
            step()
            times.append(time.perf_counter() - begin)
        result = {
            "name": f"{name} {version}",
            "mode": mode,
            "median_ms": statistics.median(times) * 1e3,
            "min_ms": min(times) * 1e3,
            "first_step_s": first,
        }
        if best is None or result["median_ms"] < best["median_ms"]:
            best = result
    best["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps(best), flush=True)
