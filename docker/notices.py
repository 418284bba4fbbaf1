"""Writes licence notices to standard output: ``notices.py python ROOT`` or ``page FRONTEND``.

``python``: every package under any ``site-packages`` of ROOT, with the licence texts and
third-party notices that its wheel carries. ``page``: the npm packages that the built page may hold.
"""

import json
import sys
from importlib.metadata import distributions
from pathlib import Path

NAMED = ("licen", "copying", "notice", "authors", "third-party", "thirdparty")
CODE = {".py", ".pyc", ".pyi", ".so", ".h", ".hpp", ".c", ".js", ".json", ".svg", ".png"}
NO_TEXT = "The package carries no licence text."
RULE = "\n\n" + "=" * 80 + "\n\n"


def is_notice(path):
    """Return whether a package's file is a licence, a notice or a list of authors."""
    path = Path(path)
    in_metadata = ".dist-info/licen" in path.as_posix().lower()
    named = any(word in path.name.lower() for word in NAMED)
    return path.suffix.lower() not in CODE and (in_metadata or named)


def licence(metadata):
    """Return the licence's name from a package's metadata, which have three places for it."""
    name = metadata.get("License-Expression") or (metadata.get("License") or "").split("\n")[0]
    kinds = [kind for kind in metadata.get_all("Classifier", ()) if kind.startswith("License ::")]
    return name or ", ".join(kind.rpartition(":: ")[2] for kind in kinds) or "see its text"


def block(title, name, source, texts):
    """Return one package's part of the notices."""
    head = [title, f"Licence: {name}"]
    if source:
        head.append(f"Source: {source}")
    return "\n\n".join(["\n".join(head), *(texts or [NO_TEXT])])


def python_notices(root):
    """Yield one block of text a package under any ``site-packages`` of ``root``."""
    folders = sorted({str(path) for path in Path(root).glob("**/site-packages")})
    seen = set()
    for package in sorted(distributions(path=folders), key=lambda d: d.name.lower()):
        if (package.name, package.version) in seen:
            continue
        seen.add((package.name, package.version))
        about = package.metadata
        files = sorted({Path(f.locate()) for f in package.files or () if is_notice(f)})
        texts = dict.fromkeys(f.read_text("utf-8", "replace").strip() for f in files if f.is_file())
        addresses = [url.partition(",")[2].strip() for url in about.get_all("Project-URL", ())]
        source = about.get("Home-page") or next(iter(addresses), "")
        yield block(f"{package.name} {package.version}", licence(about), source, list(texts))


def page_notices(frontend):
    """Yield one block of text an npm package that is not for development only."""
    lock = json.loads((Path(frontend) / "package-lock.json").read_text("utf-8"))
    for path, package in lock["packages"].items():
        if not path or package.get("dev"):
            continue
        folder = Path(frontend) / path
        files = sorted(f for f in folder.glob("*") if f.is_file() and is_notice(f))
        texts = dict.fromkeys(f.read_text("utf-8", "replace").strip() for f in files)
        title = f"{path.rpartition('node_modules/')[2]} {package.get('version', '')} (page)"
        yield block(title, package.get("license", "see its text"), source_of(folder), list(texts))


def source_of(folder):
    """Return where an npm package says that its source is, or an empty string."""
    try:
        about = json.loads((folder / "package.json").read_text("utf-8"))
    except OSError:
        return ""  # an optional package of another platform, which npm left out
    repository = about.get("repository") or {}
    address = repository if isinstance(repository, str) else repository.get("url", "")
    return about.get("homepage") or address


if __name__ == "__main__":
    parts = {"python": python_notices, "page": page_notices}
    blocks = parts[sys.argv[1]](sys.argv[2])
    sys.stdout.write("".join(text + RULE for text in blocks))
