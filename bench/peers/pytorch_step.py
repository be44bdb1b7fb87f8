"""A training step in PyTorch: eager and torch.compile, each with both memory formats."""

import torch
import torch.nn.functional as F

import model
import timing

options = timing.arguments()
torch.set_num_threads(options.threads)
torch.set_num_interop_threads(1)
layers, rate = model.load(options.model)


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        shapes = {layer.name: layer.shape for layer in layers}
        self.modules_by_layer = torch.nn.ModuleDict()
        self.pads = {}
        for layer in layers[1:]:
            config, before = layer.config, shapes[layer.inputs[0]]
            key = layer.name.replace(".", "_")
            if layer.kind in ("Conv2D", "MaxPooling2D"):
                window, strides, dilation = model.window_of(layer)
                (top, bottom), (left, right) = model.padding(config, before, window, strides, dilation)
                even = top == bottom and left == right
                own = (top, left) if even and layer.kind == "Conv2D" else (0, 0)
                if own != (top, left) or not even:
                    self.pads[key] = (left, right, top, bottom)
            if layer.kind == "Conv2D":
                made = torch.nn.Conv2d(before[2], config["filters"], window, strides, own, dilation, bias=config["use_bias"])
            elif layer.kind == "Dense":
                made = torch.nn.Linear(before[0], config["units"], bias=config["use_bias"])
            elif layer.kind == "MaxPooling2D":
                made = torch.nn.MaxPool2d(window, strides)
            elif layer.kind == "BatchNormalization":
                made = torch.nn.BatchNorm2d(before[-1], eps=config["epsilon"], momentum=1 - config["momentum"])
            else:
                continue
            self.modules_by_layer[key] = made

    def forward(self, x):
        values = {layers[0].name: x}
        for layer in layers[1:]:
            key = layer.name.replace(".", "_")
            value = values[layer.inputs[0]]
            if layer.kind == "Add":
                value = value + values[layer.inputs[1]]
            elif layer.kind == "Flatten":
                value = value.flatten(1)
            elif layer.kind == "GlobalAveragePooling2D":
                value = value.mean((2, 3))
            elif layer.kind != "Activation":
                if key in self.pads:
                    fill = float("-inf") if layer.kind == "MaxPooling2D" else 0.0
                    value = F.pad(value, self.pads[key], value=fill)
                value = self.modules_by_layer[key](value)
            activation = layer.config.get("activation", "linear")
            if activation == "relu":
                value = F.relu(value)
            elif activation != "linear":
                raise SystemExit(f"activation {activation} is not compared")
            values[layer.name] = value
        return values[layers[-1].name]


def make(compiled, memory_format):
    def factory():
        torch._dynamo.reset()
        images, labels = (torch.from_numpy(each) for each in timing.batch_of(layers, options.batch_size))
        net = Net()
        if images.dim() == 4:
            images = images.permute(0, 3, 1, 2).contiguous(memory_format=memory_format)
            net = net.to(memory_format=memory_format)
        run = torch.compile(net) if compiled else net
        optimizer = torch.optim.SGD(net.parameters(), lr=rate)

        def step():
            optimizer.zero_grad(set_to_none=True)
            loss = F.cross_entropy(run(images), labels)
            loss.backward()
            optimizer.step()
            return loss.item()

        return step

    return factory


formats = {"": torch.contiguous_format}
if len(layers[0].shape) == 3:
    formats[", channels_last"] = torch.channels_last
modes = {}
for label, memory_format in formats.items():
    modes["eager" + label] = make(False, memory_format)
    modes["torch.compile" + label] = make(True, memory_format)
timing.measure("PyTorch", torch.__version__.split("+")[0], modes, options.seconds)
