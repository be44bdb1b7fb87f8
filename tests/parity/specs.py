"""Specs of models for other libraries to build and train: tests/keras/train.py and tests/tfjs/parity.js read them.

    specs.py training --out FILE                         optimizers, losses, regularizers and metrics with their options
    specs.py updates --out FILE                          what happens between a gradient and a weight
    specs.py losses|metrics --out FILE                   each loss, each metric
    specs.py layers --out FILE                           options of layers that the random models of gradc fuzz do not have
    specs.py normalizations --out FILE                   layers that normalize each image, or draw numbers
    specs.py ranks --out FILE                            convolutions, poolings and borders of sequences and volumes
    specs.py embeddings --out FILE                       tables whose rows the inputs number
    specs.py class_weights --out FILE                    classes that count more or less than others
    specs.py sample_weights --out FILE                   images and positions that count more or less than others
    specs.py masks --out FILE                            steps that are skipped, and what is made of them
    specs.py attention --out FILE                        products of two values, and layers of attention
    specs.py spectrograms --out FILE                     spectrograms of signals
    specs.py preprocessing --out FILE                    layers that make of images and numbers what others take
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


def graph(name, input_shape, rows, *layers):
    """A model of (name, inputs, layer), where the inputs of a recurrent layer after the first are its states."""
    named = [{**each, "name": own, "inputs": inputs, "starts_from_states": len(inputs) > 1 and each["class_name"] in ("LSTM", "GRU", "Bidirectional")}
             for own, inputs, each in layers]
    return {**sequential(name, input_shape, []), "sequential": False, "layers": named, **({"rows": rows} if rows else {})}


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


def options_of_layers():
    return [
        sequential("options_of_layers", [4, 3, 3], [
            transposed(4, [3, 2], 3, output_padding=[1, 2]), transposed(3, [4, 3], 2, padding="valid", output_padding=1, activation="tanh"),
            transposed(3, 3, 1, dilation_rate=[2, 1]), transposed(4, 2, 2, output_padding=0),
            layer("ReLU", negative_slope=0.2, threshold=0.1, max_value=0.8), layer("GlobalAveragePooling2D", keepdims=True), *classifier(3)]),
        sequential("largest_of_images", [5, 6, 2], [conv(4, 3, 1, activation="relu", bias_initializer="random_normal"), layer("GlobalMaxPooling2D", keepdims=True),
            *classifier(3)]),
        sequential("shapes", [7, 6, 2], [conv(4, 3, 1, activation="tanh"), layer("Cropping2D", cropping=[[1, 0], [1, 2]]), layer("UpSampling2D", size=[3, 2]),
            conv(3, 2, 2, activation="tanh"), layer("Permute", dims=[3, 1, 2]), *classifier(3)]),
        sequential("bilinear", [3, 4, 2], [layer("UpSampling2D", size=[2, 3], interpolation="bilinear"), conv(4, 3, 2, activation="tanh"),
            layer("UpSampling2D", size=[3, 1], interpolation="bilinear"), layer("PReLU", shared_axes=[2]), layer("LeakyReLU", negative_slope=0.1), layer("ELU", alpha=0.4),
            *classifier(3)]),
    ]


def normalizations():
    drawn, biased = {"gamma_initializer": "random_uniform", "beta_initializer": "random_normal"}, {"bias_initializer": "random_uniform"}

    def spectral(inner, **config):
        return layer("SpectralNormalization", layer=inner, **config)

    return [
        sequential("layer_normalizations", [5, 4, 6], [conv(6, 3, 1), layer("LayerNormalization", axis=[1, 2], epsilon=0.01, **drawn), conv(4, 2, 1, activation="tanh"),
            layer("LayerNormalization", **drawn), layer("LayerNormalization", axis=[3, 1], scale=False), layer("LayerNormalization", axis=[1, -2, -1], **drawn), layer("Flatten"), dense(9),
            layer("LayerNormalization", center=False), dense(3, "softmax")]),
        sequential("group_normalizations", [5, 4, 3], [conv(12, 3, 1), layer("GroupNormalization", groups=4, **drawn), conv(6, 2, 1, activation="tanh"),
            layer("GroupNormalization", groups=-1, epsilon=0.1), layer("Flatten"), dense(12), layer("GroupNormalization", groups=2, epsilon=0.1, center=False), dense(3, "softmax")]),
        sequential("lengths", [7, 6], [layer("Conv1D", filters=8, kernel_size=3, activation="tanh"), layer("RMSNormalization", axis=-1), layer("RMSNormalization", axis=[2, 1], epsilon=0.1),
            layer("UnitNormalization"), layer("Conv1D", filters=5, kernel_size=2), layer("UnitNormalization", axis=[1, 2]), layer("Softmax", axis=1), *classifier(3)]),
        sequential("batch_normalizations_along_axes", [5, 4, 3], [conv(6, 3, 1), layer("BatchNormalization", axis=1), layer("BatchNormalization", axis=-2, renorm=True),
            conv(4, 2, 1, activation="tanh"), layer("BatchNormalization", axis=2, center=False, momentum=0.5), *classifier(3)], batch=9),
        sequential("variances_as_scales", [5, 4, 6], [conv(6, 3, 1, activation="tanh"), layer("LayerNormalization", rms_scaling=True, **drawn),
            layer("LayerNormalization", axis=[3, 1], rms_scaling=True, center=False, scale=False, gamma_regularizer=of("L2", l2=0.02)), *classifier(3)]),
        sequential("spectral_norms", [6, 5, 2], [spectral(conv(4, 3, 1, activation="tanh", **biased)), spectral(depthwise(2, 1, depth_multiplier=2, activation="tanh"), power_iterations=3),
            spectral(transposed(3, 2, 2, activation="tanh")), layer("Flatten"), spectral(dense(6, "tanh", kernel_regularizer=of("L2", l2=0.05), kernel_constraint=of("MaxNorm", max_value=0.9))),
            spectral(dense(5, "tanh", trainable=False, **biased)), spectral(dense(3, "softmax"))], batch=17, optimizer=of("Adam", learning_rate=0.02, epsilon=0.01), validation=20),
        sequential("undrawn_noise", [4, 6, 2], [conv(4, 3, 1), layer("SpatialDropout2D", rate=0.0), layer("AlphaDropout", rate=0.0), layer("GaussianDropout", rate=0.0),
            layer("GaussianNoise", stddev=0.0), layer("ActivityRegularization", l1=0.02, l2=0.03), *classifier(3)]),
    ]


def recurrent():
    drawn = {"bias_initializer": "random_uniform"}

    def both(class_name, backward=None, merge_mode="concat", **config):
        wrapper = layer("Bidirectional", merge_mode=merge_mode, layer=layer(class_name, **drawn, **config))
        return layer("Bidirectional", **wrapper["config"], backward_layer=backward) if backward else wrapper

    def each(inner):
        return layer("TimeDistributed", layer=inner)

    return [
        sequential("lstm", [9, 4], [layer("LSTM", units=7, return_sequences=True, **drawn), layer("LSTM", units=5, unit_forget_bias=False, activation="relu"), dense(3, "softmax")]),
        sequential("gru", [8, 3], [layer("GRU", units=6, return_sequences=True, **drawn), layer("GRU", units=5, reset_after=False, recurrent_activation="hard_sigmoid", **drawn),
            dense(3, "softmax")]),
        sequential("simple", [11, 2], [layer("SimpleRNN", units=19, return_sequences=True, go_backwards=True, kernel_regularizer=of("L2", l2=0.1), recurrent_regularizer=of("L1", l1=0.02),
            bias_regularizer=of("L2", l2=0.3), activity_regularizer=of("L2", l2=0.01)), layer("SimpleRNN", units=4, use_bias=False, recurrent_constraint=of("MaxNorm", max_value=0.5)),
            dense(3, "softmax")], batch=18),
        sequential("frozen_recurrent", [6, 5], [layer("GRU", units=4, return_sequences=True, trainable=False), layer("LSTM", units=4), dense(3, "softmax")]),
        sequential("both_ways", [7, 4], [both("LSTM", units=5, return_sequences=True), both("GRU", units=4, merge_mode="mul", return_sequences=True),
            both("SimpleRNN", units=3, merge_mode="ave"), dense(3, "softmax")]),
        sequential("both_layers", [7, 4], [both("LSTM", units=5, return_sequences=True, merge_mode="sum", backward=layer("LSTM", units=5, return_sequences=True, go_backwards=True, recurrent_activation="tanh", name="backward_own")),
            both("GRU", units=4, reset_after=False), dense(3, "softmax")]),
        sequential("cells", [7, 4], [layer("RNN", cell=layer("LSTMCell", units=5), return_sequences=True), layer("RNN", cell=layer("StackedRNNCells",
            cells=[layer("GRUCell", units=4, **drawn), layer("LSTMCell", units=3, name="own_lstm"), layer("SimpleRNNCell", units=6)]), return_sequences=True),
            both("GRU", units=2), dense(3, "softmax")]),
        sequential("each_step", [6, 5, 2], [layer("TimeDistributed", layer=layer("Conv1D", filters=4, kernel_size=3, strides=2, padding="same", activation="tanh", **drawn)),
            layer("TimeDistributed", layer=layer("Flatten")), layer("TimeDistributed", layer=dense(5, "relu", **drawn)), layer("GRU", units=4), dense(3, "softmax")]),
        sequential("sequences_of_sequences", [3, 5, 4], [each(layer("LSTM", units=5, return_sequences=True, **drawn)), each(both("GRU", units=3, return_sequences=True, reset_after=False)),
            each(layer("SimpleRNN", units=4, return_sequences=True, go_backwards=True, **drawn)), each(layer("GRU", units=4, **drawn)), layer("LSTM", units=4), dense(3, "softmax")], batch=17),
        sequential("normalized_steps", [4, 5, 3], [each(layer("Conv1D", filters=4, kernel_size=2, activation="tanh")), each(layer("BatchNormalization", momentum=0.7, gamma_initializer="random_uniform")),
            each(layer("BatchNormalization", axis=1, momentum=0.5)), each(layer("Flatten")), each(layer("BatchNormalization", trainable=False)), each(dense(4, "tanh")),
            each(layer("BatchNormalization", center=False)), layer("GRU", units=4), dense(3, "softmax")], batch=17),
        sequential("convolved_steps", [4, 6, 5, 2], [layer("ConvLSTM2D", filters=4, kernel_size=[3, 2], padding="same", return_sequences=True, **drawn),
            layer("ConvLSTM2D", filters=3, kernel_size=2, strides=2, recurrent_activation="hard_sigmoid", **drawn), *classifier(3)], batch=17),
        sequential("convolved_sequences", [3, 9, 2], [layer("ConvLSTM1D", filters=4, kernel_size=3, dilation_rate=2, return_sequences=True, go_backwards=True, **drawn),
            layer("ConvLSTM1D", filters=2, kernel_size=2, use_bias=False), *classifier(3)]),
        sequential("frozen_inner_layers", [3, 6, 2], [layer("ConvLSTM1D", filters=3, kernel_size=2, return_sequences=True, trainable=False), layer("TimeDistributed", layer=layer("Flatten")),
            layer("TimeDistributed", layer=dense(5, "tanh"), trainable=False), layer("Bidirectional", layer=layer("GRU", units=3, return_sequences=True), trainable=False),
            layer("RNN", cell=layer("LSTMCell", units=4), trainable=False), dense(3, "softmax")]),
        sequential("steps_of_steps", [2, 3, 4, 5], [each(each(layer("Conv1D", filters=4, kernel_size=3, activation="tanh", **drawn))), each(each(layer("BatchNormalization", momentum=0.6))),
            each(each(layer("GRU", units=5, **drawn))), each(layer("SimpleRNN", units=4)), layer("LSTM", units=4), dense(3, "softmax")], batch=17),
        sequential("convolved_volumes", [3, 4, 5, 3, 2], [layer("ConvLSTM3D", filters=3, kernel_size=[2, 3, 2], padding="same", return_sequences=True, **drawn),
            layer("ConvLSTM3D", filters=2, kernel_size=[3, 2, 2], strides=[1, 2, 1], recurrent_activation="hard_sigmoid", **drawn), *classifier(3)], batch=17),
        sequential("convolved_volumes_of_channels", [2, 2, 7, 4, 5], [layer("ConvLSTM3D", filters=2, kernel_size=[2, 2, 3], strides=[3, 1, 2], padding="same", data_format="channels_first",
            return_sequences=True, go_backwards=True, **drawn), layer("ConvLSTM3D", filters=3, kernel_size=[2, 2, 1], dilation_rate=[2, 1, 1], data_format="channels_first", use_bias=False),
            *classifier(3)], batch=9),
        sequential("each_volume", [3, 4, 3, 5, 2], [each(layer("Conv3D", filters=3, kernel_size=2, strides=[3, 1, 2], padding="same", activation="tanh", **drawn)),
            each(layer("Conv3DTranspose", filters=2, kernel_size=[2, 1, 2], strides=[2, 1, 1], activation="tanh")), each(layer("Flatten")), layer("GRU", units=4), dense(3, "softmax")]),
        graph("states", [6, 3], None,
            ("lstm", ["input"], layer("LSTM", units=5, return_state=True, return_sequences=True, **drawn)), ("gru", ["input"], layer("GRU", units=4, return_state=True, **drawn)),
            ("next", ["lstm", "lstm:1", "lstm:2"], layer("LSTM", units=5)), ("both", ["lstm", "gru:1", "gru", "gru:1", "gru"], both("LSTM", units=4, return_state=True)),
            ("all", ["next", "both", "both:1", "both:4", "gru"], layer("Concatenate")), ("end", ["all"], dense(3, "softmax"))),
        graph("both_apart", [6, 3], None,
            ("apart", ["input"], both("GRU", units=4, merge_mode=None, return_state=True, return_sequences=True)),
            ("product", ["apart", "apart:1"], layer("Multiply")), ("last", ["product", "apart:2"], layer("GRU", units=4)), ("all", ["last", "apart:3"], layer("Concatenate")),
            ("end", ["all"], dense(3, "softmax"))),
    ]


def masks():
    drawn = {"bias_initializer": "random_uniform"}
    words = layer("Embedding", input_dim=4, output_dim=5, mask_zero=True)

    def each_step(*layers, **options):
        return [words, *layers, dense(3, "softmax")], {"rows": 4, "metrics": ["accuracy", "mse", "cosine_similarity", "root_mean_squared_error", "categorical_crossentropy"], **options}

    # On JAX Keras loses the mask of a training step's predictions on their way to the metrics.
    validated = {"validation": 13, "metrics_of_validation_alone": True}
    outputs, of_outputs = each_step(layer("Bidirectional", layer=layer("LSTM", units=4, return_sequences=True, **drawn)), layer("Dropout", rate=0.0), layer("LayerNormalization"),
                                    dense(5, "tanh"), layer("Activation", activation="relu"))
    summed, of_summed = each_step(layer("GRU", units=4, return_sequences=True, go_backwards=True, **drawn), loss=of("CategoricalCrossentropy", reduction="sum"), metrics=["mae"])
    return [
        sequential("masked_words", [7], [words, layer("LSTM", units=6, return_sequences=True, **drawn), layer("GRU", units=5, **drawn), dense(3, "softmax")], rows=4, batch=18,
            optimizer=of("Adam", learning_rate=0.02, epsilon=0.01)),
        sequential("masked_outputs", [8], outputs, **of_outputs, batch=19, **validated),
        sequential("masked_sums", [6], summed, **of_summed, **validated),
        sequential("masked_features", [9, 2], [layer("Masking", mask_value=1.0), layer("SimpleRNN", units=5, return_sequences=True, zero_output_for_mask=True, go_backwards=True, **drawn),
            layer("LSTM", units=4, zero_output_for_mask=True, **drawn), dense(3, "softmax")], rows=2, batch=21),
        sequential("masked_average", [8], [words, dense(6, "tanh"), layer("GlobalAveragePooling1D"), dense(3, "softmax")], rows=4),
        sequential("masked_normalization", [7], [words, layer("BatchNormalization"), layer("RNN", cell=layer("StackedRNNCells", cells=[layer("GRUCell", units=4), layer("LSTMCell", units=3)])),
            dense(3, "softmax")], rows=4, batch=18),
        sequential("masked_normalization_of_steps", [6], [words, layer("BatchNormalization", axis=1), layer("GRU", units=4), dense(3, "softmax")], rows=4, batch=18),
        sequential("masks_within_steps", [3, 4], [words, layer("TimeDistributed", layer=layer("LSTM", units=4, zero_output_for_mask=True, return_sequences=True, **drawn)),
            layer("TimeDistributed", layer=layer("GRU", units=5, **drawn)), layer("Flatten"), dense(3, "softmax")], rows=2, batch=17),
        sequential("masks_of_masks", [4, 3], [words, layer("TimeDistributed", layer=layer("Flatten")), layer("GRU", units=5, **drawn), dense(3, "softmax")], rows=2, batch=17),
        graph("masked_attention", [7], 4,
            ("words", ["input"], words), ("others", ["input"], words), ("heads", ["others", "others"], layer("MultiHeadAttention", num_heads=2, key_dim=3, **drawn)),
            ("added", ["words", "heads"], layer("Add")),
            ("seen", ["added", "words"], layer("Attention", use_scale=True)), ("summed", ["added", "words"], layer("AdditiveAttention")),
            ("all", ["seen", "summed"], layer("Concatenate")), ("mean", ["all"], layer("GlobalAveragePooling1D")), ("end", ["mean"], dense(3, "softmax"))),
        graph("masks_that_meet", [7], 4,
            ("a", ["input"], words), ("b", ["input"], layer("Embedding", input_dim=4, output_dim=5)), ("added", ["a", "b"], layer("Add")),
            ("beside", ["a", "b"], layer("Concatenate")), ("behind", ["b", "a"], layer("Concatenate", axis=1)), ("longer", ["beside", "beside"], layer("Concatenate", axis=1)),
            ("of_added", ["added"], layer("SimpleRNN", units=3)), ("of_behind", ["behind"], layer("GRU", units=4)), ("of_longer", ["longer"], layer("LSTM", units=4)),
            ("all", ["of_added", "of_behind", "of_longer"], layer("Concatenate")), ("end", ["all"], dense(3, "softmax"))),
    ]


def preprocessing():
    def resizing(height, width, interpolation="bilinear", **config):
        return layer("Resizing", height=height, width=width, interpolation=interpolation, **config)

    def tanh(filters=4):
        return conv(filters, 3, 1, activation="tanh")

    values = {"value_range": [-0.7, 0.9]}
    moves = {"interpolation": "bilinear"}
    return [
        sequential("resized", [7, 6, 2], [tanh(), resizing(10, 9), tanh(3), resizing(4, 13, "bicubic"), tanh(3), resizing(9, 5, "nearest"), *classifier(3)]),
        sequential("resized_windows", [9, 8, 2], [tanh(), resizing(5, 11, "lanczos3"), tanh(3), resizing(12, 4, "lanczos5"), *classifier(3)]),
        sequential("resized_smooth", [11, 8, 2], [tanh(), resizing(5, 9, "bilinear", antialias=True), tanh(3), resizing(3, 4, "bicubic", antialias=True), tanh(3),
            resizing(2, 3, "lanczos3", antialias=True), *classifier(3)]),
        sequential("resized_in_ratio", [11, 6, 2], [tanh(), resizing(5, 5, crop_to_aspect_ratio=True), tanh(3), resizing(4, 9, pad_to_aspect_ratio=True, fill_value=0.3), tanh(3),
            resizing(11, 4, "bicubic", pad_to_aspect_ratio=True), *classifier(3)]),
        sequential("upsampled", [4, 5, 2], [tanh(), layer("UpSampling2D", size=[2, 3], interpolation="bicubic"), tanh(3), layer("UpSampling2D", size=[1, 2], interpolation="lanczos3"),
            *classifier(3)]),
        # Where JAX multiplies by 1/7 the ends of windows are rounded up, and Keras gives NaN: sizes are such that it does not.
        sequential("adaptive_images", [11, 7, 2], [tanh(), layer("AdaptiveAveragePooling2D", output_size=[4, 3]), tanh(3), layer("AdaptiveAveragePooling2D", output_size=[6, 1]),
            tanh(3), layer("AdaptiveMaxPooling2D", output_size=[4, 1]),
            *classifier(3)]),
        sequential("adaptive_sequences", [13, 3], [layer("Conv1D", filters=4, kernel_size=3, activation="tanh"), layer("AdaptiveMaxPooling1D", output_size=8),
            layer("AdaptiveAveragePooling1D", output_size=4), *classifier(3)]),
        sequential("adaptive_volumes", [5, 6, 7, 2], [layer("Conv3D", filters=3, kernel_size=2, activation="tanh"), layer("AdaptiveAveragePooling3D", output_size=[2, 5, 4]),
            layer("AdaptiveMaxPooling3D", output_size=[2, 3, 3]), *classifier(3)]),
        sequential("adapted", [6, 5, 3], [layer("Identity"), layer("Normalization"), tanh(), layer("Normalization", axis=[1, 3], invert=True), tanh(3), layer("Normalization", axis=None),
            layer("Normalization", axis=-2), *classifier(3)]),
        sequential("scaled_by_numbers", [6, 5, 3], [layer("Normalization", mean=[0.1, -0.2, 0.3], variance=[0.5, 0.25, 2.0]), tanh(2),
            layer("Normalization", axis=[2, 3], mean=[[0.1, 0.2]] * 5, variance=[[0.5, 2.0]] * 5, invert=True),
            layer("Rescaling", scale=[0.5, 2.0], offset=[0.1, -0.1]), tanh(3), layer("Normalization", axis=None, mean=0.2, variance=0.5), layer("Rescaling", scale=0.5, offset=0.1),
            *classifier(3)]),
        sequential("bins", [6], [layer("Discretization", bin_boundaries=[-0.5, 0.1, 0.4], output_mode="one_hot"), layer("Flatten"), dense(3, "softmax")]),
        sequential("bin_numbers", [6], [layer("Discretization", bin_boundaries=[-0.5, 0.1, 0.4], output_mode="int"), layer("Embedding", input_dim=4, output_dim=5), layer("Flatten"),
            dense(3, "softmax")]),
        sequential("bins_of_rows", [4, 3], [layer("Discretization", bin_boundaries=[-0.5, 0.1, 0.4], output_mode="count"), dense(4, "tanh"),
            layer("Discretization", bin_boundaries=[0.0], output_mode="multi_hot"), layer("Flatten"), dense(3, "softmax")]),
        sequential("lit", [6, 5, 3], [tanh(3), layer("RandomBrightness", factor=[0.2, 0.2], **values), tanh(3), layer("RandomInvert", factor=[1.0, 1.0], **values), tanh(3), layer("RandomGrayscale", factor=1.0), *classifier(3)]),
        sequential("left_as_they_are", [6, 5, 3], [tanh(3), layer("RandomBrightness", factor=0.0, **values), layer("RandomContrast", factor=[0.0, 0.0], **values),
            layer("RandomInvert", factor=[0.0, 0.0]), layer("RandomGrayscale", factor=0.0), layer("RandomZoom", height_factor=0.0), *classifier(3)]),
        *[sequential("moved_" + fill, [6, 5, 2], [tanh(3), layer("RandomTranslation", height_factor=[0.25, 0.25], width_factor=[-0.9, -0.9], fill_mode=fill, fill_value=0.4, **moves),
            tanh(3), layer("RandomZoom", height_factor=[0.7, 0.7], width_factor=[-0.3, -0.3], fill_mode=fill, fill_value=-0.2, **moves), tanh(3),
            layer("RandomTranslation", height_factor=[-0.3, -0.3], width_factor=[0.5, 0.5], fill_mode=fill, interpolation="nearest"), *classifier(3)])
            for fill in ("reflect", "wrap", "constant", "nearest")],
        *[sequential("turned_" + fill, [7, 6, 2], [tanh(3), layer("RandomRotation", factor=[0.1, 0.1], fill_mode=fill, fill_value=0.4, **moves), tanh(3),
            layer("RandomRotation", factor=[-0.3, -0.3], fill_mode=fill, interpolation="nearest"), *classifier(3)])
            for fill in ("reflect", "wrap", "constant", "nearest")],
        sequential("windows_as_large", [5, 8, 2], [tanh(), layer("RandomCrop", height=7, width=6), tanh(3), layer("RandomCrop", height=9, width=6), tanh(3),
            layer("RandomCrop", height=4, width=9), tanh(3), layer("RandomCrop", height=4, width=5), *classifier(3)]),
        sequential("colors", [8, 7, 3], [tanh(3), layer("RandomSaturation", factor=[0.3, 0.3], value_range=[0, 1]), tanh(3), layer("RandomHue", factor=[1.0, 1.0], **values), tanh(3),
            layer("RandomColorDegeneration", factor=[0.4, 0.4], **values), *classifier(3)]),
        sequential("saturated", [6, 5, 3], [layer("RandomSaturation", factor=[0.7, 0.7], value_range=[-1, 2]), tanh(3), layer("RandomSaturation", factor=[-0.5, -0.5], **values), *classifier(3)]),
        sequential("jittered", [6, 5, 3], [tanh(3), layer("RandomColorJitter", brightness_factor=[0.1, 0.1], contrast_factor=[0.0, 0.0], saturation_factor=[0.4, 0.4], hue_factor=[1.0, 1.0],
            value_range=[0, 1]), tanh(3), layer("RandomColorJitter", brightness_factor=[-0.2, -0.2], **values), *classifier(3)]),
        sequential("of_few_values", [6, 5, 3], [layer("RandomPosterization", factor=[2, 2], **values), tanh(3), layer("Solarization", **values), tanh(3), layer("AutoContrast", **values),
            *classifier(3)]),
        sequential("sharpened", [8, 7, 3], [tanh(3), layer("RandomSharpness", factor=[0.8, 0.8], **values), layer("RandomSharpness", factor=[0.1, 0.1], **values),
            layer("RandomGaussianBlur", factor=[1.0, 1.0], kernel_size=[3, 5], sigma=[0.8, 0.8], **values), layer("RandomGaussianBlur", factor=[0.0, 0.0], sigma=[0.5, 0.5], value_range=[-0.5, 0.5]),
            *classifier(3)]),
        sequential("seen_as_they_are", [6, 5, 3], [tanh(3), layer("RandomErasing", factor=[1.0, 1.0], scale=[0.0, 0.0], fill_value=0.3), layer("RandomShear"),
            layer("RandomPerspective", factor=[1.0, 1.0], scale=0.0, fill_value=0.2), layer("RandomHue", factor=[0.0, 0.0], value_range=[-1, 1]), *classifier(3)]),
        sequential("erased", [6, 5, 3], [layer("RandomErasing", factor=[1.0, 1.0], scale=[1.0, 1.0], fill_value=0.3, **values), tanh(3), *classifier(3)]),
    ]


def spectrograms():
    def tanh(filters=2, **config):
        return layer("Conv1D", filters=filters, kernel_size=3, activation="tanh", **config)

    def spectrum(mode, **config):
        return layer("STFTSpectrogram", mode=mode, **config)

    def mel(**config):
        return [layer("MelSpectrogram", **{"fft_length": 16, "sequence_stride": 5, "sampling_rate": 8000, "num_mel_bins": 4, **config}), layer("Rescaling", scale=0.05)]

    # Logarithms and angles of small numbers make much of rounding.
    careful = {"optimizer": of("SGD", learning_rate=0.01), "steps": 4}
    return [
        sequential("logarithms", [23, 2], [tanh(), spectrum("log", frame_length=8), *classifier(3)], batch=17, **careful),
        sequential("magnitudes", [24, 1], [tanh(3), spectrum("magnitude", frame_length=6, frame_step=4, fft_length=9, expand_dims=True, window="hamming"), conv(4, 3, 1), *classifier(3)]),
        sequential("densities", [19, 2], [tanh(1), spectrum("psd", frame_length=5, frame_step=5, padding="same", scaling="spectrum"), *classifier(3)]),
        sequential("real_parts", [3, 20], [spectrum("real", frame_length=7, frame_step=3, data_format="channels_first", padding="same", window="blackman", periodic=True), tanh(), *classifier(3)]),
        sequential("imaginary_parts", [2, 20], [spectrum("imag", frame_length=7, frame_step=2, fft_length=8, data_format="channels_first", expand_dims=True, scaling=None), conv(3, 2, 1), *classifier(3)]),
        sequential("angles", [21, 2], [tanh(), spectrum("angle", frame_length=4, frame_step=1, padding="same", expand_dims=True), conv(3, 3, 2), *classifier(3)], batch=9, **careful),
        sequential("both_parts", [26, 2], [tanh(), spectrum("stft", frame_length=8, frame_step=6, window=None), spectrum("log", frame_length=3, frame_step=1, trainable=False), *classifier(3)], batch=17, **careful),
        # Keras cuts off below the largest of a batch, gradc below the largest of an image. What Keras's transform of a single one differentiates to is NaN at times.
        sequential("decibels", [40], [*mel(sequence_length=12, top_db=9.0, min_freq=200.0, ref_power=0.5), *classifier(3)], batch=1, **careful),
        sequential("decibels_of_batches", [40], [dense(37, "tanh"), *mel(top_db=200.0, min_freq=200.0, max_freq=3000, window="hamming"), *classifier(3)], batch=17, **careful),
        sequential("bands", [40], [dense(33, "tanh"), *mel(power_to_db=False, mag_exp=1.5, window=None, fft_length=15, sequence_stride=4), *classifier(3)], **careful),
    ]


def functional(name, input_shape, layers, **options):
    """Layers by name: each with the names of its inputs, and what it is called with besides. The input's is "input"."""
    spec = sequential(name, input_shape, [], sequential=False, **options)
    for own, (each, inputs, *arguments) in layers.items():
        spec["layers"].append({**each, "name": own, "inputs": inputs, "arguments": arguments[0] if arguments else {}})
    return spec


def attention():
    drawn, causal, scores = {"bias_initializer": "random_uniform"}, {"use_causal_mask": True}, {"return_attention_scores": True}

    def classified(layers, *parts):
        """Ends in classes that all these parts tell."""
        flat = {f"flat_{part}": (layer("Flatten"), [part]) for part in parts}
        joined = {"joined": (layer("Concatenate"), list(flat))} if len(parts) > 1 else {}
        return {**layers, **flat, **joined, "classes": (dense(3, "softmax"), [*(joined or flat)])}

    sequences = {name: (layer("Conv1D", filters=filters, kernel_size=size, activation="tanh", **drawn), ["input"])
                 for name, filters, size in (("q", 6, 1), ("v", 6, 3), ("k", 6, 3), ("w", 5, 3))}

    def heads(class_name, **config):
        return layer(class_name, **{**drawn, **config})

    return [
        functional("dot_of_vectors", [6], classified({
            "a": (dense(5, "tanh"), ["input"]), "b": (dense(5, "sigmoid"), ["input"]), "product": (layer("Dot", axes=1), ["a", "b"]),
            "cosine": (layer("Dot", axes=-1, normalize=True), ["a", "b"]), "c": (layer("Reshape", target_shape=[2, 3]), ["input"]), "d": (dense(3), ["input"]),
            "matrix": (layer("Dot", axes=[2, 1]), ["c", "d"]), "turned": (layer("Dot", axes=[-1, 2]), ["d", "c"])}, "product", "cosine", "matrix", "turned")),
        functional("dot_of_sequences", [5, 4], classified({
            "a": (layer("Conv1D", filters=3, kernel_size=2, activation="tanh"), ["input"]), "b": (layer("Conv1D", filters=7, kernel_size=2, activation="tanh"), ["input"]),
            "c": (layer("Conv1D", filters=4, kernel_size=3), ["input"]), "features": (layer("Dot", axes=1), ["a", "b"]), "steps": (layer("Dot", axes=[1, 2]), ["a", "c"]),
            "other": (layer("Dot", axes=[2, 1], normalize=True), ["c", "a"])}, "features", "steps", "other"), batch=18),
        functional("dot_of_images", [4, 3, 2], classified({
            "a": (conv(5, 2, 1), ["input"]), "b": (layer("Conv2D", filters=3, kernel_size=2), ["input"]), "c": (layer("Permute", dims=[2, 3, 1]), ["input"]),
            "d": (layer("Conv2D", filters=2, kernel_size=2), ["input"]), "channels": (layer("Dot", axes=3), ["input", "d"]),
            "rows": (layer("Dot", axes=[1, -1], normalize=True), ["a", "c"]), "columns": (layer("Dot", axes=[2, 3]), ["a", "b"])}, "channels", "rows", "columns")),
        functional("attention_of_products", [7, 5], classified({**sequences,
            "plain": (layer("Attention"), ["q", "v"]), "scaled": (layer("Attention", use_scale=True), ["q", "w", "k"]), "causal": (layer("Attention"), ["v", "v", "k"], causal),
            "late": (layer("Attention", use_scale=True), ["v", "q"], causal)}, "plain", "scaled", "causal", "late")),
        functional("attention_of_sums", [6, 5], classified({**sequences,
            "concat": (layer("Attention", score_mode="concat"), ["q", "v"]), "scaled": (layer("Attention", score_mode="concat", use_scale=True), ["q", "w", "k"], causal),
            "additive": (layer("AdditiveAttention"), ["q", "w", "k"]), "unscaled": (layer("AdditiveAttention", use_scale=False), ["v", "k"], causal)},
            "concat", "scaled", "additive", "unscaled"), batch=17),
        functional("heads", [7, 5], classified({**sequences,
            "self": (heads("MultiHeadAttention", num_heads=3, key_dim=4), ["q", "q"], causal),
            "cross": (heads("MultiHeadAttention", num_heads=2, key_dim=5, value_dim=5, output_shape=4), ["q", "w", "k"]),
            "gated": (heads("MultiHeadAttention", num_heads=1, key_dim=2, use_gate=True, sliding_window=2, use_bias=False), ["v", "k"]),
            "near": (heads("MultiHeadAttention", num_heads=2, key_dim=2, sliding_window=3, output_shape=[2, 3], kernel_constraint=of("MaxNorm", max_value=0.8)), ["q", "q"], causal)},
            "self", "cross", "gated", "near"), batch=18),
        functional("heads_penalized", [6, 4], classified({**sequences,
            "self": (heads("MultiHeadAttention", num_heads=2, key_dim=3, kernel_regularizer=of("L2", l2=0.05), bias_regularizer=of("L1", l1=0.02), activity_regularizer=of("L2", l2=0.01)), ["q", "v"]),
            "frozen": (heads("MultiHeadAttention", num_heads=2, key_dim=3, trainable=False), ["q", "v"])}, "self", "frozen")),
        functional("heads_of_images", [4, 3, 5], classified({
            "a": (conv(6, 2, 1), ["input"]), "b": (conv(6, 3, 1), ["input"]), "all": (heads("MultiHeadAttention", num_heads=2, key_dim=3, value_dim=4), ["a", "b"]),
            "rows": (heads("MultiHeadAttention", num_heads=2, key_dim=3, attention_axes=[1]), ["a", "b"]),
            "columns": (heads("MultiHeadAttention", num_heads=3, key_dim=2, attention_axes=2, use_gate=True), ["a", "b"])}, "all", "rows", "columns")),
        functional("grouped_heads", [6, 5], classified({**sequences,
            "self": (heads("GroupedQueryAttention", head_dim=3, num_query_heads=4, num_key_value_heads=2), ["q", "q"], causal),
            "cross": (heads("GroupedQueryAttention", head_dim=4, num_query_heads=3, num_key_value_heads=1, use_gate=True, sliding_window=4), ["q", "v", "k"])}, "self", "cross")),
        functional("masked_heads", [6, 6], classified({
            "mask": (layer("ReLU"), ["input"]), "x": (layer("Conv1D", filters=4, kernel_size=1), ["input"]),
            "masked": (heads("MultiHeadAttention", num_heads=2, key_dim=3), ["x", "x"], {"attention_mask": ["mask"]}),
            "causal": (heads("GroupedQueryAttention", head_dim=3, num_query_heads=2, num_key_value_heads=1), ["x", "x"], {"attention_mask": ["mask"], **causal})}, "masked", "causal")),
        functional("transformer", [9], {
            "table": (layer("Embedding", input_dim=11, output_dim=8), ["input"]), "attention": (heads("MultiHeadAttention", num_heads=2, key_dim=4, dropout=0.0), ["table", "table"], causal),
            "sum": (layer("Add"), ["table", "attention"]), "norm": (layer("LayerNormalization"), ["sum"]), "wide": (dense(16, "relu"), ["norm"]), "narrow": (dense(8), ["wide"]),
            "sum_2": (layer("Add"), ["norm", "narrow"]), "norm_2": (layer("LayerNormalization"), ["sum_2"]), "pooled": (layer("GlobalAveragePooling1D"), ["norm_2"]),
            "classes": (dense(3, "softmax"), ["pooled"])}, rows=11, batch=20),
        functional("shares", [6, 5], classified({**sequences,
            "products": (layer("Attention", use_scale=True), ["q", "w", "k"], {**causal, **scores}), "sums": (layer("AdditiveAttention"), ["v", "k"], scores),
            "heads": (heads("MultiHeadAttention", num_heads=2, key_dim=3), ["v", "w", "k"], scores),
            "groups": (heads("GroupedQueryAttention", head_dim=3, num_query_heads=4, num_key_value_heads=2), ["v", "q"], scores),
            "sharper": (layer("Activation", activation="tanh"), ["products:1"])}, "products", "sharper", "sums:1", "sums", "heads", "heads:1", "groups:1"), batch=17),
        sequential("einsum_dense", [4, 3, 5], [
            layer("EinsumDense", equation="abcd,dce->abe", output_shape=[4, 15], lora_rank=2, lora_alpha=3, bias_axes="e"), layer("Reshape", target_shape=[4, 3, 5]),
            layer("EinsumDense", equation="ab...,bc->ac...", output_shape=5, bias_axes="c", bias_initializer="random_uniform", kernel_constraint=of("MaxNorm", max_value=0.8)),
            layer("EinsumDense", equation="abcd,de->abce", output_shape=[5, 3, 6], bias_axes="e", activation="tanh", bias_initializer="random_uniform"),
            layer("EinsumDense", equation="abcd,ecbf->adfe", output_shape=[6, 2, 4], bias_axes="fe", bias_initializer="random_uniform"),
            layer("EinsumDense", equation="abcd,def->abcef", output_shape=[6, 2, 3, 2], bias_axes="e", activation="relu", kernel_regularizer=of("L2", l2=0.1)),
            layer("EinsumDense", equation="abcde,dfec->adbf", output_shape=[3, 6, 4]), layer("Reshape", target_shape=[18, 4]),
            layer("EinsumDense", equation="...d,def->...ef", output_shape=[3, 2], bias_axes="ef"), *classifier(3)]),
    ]


def ranks():
    def relu(class_name, **config):
        return layer(class_name, **{"activation": "relu", **config})

    def end(spatial):
        return [layer(f"GlobalAveragePooling{spatial}D"), layer("Dense", units=3, activation="softmax")]

    return [
        sequential("sequences", [37, 3], [relu("Conv1D", filters=8, kernel_size=5, strides=2, padding="same", bias_initializer="random_normal"),
            layer("BatchNormalization"), layer("MaxPooling1D", pool_size=3, strides=2, padding="same"), layer("ZeroPadding1D", padding=[2, 1]),
            relu("Conv1D", filters=12, kernel_size=3, groups=4), layer("AveragePooling1D", pool_size=2, padding="same"), *end(1)], batch=9),
        sequential("causal", [21, 4], [relu("Conv1D", filters=6, kernel_size=3, padding="causal", dilation_rate=4, activation="tanh"),
            relu("Conv1D", filters=17, kernel_size=4, padding="causal", strides=3), layer("GlobalMaxPooling1D", keepdims=True), *classifier(3)]),
        sequential("sequences_by_channel", [19, 6], [relu("DepthwiseConv1D", kernel_size=3, strides=2, padding="same", depth_multiplier=2),
            relu("SeparableConv1D", filters=9, kernel_size=4, padding="same", activation="elu"), relu("DepthwiseConv1D", kernel_size=2, padding="valid"), *end(1)], batch=18),
        sequential("longer_sequences", [7, 5], [relu("Conv1DTranspose", filters=8, kernel_size=4, strides=3, padding="same"),
            layer("Cropping1D", cropping=[1, 3]), layer("UpSampling1D", size=2), relu("Conv1DTranspose", filters=3, kernel_size=3, strides=2, output_padding=1),
            relu("Conv1D", filters=4, kernel_size=7, strides=4), *classifier(3)], batch=16),
        sequential("volumes", [6, 7, 8, 2], [relu("Conv3D", filters=8, kernel_size=[2, 3, 3], strides=[1, 2, 2], padding="same", bias_initializer="random_normal"),
            layer("BatchNormalization"), layer("MaxPooling3D", pool_size=[2, 2, 1], padding="same"), layer("ZeroPadding3D", padding=[[1, 0], [0, 1], [1, 1]]),
            relu("Conv3D", filters=6, kernel_size=2, groups=2), layer("AveragePooling3D", pool_size=[1, 2, 2]), *end(3)], batch=9),
        sequential("larger_volumes", [3, 4, 3, 4], [relu("Conv3DTranspose", filters=5, kernel_size=[2, 3, 3], strides=[2, 1, 2], padding="same"),
            layer("Cropping3D", cropping=[[1, 0], [0, 1], [1, 1]]), layer("UpSampling3D", size=[1, 2, 2]), relu("Conv3D", filters=4, kernel_size=3, dilation_rate=2, activation="tanh", padding="same"),
            layer("GlobalMaxPooling3D", keepdims=True), *classifier(3)], batch=17),
    ]


def dense(units, activation=None, **config):
    return layer("Dense", units=units, activation=activation, **config)


def activations():
    """The activations of Keras by name, seven in a row, each behind a layer that keeps numbers near the kinks."""
    names = ["celu", "elu", "exponential", "gelu", "hard_shrink", "hard_sigmoid", "hard_silu", "hard_swish", "hard_tanh", "leaky_relu", "linear",
             "log_sigmoid", "log_softmax", "mish", "relu", "relu6", "selu", "sigmoid", "silu", "soft_shrink", "softmax", "softplus", "softsign", "sparse_plus",
             "sparse_sigmoid", "squareplus", "swish", "tanh", "tanh_shrink"]
    def chain(name, some):
        return sequential(name, [5], [each for some_name in some for each in (dense(9), layer("Activation", activation=some_name))] + [dense(4, "softmax")])

    return [chain(f"activations_{first}", names[first:first + 7]) for first in range(0, len(names), 7)]


def of(class_name, **config):
    return {"class_name": class_name, "config": config}


def losses():
    """A model for each loss. Validation ends with a batch that is smaller, and so do sums over a batch."""
    def spec(name, activation, loss, labels, units=4, input_shape=(6,), **options):
        layers = [dense(7, "tanh"), dense(units, activation)]
        return sequential(name, list(input_shape), layers, loss=loss, labels=labels, metrics=[], batch=11, steps=3, validation=15, **options)

    positions = (3, 6)
    return [
        spec("mean_absolute_percentage_error", "linear", of("MeanAbsolutePercentageError"), "positive", optimizer=of("SGD", learning_rate=1e-3)),
        spec("mean_squared_logarithmic_error", "linear", of("MeanSquaredLogarithmicError"), "positive"),
        spec("huber", "linear", of("Huber"), "values"),  # Keras does not save its delta
        spec("log_cosh", "linear", "log_cosh", "values"),
        spec("hinge_of_0_and_1", "linear", of("Hinge"), "binary", input_shape=positions),
        spec("hinge_of_signs", "linear", of("Hinge"), "signs"),
        spec("squared_hinge", "linear", "squared_hinge", "binary"),
        spec("categorical_hinge", "linear", of("CategoricalHinge"), "one_hot", input_shape=positions),
        spec("kl_divergence", "softmax", of("KLDivergence", reduction="sum"), "positive", input_shape=positions),
        spec("kl_divergence_of_zeros", "softmax", "kl_divergence", "one_hot"),
        spec("poisson", "softplus", of("Poisson"), "positive"),
        spec("cosine_similarity", "linear", of("CosineSimilarity"), "values", input_shape=positions),
        spec("binary_focal", "sigmoid", of("BinaryFocalCrossentropy", gamma=1.5, label_smoothing=0.1), "binary"),
        spec("binary_focal_logits", "linear", of("BinaryFocalCrossentropy", apply_class_balancing=True, alpha=0.3, from_logits=True), "binary"),
        spec("categorical_focal", "softmax", of("CategoricalFocalCrossentropy", label_smoothing=0.2), "one_hot", input_shape=positions),
        spec("categorical_focal_logits", "linear", of("CategoricalFocalCrossentropy", alpha=0.6, gamma=3, from_logits=True), "one_hot"),
        spec("generalized_cross_entropy", "softmax", of("CategoricalGeneralizedCrossEntropy", q=0.7), "numbers"),
        spec("ignored_class", "softmax", of("SparseCategoricalCrossentropy", ignore_class=2), "classes"),
        spec("ignored_class_of_positions", "linear", of("SparseCategoricalCrossentropy", ignore_class=0, from_logits=True), "classes", input_shape=positions),
        spec("ignored_class_in_a_sum", "softmax", of("SparseCategoricalCrossentropy", ignore_class=1, reduction="sum"), "classes", input_shape=positions),
        spec("dice", "sigmoid", of("Dice"), "binary", input_shape=positions),
        spec("tversky", "sigmoid", of("Tversky", alpha=0.3, beta=0.8, reduction="sum"), "binary"),
    ]


def metrics():
    def spec(name, layers, loss, labels, metrics, **options):
        return sequential(name, options.pop("input_shape", [6]), [dense(7, "tanh"), *layers], loss=loss, labels=labels, metrics=metrics,
                          batch=options.pop("batch", 11), steps=3, validation=options.pop("validation", 15), **options)

    softmax = [dense(5, "softmax")]
    counts = [of(name, thresholds=0.4) for name in ("TruePositives", "TrueNegatives", "FalsePositives", "FalseNegatives")]
    return [
        spec("curves", [dense(3, "sigmoid")], "binary_crossentropy", "binary", [
            *counts, of("AUC"), of("AUC", name="auc_1", curve="PR", num_thresholds=20), of("AUC", name="auc_2", curve="PR", summation_method="minoring"),
            of("AUC", name="auc_3", curve="PRGAIN"), of("AUC", name="auc_4", summation_method="majoring", num_thresholds=7),
            of("PrecisionAtRecall", recall=0.5), of("RecallAtPrecision", precision=0.6, num_thresholds=30),
            of("SensitivityAtSpecificity", specificity=0.5), of("SpecificityAtSensitivity", sensitivity=0.3, class_id=1)]),
        spec("curves_of_labels", [dense(4)], of("BinaryCrossentropy", from_logits=True), "binary",
             [of("AUC", multi_label=True, from_logits=True), of("AUC", name="auc_1", multi_label=True, from_logits=True, curve="PR")]),
        spec("f_scores", [dense(5, "softmax")], "categorical_crossentropy", "one_hot",
             [of("F1Score", average="macro"), of("F1Score", name="f1Score_1", average="micro"), of("FBetaScore", name="fBetaScore", average="weighted", beta=2.0, threshold=0.2)]),
        spec("overlaps_of_one_hot", softmax, "categorical_crossentropy", "one_hot",
             [of("OneHotIoU", name="oneHotIoU", num_classes=5, target_class_ids=[0, 3]), of("OneHotMeanIoU", name="oneHotMeanIoU", num_classes=5)], input_shape=[4, 6]),
        spec("overlaps_of_classes", [dense(5, "softmax")], "sparse_categorical_crossentropy", "classes",
             [of("MeanIoU", name="meanIoU", num_classes=5, sparse_y_pred=False), of("IoU", name="iou", num_classes=5, target_class_ids=[1, 2], ignore_class=2, sparse_y_pred=False)],
             input_shape=[3, 6]),
        spec("among_the_largest", [dense(5, "softmax")], "categorical_crossentropy", "one_hot",
             [of("Precision", name="precision", top_k=2), of("Recall", name="recall", top_k=3), of("Recall", name="recall_1", top_k=2, class_id=1),
              of("Precision", name="precision_1", top_k=3, thresholds=0.2)], input_shape=[3, 6]),
        spec("overlaps_of_numbers", [dense(3, "sigmoid")], "binary_crossentropy", "binary",
             [of("BinaryIoU", name="binaryIoU", threshold=0.45), of("BinaryIoU", name="binaryIoU_1", target_class_ids=[1]), of("MeanIoU", name="meanIoU", num_classes=2)]),
        spec("regression", [dense(4)], "mean_squared_error", "values",
             [of("R2Score"), of("R2Score", name="r2Score_1", class_aggregation="variance_weighted_average"),
              of("PearsonCorrelation"), of("ConcordanceCorrelation"), of("CosineSimilarity"), of("LogCoshError"), of("RootMeanSquaredError"), of("MeanAbsolutePercentageError")]),
    ]


def embeddings():
    def table(rows, features, **config):
        return layer("Embedding", input_dim=rows, output_dim=features, **config)

    def same_as(name):
        return {"class_name": "ReversibleEmbedding", "config": {}, "same_as": name}

    def conv1d(filters, kernel, **config):
        return layer("Conv1D", filters=filters, kernel_size=kernel, **{"activation": "tanh", **config})

    return [
        sequential("embedding_flat", [7], [table(23, 16), *classifier(4)], rows=23, batch=19),
        sequential("embedding_averaged", [12], [table(9, 5), layer("GlobalAveragePooling1D"), layer("Dense", units=3, activation="softmax")], rows=9,
                   optimizer=of("Adam", learning_rate=0.05, epsilon=1e-2)),
        sequential("embedding_convolved", [11], [table(40, 32, embeddings_regularizer=of("L2", l2=0.05)), conv1d(6, 3), conv1d(4, 2), *classifier(3)], rows=40,
                   optimizer=of("SGD", learning_rate=0.1, momentum=0.8, nesterov=True)),
        sequential("embedding_of_numbers", [], [table(6, 8, activity_regularizer=of("L1", l1=0.01)), layer("Dense", units=3, activation="softmax")], rows=6),
        sequential("embedding_of_tables", [3, 4], [table(15, 6, embeddings_constraint=of("MaxNorm", max_value=0.5, axis=1)), layer("Reshape", target_shape=[3, 24]),
                   layer("Dense", units=5, activation="relu"), *classifier(4)], rows=15),
        sequential("embedding_low_rank", [5], [table(8, 6, lora_rank=2, lora_alpha=3), *classifier(3)], rows=8),
        sequential("embedding_of_a_spectral_norm", [5], [layer("SpectralNormalization", layer=table(8, 6)), layer("GlobalAveragePooling1D"), dense(3, "softmax")], rows=8),
        functional("embedding_and_back", [7], {
            "words": (layer("ReversibleEmbedding", input_dim=9, output_dim=6, logit_soft_cap=2.0, mask_zero=True, embeddings_regularizer=of("L2", l2=0.02)), ["input"]),
            "steps": (layer("GRU", units=6, return_sequences=True), ["words"]), "logits": (same_as("words"), ["steps"], {"reverse": True}), "next": (layer("Softmax"), ["logits"])},
            rows=9, loss="sparse_categorical_crossentropy", labels="classes", metrics=[]),
        functional("embedding_and_another_way_back", [4], {
            "words": (layer("ReversibleEmbedding", input_dim=9, output_dim=6, tie_weights=False), ["input"]), "steps": (dense(6, "tanh"), ["words"]),
            "logits": (same_as("words"), ["steps"], {"reverse": True}), "next": (layer("Softmax"), ["logits"])}, rows=9),
        sequential("embedding_frozen", [5], [table(8, 6, trainable=False), *classifier(3)], rows=8),
    ]


def training():
    def spec(name, outputs, optimizer, loss, labels, metrics, **options):
        layers = options.pop("layers", [dense(7, "tanh"), *outputs])
        return sequential(name, options.pop("input_shape", [6]), layers, loss=loss, labels=labels, metrics=metrics, optimizer=optimizer, batch=11,
                          steps=4, validation=options.pop("validation", 15), **options)

    softmax = [dense(7, "softmax")]
    return [
        spec("adamw_clipnorm_label_smoothing", softmax, of("AdamW", learning_rate=0.05, weight_decay=0.1, clipnorm=0.1, epsilon=1e-3),
             of("CategoricalCrossentropy", label_smoothing=0.3), "one_hot",
             ["accuracy", of("TopKCategoricalAccuracy", k=2), of("Precision", thresholds=0.2), of("Recall", thresholds=0.2)]),
        spec("rmsprop_sparse_logits", [dense(7)], of("RMSprop", learning_rate=0.01, rho=0.8, momentum=0.3, centered=True),
             of("SparseCategoricalCrossentropy", from_logits=True), "classes", ["accuracy", of("SparseTopKCategoricalAccuracy", k=3)]),
        spec("adagrad_binary_logits", [dense(3)], of("Adagrad", learning_rate=0.2, clipvalue=0.05),
             of("BinaryCrossentropy", from_logits=True, label_smoothing=0.2), "binary",
             [of("BinaryAccuracy", threshold=0.1), of("Precision"), of("Recall", class_id=1)]),
        spec("adamax_sum_over_positions", [], of("Adamax", learning_rate=0.01, weight_decay=0.2), of("CategoricalCrossentropy", reduction="sum"),
             "one_hot", ["accuracy", "categorical_crossentropy"], input_shape=[4, 6], layers=softmax, validation=11),
        spec("adadelta_regression", [dense(2)], of("Adadelta", learning_rate=1.0, rho=0.7, global_clipnorm=0.5), of("MeanSquaredError"), "values",
             [of("RootMeanSquaredError"), of("MeanAbsoluteError"), "mse"], loss_weights=0.5),
        spec("nadam_regularized", [], of("Nadam", learning_rate=0.02), "binary_crossentropy", "binary", [of("Recall", thresholds=[0.4])], input_shape=[5, 5, 3],
             layers=[conv(4, 3, 1, activation="tanh", kernel_regularizer=of("L1L2", l1=0.01, l2=0.02), activity_regularizer=of("L2", l2=0.01)),
                     layer("BatchNormalization", gamma_regularizer=of("L2", l2=0.1)), layer("SeparableConv2D", filters=3, kernel_size=2, depthwise_regularizer=of("L1", l1=0.03), pointwise_regularizer=of("L2", l2=0.1)),
                     layer("Flatten"), dense(2, "sigmoid", bias_regularizer=of("L2", l2=0.5), kernel_regularizer=of("L1", l1=0.01))]),
        spec("amsgrad_frozen", softmax, of("Adam", learning_rate=0.05, amsgrad=True, epsilon=1e-2), "categorical_crossentropy", "one_hot", ["accuracy"],
             layers=[dense(7, "tanh", kernel_regularizer=of("L2", l2=0.1), trainable=False), *softmax]),
        spec("low_rank", [], of("SGD", learning_rate=0.1), "mean_squared_error", "values", ["mae"], input_shape=[6, 5, 4],
             layers=[conv(6, 3, 2, activation="tanh", lora_rank=2, lora_alpha=3, kernel_regularizer=of("L2", l2=0.1)), conv(4, 2, 1, groups=2, lora_rank=3),
                     dense(5, "tanh", lora_rank=1, lora_alpha=2), layer("Flatten"), dense(3, lora_rank=4, use_bias=False)]),
        spec("renormalized", [], of("SGD", learning_rate=0.1), "mean_squared_error", "values", ["mae"], input_shape=[4, 3, 3],
             layers=[conv(5, 2, 1), layer("BatchNormalization", momentum=0.7, renorm=True, renorm_momentum=0.6, renorm_clipping={"rmin": 0.8, "rmax": 1.2, "dmax": 0.3}),
                     layer("Flatten"), layer("BatchNormalization", momentum=0.8, renorm=True, renorm_momentum=0.9, scale=False), dense(3)]),
        spec("constrained", [], of("SGD", learning_rate=0.3, momentum=0.5), "categorical_crossentropy", "one_hot", [], input_shape=[6, 5, 3],
             layers=[conv(7, 3, 2, activation="tanh", kernel_constraint=of("MaxNorm", max_value=0.7, axis=[0, 1, 2]), bias_constraint=of("NonNeg")),
                     layer("SeparableConv2D", filters=5, kernel_size=2, depthwise_constraint=of("MinMaxNorm", min_value=0.4, max_value=0.8, rate=0.7), pointwise_constraint=of("UnitNorm", axis=2)),
                     layer("BatchNormalization", gamma_constraint=of("NonNeg")), layer("Flatten"), dense(4, "tanh", kernel_constraint=of("UnitNorm")),
                     dense(6, "tanh", kernel_constraint=of("MaxNorm", max_value=0.5), trainable=False), dense(4, "softmax", kernel_constraint=of("MaxNorm", max_value=0.5, axis=1))]),
        spec("lion", softmax, of("Lion", learning_rate=0.01, beta_1=0.8, weight_decay=0.1), "categorical_crossentropy", "one_hot", []),
        spec("lamb", softmax, of("Lamb", learning_rate=0.01, beta_2=0.9), "categorical_crossentropy", "one_hot", []),
        spec("ftrl", softmax, of("Ftrl", learning_rate=0.1, learning_rate_power=-0.7, l1_regularization_strength=0.01, l2_regularization_strength=0.02,
             l2_shrinkage_regularization_strength=0.03, beta=0.1), "categorical_crossentropy", "one_hot", []),
        spec("nesterov", softmax, of("SGD", learning_rate=0.1, momentum=0.8, nesterov=True), "categorical_crossentropy", "one_hot", [of("Accuracy")]),
    ]


def class_weights():
    weights = {"class_weights": {0: 2.5, 2: 0.3}, "rows": 5, "batch": 18}

    def ending(name, *last, **options):
        return sequential(name, [6], [dense(7, "tanh"), *last], **weights, **options)

    return [
        ending("weights_of_rows", dense(4, "softmax")),
        ending("weights_of_numbers", dense(4, "softmax"), loss="sparse_categorical_crossentropy", labels="classes"),
        ending("weights_of_binaries", dense(1, "sigmoid"), loss="binary_crossentropy", labels="binary"),
        ending("weights_in_a_sum", dense(3, "softmax"), loss=of("CategoricalCrossentropy", reduction="sum", label_smoothing=0.1)),
        ending("weights_in_metrics", dense(4, "softmax"), weighted_metrics=["mse", "categorical_accuracy"]),
        ending("weights_of_values", dense(3), loss="mean_squared_error", labels="one_hot"),
    ]


def sample_weights():
    def weighted(name, input_shape, layers, shape=(), **options):
        return sequential(name, input_shape, layers, sample_weights=list(shape), batch=9, validation=14, **options)

    softmax, sequence = [dense(7, "tanh"), dense(4, "softmax")], [layer("SimpleRNN", units=5, return_sequences=True), dense(3, "softmax")]
    return [
        weighted("of_samples", [6], softmax),
        weighted("of_samples_in_a_column", [6], softmax, [1], loss="sparse_categorical_crossentropy", labels="classes"),
        weighted("of_samples_with_steps", [5, 4], sequence, [1]),
        weighted("of_steps", [5, 4], sequence, [5], loss="sparse_categorical_crossentropy", labels="classes"),
        weighted("of_steps_that_are_masked", [5, 4], [layer("Masking", mask_value=0.0), *sequence], [5]),
        weighted("of_pixels", [4, 3, 2], [conv(3, 3, 1, padding="same", activation="tanh"), conv(2, 1, 1)], [4, 3], loss="mean_squared_error", labels="values"),
        weighted("in_metrics", [6], softmax, metrics=["accuracy", "mse"], weighted_metrics=["mse", "cosine_similarity", "categorical_crossentropy", "root_mean_squared_error",
            of("Precision", name="precision", thresholds=0.3), of("TruePositives", name="true_positives"), of("TopKCategoricalAccuracy", name="top_k_categorical_accuracy", k=2)]),
        weighted("in_metrics_of_steps", [5, 4], sequence, [5], metrics=[], weighted_metrics=["accuracy", "mae", of("Recall", name="recall", thresholds=0.3)]),
        weighted("in_metrics_of_masked_steps", [5, 4], [layer("Masking", mask_value=0.0), *sequence], [5], metrics=[], weighted_metrics=["accuracy", "mae"], metrics_of_validation_alone=True),
        weighted("in_metrics_of_pixels", [4, 3, 2], [conv(3, 3, 1, padding="same", activation="tanh"), conv(2, 1, 1)], [4, 3], loss="mean_squared_error", labels="values", metrics=[],
            weighted_metrics=["mae", "root_mean_squared_error"]),
        weighted("in_a_sum", [6], [dense(3)], loss=of("MeanAbsoluteError", reduction="sum"), labels="values"),
    ]


def updates():
    """Schedules of the learning rate, gradients of several batches, moving averages of weights, and optimizers with rules of their own."""
    def spec(name, optimizer, layers=None, steps=7, **options):
        return sequential(name, options.pop("input_shape", [6]), layers or [dense(7, "tanh"), dense(5, "softmax")], optimizer=optimizer, metrics=[],
                          loss="categorical_crossentropy", labels="one_hot", batch=6, steps=steps, validation=12, **options)

    def rate(class_name, **config):
        return of(class_name, initial_learning_rate=0.1, **config)

    normalized = [dense(7, "tanh", kernel_constraint=of("MinMaxNorm", min_value=0.4, max_value=0.8, rate=0.7)), layer("BatchNormalization", momentum=0.8),
                  dense(5, "softmax", kernel_constraint=of("MaxNorm", max_value=0.5))]
    image = {"input_shape": [6, 5, 3], "layers": [conv(4, 3, 1, activation="tanh"), layer("SeparableConv2D", filters=5, kernel_size=2), layer("Flatten"), dense(4, "tanh"), dense(5, "softmax")]}
    orthogonal = [dense(7, "tanh", kernel_regularizer=of("OrthogonalRegularizer", factor=0.3)),
                  dense(5, "softmax", kernel_regularizer=of("OrthogonalRegularizer", factor=0.2, mode="columns"))]
    return [
        spec("schedule_exponential", of("Adam", learning_rate=rate("ExponentialDecay", decay_steps=3, decay_rate=0.6), epsilon=1e-2)),
        spec("schedule_piecewise", of("SGD", learning_rate=of("PiecewiseConstantDecay", boundaries=[2, 5], values=[0.2, 0.1, 0.3]), momentum=0.8)),
        spec("schedule_polynomial", of("RMSprop", learning_rate=rate("PolynomialDecay", decay_steps=4, power=0.5, cycle=True), epsilon=1e-2)),
        spec("schedule_inverse_time", of("Adagrad", learning_rate=rate("InverseTimeDecay", decay_steps=3, decay_rate=0.7, staircase=True))),
        spec("schedule_cosine", of("AdamW", learning_rate=rate("CosineDecay", decay_steps=12, alpha=0.1, warmup_target=0.2, warmup_steps=4), weight_decay=0.1, epsilon=1e-2)),
        spec("schedule_restarts", of("SGD", learning_rate=rate("CosineDecayRestarts", first_decay_steps=3, m_mul=0.7), momentum=0.6, nesterov=True)),
        spec("accumulated_sgd", of("SGD", learning_rate=0.2, momentum=0.7, gradient_accumulation_steps=2, clipnorm=0.3)),
        spec("accumulated_adam", of("Adam", learning_rate=rate("ExponentialDecay", decay_steps=4, decay_rate=0.5), epsilon=1e-2, weight_decay=0.1, gradient_accumulation_steps=3), normalized),
        spec("accumulated_nadam", of("Nadam", learning_rate=0.05, epsilon=1e-2, gradient_accumulation_steps=2)),
        spec("average_at_the_end", of("SGD", learning_rate=0.3, use_ema=True, ema_momentum=0.8), normalized),
        spec("average_each_three_updates", of("Adam", learning_rate=0.05, epsilon=1e-2, use_ema=True, ema_momentum=0.7, ema_overwrite_frequency=3), normalized),
        spec("average_of_accumulated", of("SGD", learning_rate=0.3, use_ema=True, ema_momentum=0.7, ema_overwrite_frequency=2, gradient_accumulation_steps=2), normalized),
        spec("adafactor", of("Adafactor", learning_rate=0.05, weight_decay=0.1), **image),
        spec("adafactor_scheduled", of("Adafactor", learning_rate=rate("CosineDecay", decay_steps=9), beta_2_decay=-0.6, clip_threshold=0.5, epsilon_2=0.1, relative_step=False, gradient_accumulation_steps=2)),
        spec("muon", of("Muon", learning_rate=0.05, epsilon=1e-2, adam_weight_decay=0.2, weight_decay=0.1, momentum=0.8), **image),
        spec("muon_excluding", of("Muon", learning_rate=0.05, epsilon=1e-2, exclude_layers=["layer_1"], nesterov=False, rms_rate=None, ns_steps=3, adam_lr_ratio=0.5, weight_decay=None, gradient_accumulation_steps=2)),
        spec("orthogonal", of("SGD", learning_rate=0.3), orthogonal),
        spec("loss_scaled", of("LossScaleOptimizer", inner_optimizer=of("Adam", learning_rate=0.05, epsilon=1e-2))),
    ]


SPECS = {"preprocessing": preprocessing, "spectrograms": spectrograms, "attention": attention, "class_weights": class_weights, "masks": masks, "sample_weights": sample_weights, "strided": strided, "layers": options_of_layers, "normalizations": normalizations, "ranks": ranks, "recurrent": recurrent, "activations": activations, "losses": losses, "metrics": metrics, "training": training, "embeddings": embeddings, "updates": updates}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("kind", choices=list(SPECS))
    parser.add_argument("--out", type=pathlib.Path, required=True)
    arguments = parser.parse_args()
    arguments.out.write_text(json.dumps(SPECS[arguments.kind]()))


if __name__ == "__main__":
    main()
