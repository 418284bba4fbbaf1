"""Checks the weights themselves, beside the outputs: a third of small faults never shows there.

``match`` finds each tensor of the source among the target's; ``search`` looks for its
bytes in the target's files, where nothing reads the target's tensors.
"""

from modelport.weigh.match import Suspect, WeightMatch, match
from modelport.weigh.search import ByteSearch, search

__all__ = ["ByteSearch", "Suspect", "WeightMatch", "match", "search"]
