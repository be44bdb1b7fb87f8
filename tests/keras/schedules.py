"""The learning rates that Keras 3's schedules give.

    schedules.py OUT.json

OUT.json is a list of {"schedule": as Keras writes it, "rates": of each step from the first}.
"""
import json
import os
import pathlib
import sys

os.environ.update(KERAS_BACKEND="numpy")

from keras.optimizers import schedules

STEPS = 64
ALL = [
    schedules.ExponentialDecay(0.3, 7, 0.8),
    schedules.ExponentialDecay(0.3, 7, 0.5, staircase=True),
    schedules.ExponentialDecay(0.01, 3, 1.1, staircase=True),
    schedules.PiecewiseConstantDecay([3, 10, 11], [0.5, 0.25, 0.125, 0.3]),
    schedules.PiecewiseConstantDecay([0], [0.5, 0.25]),
    schedules.PolynomialDecay(0.2, 29),
    schedules.PolynomialDecay(0.2, 13, end_learning_rate=0.01, power=0.5),
    schedules.PolynomialDecay(0.2, 13, end_learning_rate=0.01, power=2.5, cycle=True),
    schedules.PolynomialDecay(0.01, 21, end_learning_rate=0.3, power=2.0),
    schedules.InverseTimeDecay(0.4, 11, 0.7),
    schedules.InverseTimeDecay(0.4, 11, 0.7, staircase=True),
    schedules.CosineDecay(0.1, 37),
    schedules.CosineDecay(0.1, 20, alpha=0.2),
    schedules.CosineDecay(0.01, 23, alpha=0.1, warmup_target=0.2, warmup_steps=9),
    schedules.CosineDecay(0.01, 23, warmup_target=0.2),
    schedules.CosineDecayRestarts(0.1, 9),
    schedules.CosineDecayRestarts(0.1, 6, t_mul=1.0, m_mul=0.8, alpha=0.1),
    schedules.CosineDecayRestarts(0.1, 7, t_mul=1.6, m_mul=0.9),
    schedules.CosineDecayRestarts(0.1, 1, t_mul=3.0),
]

pathlib.Path(sys.argv[1]).write_text(json.dumps(
    [{"schedule": schedules.serialize(each), "rates": [float(each(step)) for step in range(STEPS)]} for each in ALL]))
