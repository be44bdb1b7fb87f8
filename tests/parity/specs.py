"""Specs of models for other libraries to build and train: tests/keras/train.py and tests/tfjs/parity.js read them.

    specs.py strided --out FILE                          nets whose strides leave part-filled rows, as every 48 -> 24 -> 12 -> 6 -> 3
"""
import argparse
import json
import pathlib


def layer(class_name, **config):
    return {"class_name": class_name, "config": config}


def conv(filters, kernel, strides, **config):
    return layer("Conv2D", filters=filters, kernel_size=kernel, strides=strides, **{"padding": "same", "activation": "relu", **config})


def depthwise(kernel, strides, **config):
    return layer("DepthwiseConv2D", kernel_size=kernel, strides=strides, **{"padding": "same", "activation": "relu", **config})


def transposed(filters, kernel, strides, **config):
    return layer("Conv2DTranspose", filters=filters, kernel_size=kernel, strides=strides, **{"padding": "same", "activation": "relu", **config})


def classifier(classes):
    return [layer("Flatten"), layer("Dense", units=classes, activation="softmax")]


def sequential(name, input_shape, layers, **options):
    """Numbers the layers, and adds what most specs have in common."""
    for i, each in enumerate(layers):
        each["name"] = f"{each['class_name'].lower()}_{i}"
    spec = {"name": name, "sequential": True, "input_shape": input_shape, "layers": layers, "loss": "categorical_crossentropy", "labels": "one_hot"}
    return {**spec, "metrics": ["accuracy"], "optimizer": {"class_name": "SGD", "config": {"learning_rate": 0.1}}, "batch": 5, "steps": 6, **options}


def strided():
    return [
        sequential("strided24", [24, 24, 1], [conv(8, 3, 2), conv(8, 3, 2), conv(16, 3, 2), conv(16, 3, 2), *classifier(10)],
                   loss="sparse_categorical_crossentropy", labels="classes", batch=64),
        sequential("strided48", [48, 48, 3], [conv(6, 5, 2), conv(8, 3, 2), conv(12, 3, 2, use_bias=False), conv(16, 3, 2), *classifier(5)], batch=16),
        sequential("odd_sizes_strides_3", [31, 22, 2], [conv(8, [4, 3], [3, 2]), conv(16, [5, 7], [2, 3]), conv(8, 3, [3, 1]), *classifier(4)],
                   batch=33),
        sequential("groups_and_depth_multipliers", [24, 20, 4], [conv(8, 3, 2, groups=2), depthwise(3, 2, depth_multiplier=2),
                   conv(8, [3, 2], 2, groups=4), depthwise([2, 3], 2), *classifier(3)], batch=18),
        sequential("transposed", [6, 5, 3], [transposed(8, 3, 2), conv(8, 3, 2, activation="tanh"), transposed(4, [4, 2], [2, 3], padding="valid"),
                   conv(6, 5, 3), transposed(3, 2, 3, use_bias=False), *classifier(3)], batch=16),
        sequential("separable_and_pooled", [23, 25, 3], [
            layer("SeparableConv2D", filters=8, kernel_size=3, strides=2, padding="same", activation="elu"),
            layer("MaxPooling2D", pool_size=3, strides=2, padding="same"), conv(8, 1, 2),
            layer("AveragePooling2D", pool_size=2, padding="same"), *classifier(4)], batch=17),
    ]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("kind", choices=["strided"])
    parser.add_argument("--out", type=pathlib.Path, required=True)
    arguments = parser.parse_args()
    arguments.out.write_text(json.dumps(strided()))


if __name__ == "__main__":
    main()
