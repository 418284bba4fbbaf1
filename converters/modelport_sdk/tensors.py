"""Named tensors in a file: the one format in which inputs and outputs travel.

An ``.npz`` whose member ``names`` is the JSON list of names (UTF-8 bytes) and whose
members ``0``, ``1``, ... are the arrays in that order. Names stay out of the archive's
own directory since models call their tensors ``file``, ``a/b`` or ``../x``.

NumPy is imported inside the functions: this package itself needs the standard library
only, and every environment that has a runtime has NumPy.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Dict, Mapping


def save(path: Path, tensors: Mapping[str, Any]) -> None:
    """Write ``tensors`` (name to array, any order kept) to ``path``.

    Raises:
        TypeError: An array holds Python objects; strings must be of NumPy's ``U`` kind.
    """
    import numpy as np

    names = json.dumps(list(tensors)).encode("utf-8")
    arrays = {str(index): np.asarray(value) for index, value in enumerate(tensors.values())}
    for name, array in zip(tensors, arrays.values()):
        if array.dtype.hasobject:
            raise TypeError("tensor %r holds Python objects" % name)
    with path.open("wb") as stream:
        members: Dict[str, Any] = {"names": np.frombuffer(names, np.uint8)}
        members.update(arrays)
        np.savez(stream, **members)


def load(path: Path) -> Dict[str, Any]:
    """Return the tensors of a file that ``save`` wrote, in their order.

    Raises:
        ValueError: The file is not of this form; nothing in it is ever unpickled.
    """
    import numpy as np

    with np.load(str(path), allow_pickle=False) as archive:
        return named(archive)


def named(members: Mapping[str, Any]) -> Dict[str, Any]:
    """Return the tensors by name, of an archive's arrays by member.

    Raises:
        ValueError: They are not of this form.
    """
    try:
        names = json.loads(members["names"].tobytes().decode("utf-8"))
        return {str(name): members[str(index)] for index, name in enumerate(names)}
    except (LookupError, TypeError, RecursionError) as exc:
        raise ValueError("no tensor names in the archive") from exc
