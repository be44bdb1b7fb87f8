"""A training step in TensorFlow: a Keras model in a tf.function, with and without XLA."""

import os

os.environ.update(TF_CPP_MIN_LOG_LEVEL="3", KERAS_BACKEND="tensorflow")

import tensorflow as tf

import model
import timing

options = timing.arguments()
tf.config.threading.set_intra_op_parallelism_threads(options.threads)
tf.config.threading.set_inter_op_parallelism_threads(1)

CROSS_ENTROPIES = {
    "categorical_crossentropy": tf.nn.softmax_cross_entropy_with_logits,
    "sparse_categorical_crossentropy": tf.nn.sparse_softmax_cross_entropy_with_logits,
    "binary_crossentropy": tf.nn.sigmoid_cross_entropy_with_logits,
}


def make(jit_compile, unroll=False):
    def factory():
        read = model.read(options.model, unroll)
        net = read.net
        x, y = (tf.constant(each) for each in timing.batch_of(read, options.batch_size))

        @tf.function(jit_compile=jit_compile)
        def step(x, y):
            with tf.GradientTape() as tape:
                loss = tf.reduce_mean(CROSS_ENTROPIES[read.loss](y, net(x, training=True)))
            variables = [variable.value for variable in net.trainable_variables]
            for variable, gradient in zip(variables, tape.gradient(loss, variables)):
                if isinstance(gradient, tf.IndexedSlices):
                    variable.scatter_sub(tf.IndexedSlices(read.rate * gradient.values, gradient.indices))
                else:
                    variable.assign_sub(read.rate * gradient)
            return loss

        return lambda: step(x, y).numpy()

    return factory


modes = {"tf.function": make(False), "tf.function, XLA": make(True)}
if model.is_recurrent(model.read(options.model).net):
    modes["tf.function, unrolled"] = make(False, True)  # XLA takes minutes to compile it.
timing.measure("TensorFlow", tf.__version__, modes, options.seconds)
