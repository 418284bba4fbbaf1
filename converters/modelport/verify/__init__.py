"""Compares what the source says with what the result says, and gives the verdict.

``floor`` measures the source's own noise, ``judge`` holds the result against it,
``sensitive`` and ``faults`` find out whether a pass would mean anything, ``to_target``
and ``to_source`` translate between the two models' names and layouts. Arrays in, values
out: nothing here runs a model or touches a disk.
"""

from modelport.verify.guard import Guards, SelfTest, faults, sensitive
from modelport.verify.noise import Floor, floor
from modelport.verify.port import misfit, to_source, to_target
from modelport.verify.rule import quantised
from modelport.verify.verdict import judge

__all__ = [
    "Floor",
    "Guards",
    "SelfTest",
    "faults",
    "floor",
    "judge",
    "misfit",
    "quantised",
    "sensitive",
    "to_source",
    "to_target",
]
