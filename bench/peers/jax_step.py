"""A training step in JAX: jax.jit of value_and_grad of a Keras model, with the weights donated."""

import os

os.environ["KERAS_BACKEND"] = "jax"

import jax
import jax.numpy as jnp

import model
import timing

options = timing.arguments()


def cross_entropy(loss, logits, y):
    if loss == "binary_crossentropy":
        return (jax.nn.softplus(logits) - logits * y).mean()
    logs = jax.nn.log_softmax(logits)
    if loss == "sparse_categorical_crossentropy":
        return -jnp.take_along_axis(logs, y[..., None], -1).mean()
    return -(logs * y).sum(-1).mean()


def make(unroll):
    def factory():
        read = model.read(options.model, unroll)
        net = read.net

        def loss_of(params, state, x, y):
            logits, after = net.stateless_call(params, state, x, training=True)
            return cross_entropy(read.loss, logits, y), after

        def train(params, state, x, y):
            (loss, after), gradient = jax.value_and_grad(loss_of, has_aux=True)(params, state, x, y)
            return jax.tree.map(lambda w, g: w - read.rate * g, params, gradient), after, loss

        x, y = (jnp.asarray(each) for each in timing.batch_of(read, options.batch_size))
        compiled = jax.jit(train, donate_argnums=(0, 1))
        held = [[jnp.array(w.value) for w in net.trainable_variables], [jnp.array(w.value) for w in net.non_trainable_variables]]

        def step():
            *held[:], loss = compiled(*held, x, y)
            return float(loss)

        return step

    return factory


modes = {"jit": make(False)}
if model.is_recurrent(model.read(options.model).net):
    modes["jit, unrolled"] = make(True)
timing.measure("JAX", jax.__version__, modes, options.seconds)
