"""Reads what we need of an ``.mnn`` file, a flatbuffer without an identifier.

Source: alibaba/MNN, ``schema/default/MNN.fbs`` (tables Net, SubGraphProto and Op), and the
flatbuffers binary format: a table begins with the distance to its vtable, the vtable holds
its own length, the table's length, and the place of each field or 0.
"""

from __future__ import annotations

import itertools
import struct
from collections.abc import Iterator

# Fields of table Net, by place in the schema.
NET = {"bizCode": 0, "extraInfo": 2, "oplists": 3, "tensorName": 7, "subgraphs": 10, "uuid": 11}
SUBGRAPH_NODES = 4
OP_TYPE = 5
# Operators, counted over all lists: several tables may name one list again and again.
MOST = 1_000_000
# Net has 12 fields since MNN 2; room for those to come.
MOST_FIELDS = 24


class Malformed(ValueError):
    """The bytes are no such flatbuffer."""


def number(data: bytes, form: str, at: int) -> int:
    """Return the number of struct form ``form`` at ``at``.

    Raises:
        Malformed: It lies outside of ``data``.
    """
    if at < 0 or at + struct.calcsize(form) > len(data):
        raise Malformed("outside of the data")
    return int(struct.unpack_from(form, data, at)[0])


def root(data: bytes) -> int:
    """Return where the root table is."""
    return number(data, "<I", 0)


def field(data: bytes, table: int, index: int) -> int:
    """Return where field ``index`` of a table is; 0 if it is absent.

    Raises:
        Malformed: There is no table.
    """
    vtable = table - number(data, "<i", table)
    length = number(data, "<H", vtable)
    if length < 4 or length % 2 or length > 4 + 2 * MOST_FIELDS:
        raise Malformed("no vtable")
    place = 4 + 2 * index
    offset = number(data, "<H", vtable + place) if place < length else 0
    return table + offset if offset else 0


def target(data: bytes, at: int) -> int:
    """Return where the offset stored at ``at`` points to."""
    return at + number(data, "<I", at)


def text(data: bytes, at: int) -> str:
    """Return the string that the offset at ``at`` points to."""
    start = target(data, at)
    length = number(data, "<I", start)
    if length > len(data):
        raise Malformed("a string longer than the file")
    return data[start + 4 : start + 4 + length].decode("utf-8", "replace")


def tables(data: bytes, at: int) -> Iterator[int]:
    """Yield where each table of the vector is that the offset at ``at`` points to."""
    start = target(data, at)
    for index in range(number(data, "<I", start)):
        yield target(data, start + 4 + 4 * index)


def op_types(data: bytes) -> Iterator[int]:
    """Yield the type number of every operator, those in subgraphs too.

    Raises:
        Malformed: The file is damaged.
    """
    net = root(data)
    lists = [field(data, net, NET["oplists"])]
    graphs = field(data, net, NET["subgraphs"])
    if graphs:
        inner = itertools.islice(tables(data, graphs), MOST)
        lists += [field(data, graph, SUBGRAPH_NODES) for graph in inner]
    count = 0
    for ops in filter(None, lists):
        for op in tables(data, ops):
            count += 1
            if count > MOST:
                raise Malformed("more operators than any model has")
            at = field(data, op, OP_TYPE)
            yield number(data, "<i", at) if at else 0
