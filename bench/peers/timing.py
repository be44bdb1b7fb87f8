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


def batch_of(layers, count):
    images = numpy.sin(numpy.arange(count * int(numpy.prod(layers[0].shape)), dtype=numpy.float32) * 0.37)
    classes = layers[-1].shape[0]
    return images.reshape((count,) + layers[0].shape), numpy.eye(classes, dtype=numpy.float32)[numpy.arange(count) % classes]


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
