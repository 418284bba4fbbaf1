"""``python -m modelport_api.cli`` is ``modelport``."""

from __future__ import annotations

from modelport_api.cli import main

main()
