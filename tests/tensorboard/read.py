"""Trains with --tensorboard and reads the events as TensorBoard does:    python read.py GRADC SOURCE_FOLDER"""
import json
import os
import subprocess
import sys
import tempfile

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

gradc, source = sys.argv[1:]
with tempfile.TemporaryDirectory() as folder:
    log, events = os.path.join(folder, "log.jsonl"), os.path.join(folder, "events")
    model = os.path.join(source, "examples/mnist/model.json")
    subprocess.run([gradc, "train", model, "--epochs", "2", "--steps", "1000", "--log", log, "--tensorboard", events, "-q"],
                   check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    steps = [json.loads(line) for line in open(log)]
    train = EventAccumulator(os.path.join(events, "train"), size_guidance={"scalars": 0, "histograms": 0})
    validation = EventAccumulator(os.path.join(events, "validation"))
    train.Reload()
    validation.Reload()
    tags = train.Tags()
    assert sorted(tags["scalars"]) == ["batch_acc", "batch_loss", "epoch_acc", "epoch_loss"], tags["scalars"]
    loss = train.Scalars("batch_loss")
    assert [event.step for event in loss] == list(range(1, 1001)), len(loss)
    assert all(abs(event.value - step["loss"]) <= 1e-6 * abs(step["loss"]) for event, step in zip(loss, steps))
    assert all(later.wall_time >= earlier.wall_time for earlier, later in zip(loss, loss[1:]))
    assert [event.step for event in validation.Scalars("epoch_acc")] == [0]  # the second epoch was cut short
    assert 0.9 < validation.Scalars("epoch_acc")[0].value < 1
    kernel = train.Histograms("dense_Dense1/kernel")
    assert kernel[0].step == 0 and kernel[-1].step == 1000, [event.step for event in kernel]
    for event in kernel:
        value = event.histogram_value
        assert value.num == 2560 and sum(value.bucket) == 2560, value
        assert abs(value.bucket_limit[-1] - value.max) < 1e-6 and value.min < 0 < value.max
    assert train.Histograms("gradient/dense_Dense1/kernel"), tags["histograms"]
    print(f"{len(loss)} steps, {len(tags['histograms'])} arrays with {len(kernel)} histograms each")
