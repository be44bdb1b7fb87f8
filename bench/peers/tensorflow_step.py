"""A training step in TensorFlow: a Keras model in a tf.function, with and without XLA."""

import os

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import tensorflow as tf

import model
import timing

options = timing.arguments()
tf.config.threading.set_intra_op_parallelism_threads(options.threads)
tf.config.threading.set_inter_op_parallelism_threads(1)
layers, rate = model.load(options.model)


def keras_model():
    kinds = tf.keras.layers
    values = {layers[0].name: tf.keras.Input(layers[0].shape, batch_size=options.batch_size)}
    for layer in layers[1:]:
        config = layer.config
        inputs = [values[name] for name in layer.inputs]
        if layer.kind == "Conv2D":
            made = kinds.Conv2D(config["filters"], model.pair(config["kernel_size"]), model.pair(config["strides"]), config["padding"],
                                dilation_rate=model.pair(config.get("dilation_rate", 1)), activation=config["activation"],
                                use_bias=config["use_bias"])
        elif layer.kind == "Dense":
            made = kinds.Dense(config["units"], activation=config["activation"], use_bias=config["use_bias"])
        elif layer.kind == "MaxPooling2D":
            made = kinds.MaxPooling2D(model.pair(config["pool_size"]), model.pair(config["strides"]), config["padding"])
        elif layer.kind == "BatchNormalization":
            made = kinds.BatchNormalization(momentum=config["momentum"], epsilon=config["epsilon"])
        elif layer.kind == "Activation":
            made = kinds.Activation(config["activation"])
        else:
            made = {"Add": kinds.Add, "Flatten": kinds.Flatten, "GlobalAveragePooling2D": kinds.GlobalAveragePooling2D}[layer.kind]()
        values[layer.name] = made(inputs if len(inputs) > 1 else inputs[0])
    return tf.keras.Model(values[layers[0].name], values[layers[-1].name])


def make(jit_compile):
    def factory():
        net = keras_model()
        images, labels = (tf.constant(each) for each in timing.batch_of(layers, options.batch_size))

        @tf.function(jit_compile=jit_compile)
        def step(x, y):
            with tf.GradientTape() as tape:
                loss = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(y, net(x, training=True)))
            variables = net.trainable_variables
            for variable, gradient in zip(variables, tape.gradient(loss, variables)):
                variable.assign_sub(rate * gradient)
            return loss

        return lambda: step(images, labels).numpy()

    return factory


timing.measure("TensorFlow", tf.__version__, {"tf.function": make(False), "tf.function, XLA": make(True)}, options.seconds)
