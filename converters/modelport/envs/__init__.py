"""Environments: builds the interpreter and the pinned packages that a plugin runs in.

The builder is the one part of the house that uses the network; it never runs in a job.
"""

from modelport.envs.bill import MEDIA_TYPE, bill_of, packages_of
from modelport.envs.interpreter import find_python
from modelport.envs.progress import News
from modelport.envs.shelf import Envs
from modelport.envs.status import BROKEN, BUILDING, MISSING, READY, Status

__all__ = [
    "BROKEN",
    "BUILDING",
    "MEDIA_TYPE",
    "MISSING",
    "READY",
    "Envs",
    "News",
    "Status",
    "bill_of",
    "find_python",
    "packages_of",
]
