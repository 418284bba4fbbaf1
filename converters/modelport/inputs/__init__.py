"""Makes the inputs on which source and result are compared: shapes, then values.

``ladder`` proposes shapes where the model leaves them open, ``probes`` are what to try
them with, ``neighbours`` proposes further points, ``battery`` makes the cases, ``ulp``
moves a case by one unit in the last place. Nothing here runs a model.
"""

from modelport.inputs.battery import battery, probes
from modelport.inputs.draw import ulp
from modelport.inputs.given import named
from modelport.inputs.size import BYTES, TOO_LARGE, drawable, ladder, neighbours, roomy

__all__ = [
    "BYTES",
    "TOO_LARGE",
    "battery",
    "drawable",
    "ladder",
    "named",
    "neighbours",
    "probes",
    "roomy",
    "ulp",
]
