"""Finds the one model in a folder: which format, which file names it, which belong to it."""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

from modelport.errors import AmbiguousFormat, CorruptModel, UnknownFormat
from modelport.intake import zipped
from modelport.intake.archive import first
from modelport.intake.looks import LFS, advice, census, look
from modelport.intake.naming import shown
from modelport.model import Artifact
from modelport_sdk import Format, Head

SURE = 0.5  # a signature was seen; below it, only the suffix speaks for the format
MEMBERS = 2**16
MOST = 256  # files that may be models; one model has its weights in some dozens
WIDE = {"*", "**"}  # "anything beside it": ONNX external data may have any name
CHUNK = 2**20


@dataclass(frozen=True)
class Candidate:
    """A file that may name a model, the format that says so, and how sure it is."""

    file: str
    format: Format
    score: float

    @property
    def named(self) -> bool:
        """Whether the file is called as the format's main files are."""
        return fits(self.file, (self.format.main,))


def head(path: Path) -> Head:
    """Return as much of ``path`` as detection may look at.

    Raises:
        CorruptModel: It begins as a zip archive and is none.
    """
    start = first(path)
    names: tuple[str, ...] = ()
    if start.startswith(zipped.MAGIC):
        names = tuple(entry.name for entry in zipped.entries(path)[:MEMBERS])
    return Head(path.name.lower(), start, names, path.stat().st_size)


def fits(file: str, globs: Iterable[str]) -> bool:
    """Return whether ``file`` (relative) matches one of ``globs``, whatever the case."""
    path = file.lower()
    name = path.rpartition("/")[2]
    return any(fnmatchcase(name, one.lower()) or fnmatchcase(path, one.lower()) for one in globs)


def identify(folder: Path, formats: Iterable[Format], *, source: str = "") -> Artifact:
    """Return the one model in ``folder``, its digest over names and contents computed.

    A main file whose suffix is another format's is renamed: the tools go by the suffix.

    Raises:
        UnknownFormat: No format recognises a file; says what the upload looks like.
        AmbiguousFormat: Two models, or two formats for one file.
        CorruptModel: A file that belongs to the model is missing, or is a Git LFS pointer.
    """
    known = {one.id: one for one in formats}
    if source and source not in known:
        raise UnknownFormat(
            f"there is no format called {shown(source)}", hint=f"Known formats: {_words(known)}."
        )
    files = sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())
    if not files:
        raise UnknownFormat("the upload holds no file", hint="Send a model file.")
    asked = [known[source]] if source else list(known.values())
    looks: dict[str, str] = {}
    found: list[Candidate] = []
    for file in files:  # one head at a time: 64 KiB each, of a hundred thousand files
        seen = _head(folder / file)
        looks[file] = look(seen)
        found += [Candidate(file, one, score) for one in asked if (score := one.match(seen)) > 0]
    best = _chosen(found, sure=not source)
    if best is None:
        raise _unknown(looks, found, list(known.values()), source)
    main = _renamed(folder, best)
    files = [main if file == best.file else file for file in files]
    mine = _parts(dataclasses.replace(best, file=main), files)
    _whole(folder, mine)
    if first(folder / main).startswith(zipped.MAGIC):
        zipped.check(folder / main)
    return Artifact(best.format.id, folder, main, mine, digest(folder, mine))


def _head(path: Path) -> Head:
    try:
        return head(path)
    except CorruptModel:
        return Head(path.name.lower(), first(path), (), path.stat().st_size)


def _chosen(found: Sequence[Candidate], *, sure: bool) -> Candidate | None:
    """Return the candidate that stands when all claimed files are taken out."""
    strong = [one for one in found if one.score >= SURE]
    if not strong and not sure:
        strong = list(found)
    best: dict[str, list[Candidate]] = {}
    for one in strong:
        rivals = best.setdefault(one.file, [one])
        if one.score > rivals[0].score:
            best[one.file] = [one]
        elif one.score == rivals[0].score and one not in rivals:
            rivals.append(one)
    if len(best) > MOST:  # each is compared with all others
        raise AmbiguousFormat(
            f"the upload holds more than {MOST} files that may be models",
            hint="Send one model at a time.",
        )
    free = (rivals for rivals in best.values() if not _claimed(rivals[0], best.values()))
    mains = list(itertools.islice(free, 2))
    if not mains:
        return None
    if len(mains) > 1:
        left, right = mains[0][0], mains[1][0]
        raise AmbiguousFormat(
            f"the upload holds more than one model: {shown(left.file)} ({left.format.title}) "
            f"and {shown(right.file)} ({right.format.title})",
            hint="Send one model at a time, or name the format that you mean.",
        )
    return _only(mains[0])


def _only(rivals: Sequence[Candidate]) -> Candidate:
    """Return the rival whose main files are called so, if it is one only."""
    named = [one for one in rivals if one.named] or rivals
    if len(named) > 1:
        titles = " and ".join(one.format.title for one in named[:2])
        raise AmbiguousFormat(
            f"{shown(named[0].file)} may be {titles}",
            hint=f"Name its format: {' or '.join(one.format.id for one in named)}.",
        )
    return named[0]


def _claimed(one: Candidate, others: Iterable[Sequence[Candidate]]) -> bool:
    """Return whether the file is a part of another's model rather than a model itself."""
    if fits(one.file, set(one.format.parts) - WIDE) and not one.named:
        return True
    for rivals in others:
        for other in rivals:
            if other.file == one.file or not _beside(other.file, one.file):
                continue
            globs = set(other.format.parts) | set(other.format.needs)
            if fits(one.file, globs - WIDE) and not (one.named and one.format == other.format):
                return True
            if globs & WIDE and other.named and not one.named:
                return True
    return False


def _beside(main: str, file: str) -> bool:
    folder = main.rpartition("/")[0]
    return not folder or file.startswith(folder + "/")


def _parts(best: Candidate, files: Sequence[str]) -> tuple[str, ...]:
    """Return the main file and those that belong to it.

    Raises:
        CorruptModel: None of those that it needs is there.
    """
    near = [file for file in files if file != best.file and _beside(best.file, file)]
    needed = [file for file in near if fits(file, best.format.needs)]
    if best.format.needs and not needed:
        stem, wanted = PurePosixPath(best.file).stem, best.format.needs[0]
        partner = wanted.replace("*", stem)
        raise CorruptModel(
            f"the {wanted.lstrip('*')} file that belongs to {shown(best.file)} is missing",
            hint=f"Send both files together: {best.file} and {partner}.",
        )
    globs = (*best.format.parts, *best.format.needs)
    mine = {file for file in near if fits(file, globs)}
    return (best.file, *sorted(mine))


def _renamed(folder: Path, best: Candidate) -> str:
    suffix = best.format.main.removeprefix("*")
    if best.named or not suffix.startswith(".") or set(suffix) & set("*?["):
        return best.file
    name = PurePosixPath(best.file).with_suffix(suffix).as_posix()
    if (folder / name).exists():
        return best.file
    (folder / best.file).replace(folder / name)
    return name


def _whole(folder: Path, files: Sequence[str]) -> None:
    for file in files:
        if first(folder / file).startswith(LFS):
            raise CorruptModel(
                f"{shown(file)} is a Git LFS pointer instead of the file it stands for",
                hint=advice("a Git LFS pointer"),
            )


def digest(folder: Path, files: Iterable[str]) -> str:
    """Return the SHA-256 over names and contents, whatever the order of ``files``."""
    total = hashlib.sha256()
    for file in sorted(files):
        with (folder / file).open("rb") as stream:
            content = hashlib.file_digest(stream, "sha256").hexdigest()
        total.update(f"{len(file.encode())}:{file}\n{content}\n".encode())
    return total.hexdigest()


def _unknown(
    looks: dict[str, str], found: Sequence[Candidate], formats: Sequence[Format], source: str
) -> UnknownFormat:
    name = next(iter(looks)) if len(looks) == 1 else "the upload"
    subject = shown(name) if len(looks) == 1 else name
    hints = [advice(one) for one in dict.fromkeys(looks.values())]
    weak = [one.format.title for one in found]
    lone = [one for one in formats if fits(name, one.needs) and not weak]
    hint = next((one for one in hints if one), "")
    if not hint and lone:
        also = " or ".join(f"its {one.main} ({one.title})" for one in lone)
        hint = f"If these are the weights of a model, send {also} together with it."
    if not hint:
        hint = f"Send a model in one of these formats: {_words(one.title for one in formats)}."
    wanted = f"{source} model" if source else "model that we know"
    verb = "is" if len(looks) == 1 else "holds"
    ending = f"; its name suggests {_words(weak)}" if weak and not source else ""
    return UnknownFormat(
        f"{subject} {verb} no {wanted}: it looks like {census(list(looks.values()))}{ending}",
        hint=hint,
    )


def _words(names: Iterable[str]) -> str:
    return ", ".join(dict.fromkeys(names))
