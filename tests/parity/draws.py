"""The initializers whose draws tests/parity/draws_test.cpp compares: class name, config, shape, as JSON; and layers that name none, each with
the shape of its input and its weights."""
import json
import pathlib
import sys

SHAPES = [[300, 400], [40000]]


LAYERS = [("Dense", {"units": 400}, [300], ["kernel"]), ("Conv2D", {"filters": 100, "kernel_size": 3}, [3, 3, 150], ["kernel"]),
          ("Conv2DTranspose", {"filters": 100, "kernel_size": 3}, [3, 3, 150], ["kernel"]),
          ("DepthwiseConv2D", {"kernel_size": 20, "depth_multiplier": 3}, [20, 20, 100], ["depthwise_kernel"]),
          ("SeparableConv2D", {"kernel_size": 15, "filters": 200}, [15, 15, 500], ["depthwise_kernel", "pointwise_kernel"])]


def draws():
    names = [fan + spread for fan in ("Glorot", "He", "Lecun") for spread in ("Uniform", "Normal")]
    kinds = [(name, {}) for name in names]
    kinds += [("VarianceScaling", {"scale": 1.5, "mode": mode, "distribution": spread})
              for mode in ("fan_in", "fan_avg") for spread in ("uniform", "normal", "truncated_normal", "untruncated_normal")]
    kinds += [("TruncatedNormal", {"mean": 0.0, "stddev": 0.3}), ("RandomNormal", {"mean": 0.0, "stddev": 0.3}),
              ("RandomUniform", {"minval": -0.2, "maxval": 0.2})]
    of_shapes = [{"class_name": name, "config": config, "shape": shape} for name, config in kinds for shape in SHAPES]
    return of_shapes + [{"class_name": name, "config": config, "input": shape, "weight": i, "name": weight}
                        for name, config, shape, weights in LAYERS for i, weight in enumerate(weights)]


if __name__ == "__main__":
    pathlib.Path(sys.argv[1]).write_text(json.dumps(draws()))
