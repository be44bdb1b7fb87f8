"""A training step in PyTorch: eager and torch.compile, each with both memory formats where there are images."""

import os

os.environ["KERAS_BACKEND"] = "torch"  # Keras reads the model, of which each layer becomes a module of PyTorch's.

import torch
import torch.nn.functional as F

import model
import timing

options = timing.arguments()
torch.set_num_threads(options.threads)
torch.set_num_interop_threads(1)
read = model.read(options.model)

ACTIVATIONS = {"linear": lambda x: x, "relu": F.relu, "gelu": F.gelu, "sigmoid": torch.sigmoid, "tanh": torch.tanh}

def place(tensor):
    """The name under which a net keeps what a layer of the Keras model makes."""
    layer = tensor._keras_history.operation
    return "input" if type(layer).__name__ == "InputLayer" else layer.name



class Pad(torch.nn.Module):
    def __init__(self, sides, fill):
        super().__init__()
        self.sides, self.fill = sides, fill

    def forward(self, x):
        return F.pad(x, self.sides, value=self.fill)


class Call(torch.nn.Module):
    """A function as a module."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, *x):
        return self.function(*x)


class Recurrent(torch.nn.Module):
    def __init__(self, kind, features, units, return_sequences):
        super().__init__()
        self.net, self.return_sequences = kind(features, units, batch_first=True), return_sequences

    def forward(self, x):
        every, _ = self.net(x)
        return every if self.return_sequences else every[:, -1]


class Attention(torch.nn.Module):
    def __init__(self, features, heads, size):
        super().__init__()
        self.heads = heads
        self.query, self.key, self.value = (torch.nn.Linear(features, heads * size) for _ in range(3))
        self.out = torch.nn.Linear(heads * size, features)

    def forward(self, query, value):
        def of_heads(x):
            return x.unflatten(-1, (self.heads, -1)).transpose(1, 2)

        made = F.scaled_dot_product_attention(of_heads(self.query(query)), of_heads(self.key(value)), of_heads(self.value(value)))
        return self.out(made.transpose(1, 2).flatten(2))


def windowed(layer, size, window, make, fill=0.0):
    """A convolution or pooling, with a Pad before it where PyTorch's own padding is not TensorFlow's."""
    dilation = getattr(layer, "dilation_rate", None) or (1,) * len(window)
    pads = model.padding(layer.padding, size, window, layer.strides, dilation)
    if all(before == after for before, after in pads):
        return make([before for before, _ in pads])
    return torch.nn.Sequential(Pad([side for pad in reversed(pads) for side in pad], fill), make([0] * len(pads)))


def module_of(layer, sparse):
    kind = type(layer).__name__
    inputs = layer.input if isinstance(layer.input, (list, tuple)) else [layer.input]
    shape = inputs[0].shape
    size, features = shape[1:-1], shape[-1]
    nn = torch.nn
    if kind in ("Conv1D", "Conv2D"):
        conv = nn.Conv1d if kind == "Conv1D" else nn.Conv2d
        made = windowed(layer, size, layer.kernel_size, lambda pads: conv(features, layer.filters, layer.kernel_size, layer.strides, pads,
                                                                          layer.dilation_rate, layer.groups, layer.use_bias))
        return made if kind == "Conv2D" else nn.Sequential(Call(lambda x: x.transpose(1, 2)), made, Call(lambda x: x.transpose(1, 2)))
    if kind == "DepthwiseConv2D":
        return windowed(layer, size, layer.kernel_size, lambda pads: nn.Conv2d(features, features * layer.depth_multiplier, layer.kernel_size,
                                                                               layer.strides, pads, layer.dilation_rate, features, layer.use_bias))
    if kind == "Conv2DTranspose" and layer.kernel_size == layer.strides:
        return nn.ConvTranspose2d(features, layer.filters, layer.kernel_size, layer.strides, bias=layer.use_bias)
    if kind == "MaxPooling2D":
        return windowed(layer, size, layer.pool_size, lambda pads: nn.MaxPool2d(layer.pool_size, layer.strides, pads), float("-inf"))
    if kind == "Dense":
        return nn.Linear(features, layer.units, layer.use_bias)
    if kind == "Embedding":
        return nn.Embedding(layer.input_dim, layer.output_dim, sparse=sparse)
    if kind in ("LSTM", "GRU"):
        return Recurrent(getattr(nn, kind), features, layer.units, layer.return_sequences)
    if kind == "MultiHeadAttention":
        return Attention(features, layer.num_heads, layer.key_dim)
    if kind == "BatchNormalization":
        return nn.BatchNorm2d(features, layer.epsilon, 1 - layer.momentum)
    if kind == "LayerNormalization":
        return nn.LayerNorm(features, layer.epsilon)
    if kind == "ReLU" and layer.max_value in (None, 6):
        return nn.ReLU6() if layer.max_value else nn.ReLU()
    functions = {
        "Activation": lambda x: x,
        "Add": lambda x, y: x + y,
        "Concatenate": lambda x, y: torch.cat((x, y), 1),
        "Flatten": lambda x: x.flatten(1),
        "GlobalAveragePooling1D": lambda x: x.mean(1),
        "GlobalAveragePooling2D": lambda x: x.mean((2, 3)),
        "GlobalMaxPooling1D": lambda x: x.amax(1),
    }
    if kind not in functions:
        raise SystemExit(f"{options.model}: layer {layer.name}: {kind} is not compared")
    return Call(functions[kind])


class Net(torch.nn.Module):
    def __init__(self, sparse):
        super().__init__()
        self.calls, self.layers = [], torch.nn.ModuleDict()
        for layer in read.net.layers:
            if type(layer).__name__ == "InputLayer":
                continue
            inputs = layer.input if isinstance(layer.input, (list, tuple)) else [layer.input]
            activation = getattr(getattr(layer, "activation", None), "__name__", "linear")
            if type(layer).__name__ in ("LSTM", "GRU"):
                activation = "linear"  # Its module has one already.
            key = layer.name.replace(".", "_")
            self.layers[key] = module_of(layer, sparse)
            self.calls.append((key, [place(x) for x in inputs], layer.name, ACTIVATIONS[activation]))

    def forward(self, x):
        values = {"input": x}
        for key, inputs, output, activation in self.calls:
            values[output] = activation(self.layers[key](*[values[each] for each in inputs]))
        return values[place(read.net.outputs[0])]


def loss_of(logits, y):
    if read.loss == "binary_crossentropy":
        return F.binary_cross_entropy_with_logits(logits, y)
    return F.cross_entropy(logits, y)


def make(compiled, memory_format, sparse=False):
    def factory():
        torch._dynamo.reset()
        x, y = (torch.from_numpy(each) for each in timing.batch_of(read, options.batch_size))
        net = Net(sparse)
        if x.dim() == 4:
            x = x.permute(0, 3, 1, 2).contiguous(memory_format=memory_format)
            net = net.to(memory_format=memory_format)
        if y.dim() == 4:
            y = y.permute(0, 3, 1, 2).contiguous(memory_format=memory_format)
        run = torch.compile(net) if compiled else net
        optimizer = torch.optim.SGD(net.parameters(), lr=read.rate)

        def step():
            optimizer.zero_grad(set_to_none=True)
            loss = loss_of(run(x), y)
            loss.backward()
            optimizer.step()
            return loss.item()

        return step

    return factory


formats = {"": torch.contiguous_format}
if len(read.net.inputs[0].shape) == 4:
    formats[", channels_last"] = torch.channels_last
modes = {}
for label, memory_format in formats.items():
    modes["eager" + label] = make(False, memory_format)
    modes["torch.compile" + label] = make(True, memory_format)
if any(type(layer).__name__ == "Embedding" for layer in read.net.layers):
    modes["eager, sparse"] = make(False, torch.contiguous_format, sparse=True)
timing.measure("PyTorch", torch.__version__.split("+")[0], modes, options.seconds)
