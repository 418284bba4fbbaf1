"""The core: what a conversion is. Never imports a framework."""

from __future__ import annotations

__version__ = "0.1.0"
