"""The initializers whose draws tests/parity/draws_test.cpp compares: class name, config, shape, as JSON."""
import json
import pathlib
import sys

SHAPES = [[300, 400], [40000]]


def draws():
    names = [fan + spread for fan in ("Glorot", "He", "Lecun") for spread in ("Uniform", "Normal")]
    kinds = [(name, {}) for name in names]
    kinds += [("VarianceScaling", {"scale": 1.5, "mode": mode, "distribution": spread})
              for mode in ("fan_in", "fan_avg") for spread in ("uniform", "normal", "truncated_normal", "untruncated_normal")]
    kinds += [("TruncatedNormal", {"mean": 0.0, "stddev": 0.3}), ("RandomNormal", {"mean": 0.0, "stddev": 0.3}),
              ("RandomUniform", {"minval": -0.2, "maxval": 0.2})]
    return [{"class_name": name, "config": config, "shape": shape} for name, config in kinds for shape in SHAPES]


if __name__ == "__main__":
    pathlib.Path(sys.argv[1]).write_text(json.dumps(draws()))
