"""The sandbox: runs one program on one job folder, and lets it reach nothing else.

docs/sandbox.md says what each layer blocks, and what none does.
"""

from modelport.sandbox.call import Answer, Call, Jail, call, prepare
from modelport.sandbox.delivery import collect, held
from modelport.sandbox.ending import Ending
from modelport.sandbox.launcher import launch
from modelport.sandbox.layers import Layers, layers, summary, sweep
from modelport.sandbox.limits import Limits, default_limits
from modelport.sandbox.printout import printout
from modelport.sandbox.workplace import workplace

__all__ = [
    "Answer",
    "Call",
    "Ending",
    "Jail",
    "Layers",
    "Limits",
    "call",
    "collect",
    "default_limits",
    "held",
    "launch",
    "layers",
    "prepare",
    "printout",
    "summary",
    "sweep",
    "workplace",
]
