"""Writes the licence notices of everything in the image: ``notices.py ROOT PACKAGE_LOCK OUT``.

Python packages with their licence texts, as their wheels carry them, and the page's npm
packages by name and licence, as the lock file has them.
"""

import json
import sys
from importlib.metadata import distributions
from pathlib import Path

WORDS = ("licen", "copying", "notice", "authors")


def python_notices(root):
    """Yield one block of text a package under any site-packages of ``root``."""
    folders = sorted({str(p) for p in Path(root).glob("**/site-packages")})
    seen = set()
    for package in sorted(distributions(path=folders), key=lambda d: d.name.lower()):
        if (package.name, package.version) in seen:
            continue
        seen.add((package.name, package.version))
        about = package.metadata
        licence = about.get("License-Expression") or about.get("License") or "see its text"
        lines = [f"{package.name} {package.version}", f"Licence: {licence.splitlines()[0]}"]
        for file in package.files or ():
            if any(word in file.name.lower() for word in WORDS) and file.suffix in {
                "",
                ".txt",
                ".md",
            }:
                path = Path(file.locate())
                if path.is_file():
                    lines += ["", path.read_text("utf-8", "replace").strip()]
        yield "\n".join(lines)


def page_notices(lock):
    """Yield one line a package that the built page holds."""
    for path, package in json.loads(Path(lock).read_text("utf-8"))["packages"].items():
        if path and not package.get("dev"):
            name = path.rpartition("node_modules/")[2]
            yield f"{name} {package.get('version', '')}: {package.get('license', 'unknown')}"


if __name__ == "__main__":
    rule = "\n\n" + "=" * 80 + "\n\n"
    text = rule.join(python_notices(sys.argv[1]))
    text += rule + "The page\n\n" + "\n".join(page_notices(sys.argv[2])) + "\n"
    Path(sys.argv[3]).write_text(text, "utf-8")
