"""A training step in JAX: jax.jit of value_and_grad, with the weights donated, images as NHWC and as NCHW."""

import jax
import jax.numpy as jnp
import numpy
from jax import lax

import model
import timing

options = timing.arguments()
layers, rate = model.load(options.model)
shapes = {layer.name: layer.shape for layer in layers}


def weights():
    random = numpy.random.default_rng(0)
    params, state = {}, {}
    for layer in layers[1:]:
        config, before = layer.config, shapes[layer.inputs[0]]
        if layer.kind == "Conv2D":
            kernel = model.pair(config["kernel_size"]) + (before[2], config["filters"])
        elif layer.kind == "Dense":
            kernel = (before[0], config["units"])
        elif layer.kind == "BatchNormalization":
            params[layer.name] = {"gamma": jnp.ones(before[-1]), "beta": jnp.zeros(before[-1])}
            state[layer.name] = {"mean": jnp.zeros(before[-1]), "variance": jnp.ones(before[-1])}
            continue
        else:
            continue
        scale = (2 / numpy.prod(kernel[:-1])) ** 0.5
        params[layer.name] = {"kernel": jnp.asarray(random.normal(0, scale, kernel), jnp.float32)}
        if config["use_bias"]:
            params[layer.name]["bias"] = jnp.zeros(kernel[-1])
    return params, state


def make(layout):
    channel = layout.index("C")
    rows = layout.index("H")

    def along_channels(vector, value):
        return vector if value.ndim == 2 or channel == 3 else vector[:, None, None]

    def forward(params, state, x):
        values, after = {layers[0].name: x}, {}
        for layer in layers[1:]:
            value, config = values[layer.inputs[0]], layer.config
            own = params.get(layer.name, {})
            if layer.kind in ("Conv2D", "MaxPooling2D"):
                window, strides, dilation = model.window_of(layer)
                pads = model.padding(config, shapes[layer.inputs[0]], window, strides, dilation)
            if layer.kind == "Conv2D":
                value = lax.conv_general_dilated(value, own["kernel"], strides, pads, rhs_dilation=dilation,
                                                 dimension_numbers=(layout, "HWIO", layout))
            elif layer.kind == "MaxPooling2D":
                spread = lambda two, other: tuple(two[i - rows] if rows <= i < rows + 2 else other for i in range(4))
                value = lax.reduce_window(value, -jnp.inf, lax.max, spread(window, 1), spread(strides, 1), spread(pads, (0, 0)))
            elif layer.kind == "Dense":
                value = value @ own["kernel"]
            elif layer.kind == "Flatten":
                value = value.reshape(value.shape[0], -1)
            elif layer.kind == "GlobalAveragePooling2D":
                value = value.mean((rows, rows + 1))
            elif layer.kind == "Add":
                value = value + values[layer.inputs[1]]
            elif layer.kind == "BatchNormalization":
                axes = tuple(i for i in range(value.ndim) if i != (channel if value.ndim == 4 else 1))
                mean, variance = value.mean(axes), value.var(axes)
                old, keep = state[layer.name], config["momentum"]
                after[layer.name] = {"mean": keep * old["mean"] + (1 - keep) * mean,
                                     "variance": keep * old["variance"] + (1 - keep) * variance}
                scale = own["gamma"] * lax.rsqrt(variance + config["epsilon"])
                value = value * along_channels(scale, value) + along_channels(own["beta"] - mean * scale, value)
            if "bias" in own:
                value = value + along_channels(own["bias"], value)
            activation = config.get("activation", "linear")
            if activation == "relu":
                value = jax.nn.relu(value)
            elif activation != "linear":
                raise SystemExit(f"activation {activation} is not compared")
            values[layer.name] = value
        return values[layers[-1].name], after

    def loss_of(params, state, x, y):
        logits, after = forward(params, state, x)
        return -(jax.nn.log_softmax(logits) * y).sum(-1).mean(), after

    def train(params, state, x, y):
        (loss, after), gradient = jax.value_and_grad(loss_of, has_aux=True)(params, state, x, y)
        return jax.tree.map(lambda w, g: w - rate * g, params, gradient), after, loss

    def factory():
        params, state = weights()
        images, labels = timing.batch_of(layers, options.batch_size)
        if images.ndim == 4 and layout == "NCHW":
            images = images.transpose(0, 3, 1, 2)
        images, labels = jnp.asarray(images), jnp.asarray(labels)
        compiled = jax.jit(train, donate_argnums=(0, 1))
        held = [params, state]

        def step():
            *held[:], loss = compiled(*held, images, labels)
            return float(loss)

        return step

    return factory


modes = {"jit, NHWC": make("NHWC")}
if len(layers[0].shape) == 3:
    modes["jit, NCHW"] = make("NCHW")
timing.measure("JAX", jax.__version__, modes, options.seconds)
