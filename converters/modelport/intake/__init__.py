"""The room that receives an upload: gathers its files, unpacks them, finds the one model.

Nothing here loads a model; it reads names, sizes, the first 64 KiB and zip directories.
"""

from __future__ import annotations

from modelport.intake.budget import Limits
from modelport.intake.company import companions
from modelport.intake.detection import SURE, digest, head, identify
from modelport.intake.gathering import gather
from modelport.intake.naming import safe

__all__ = ["SURE", "Limits", "companions", "digest", "gather", "head", "identify", "safe"]
