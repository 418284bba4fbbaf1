"""Stands in for cuDNN and cuBLAS, which OneFlow's wheel links and never calls on a CPU.

Run once by the builder, in the new environment: ``python libraries.py SITE_PACKAGES``. It reads
from OneFlow's own libraries which names they expect, and writes shared objects with just these
names beside them, where their run path finds them. The two that say a version are called when a
graph is compiled, on any device, and answer; each of the others ends the process with a sentence.

OneFlow also opens a listening socket when it is imported, for the other machines of a cluster.
Jobs have no network, so that would end them. Its references to the functions concerned are given
the version of a library made here, which answers for a cluster of one.

Standard library only; no compiler. docs/adr/0004-oneflow-libraries.md says why.
Source: System V ABI, "Object Files"; Linux Standard Base 5.0, "Symbol Versioning".
"""

from __future__ import annotations

import mmap
import platform
import struct
import sys
from collections.abc import Iterator
from pathlib import Path

WANTED = ("libcudnn", "libcublas")
# What the wheel was built against. Source: oneflow.__version__ 0.9.0, CUDA 11.7 build.
VERSIONS = {"cudnnGetProperty": (8, 5, 0), "cublasGetProperty": (11, 10, 3)}
# socket() gives an eventfd, which can be closed as a socket can; the others do nothing and succeed.
NETWORK = ("socket", "bind", "listen", "setsockopt", "getsockname")
CARRIER = "libcublas.so.11"
DYNAMIC, DYNSYM, VERNEED, VERSYM = 6, 11, 0x6FFFFFFE, 0x6FFFFFFF  # section types
PAGE = 0x1000
Symbols = dict[str, dict[str, str]]


class Library:
    """The parts of a shared object that say what it needs from others."""

    def __init__(self, data: mmap.mmap) -> None:
        self.data = data
        table, size, count = (
            *struct.unpack_from("<Q", data, 40),
            *struct.unpack_from("<HH", data, 58),
        )
        entries = [struct.unpack_from("<IIQQQQIIQQ", data, table + size * i) for i in range(count)]
        self.sections = {entry[1]: (entry[4], entry[5], entries[entry[6]][4]) for entry in entries}

    def text(self, at: int) -> str:
        """Return the string that begins at ``at``."""
        return self.data[at : self.data.find(b"\0", at)].decode()

    def redirected(self) -> int:
        """Let the network functions come from ``CARRIER``; return how many references changed."""
        carrier = [number for number, (file, _) in self._versions().items() if file == CARRIER]
        offset, size, strings = self.sections[DYNSYM]
        count = 0
        for index in range(size // 24 if carrier else 0):
            name, _, _, section = struct.unpack_from("<IBBH", self.data, offset + 24 * index)
            if section == 0 and self.text(strings + name) in NETWORK:
                struct.pack_into("<H", self.data, self.sections[VERSYM][0] + 2 * index, carrier[0])
                count += 1
        return count

    def needed(self) -> Iterator[str]:
        """Yield the libraries it is linked to."""
        offset, size, strings = self.sections[DYNAMIC]
        for at in range(offset, offset + size, 16):
            tag, value = struct.unpack_from("<QQ", self.data, at)
            if tag == 1:
                yield self.text(strings + value)

    def expected(self) -> Iterator[tuple[str, str, str]]:
        """Yield library, version and name of each symbol that is to come from elsewhere."""
        versions = self._versions()
        numbers = self.sections[VERSYM][0]
        offset, size, strings = self.sections[DYNSYM]
        for index in range(size // 24):
            name, _, _, section = struct.unpack_from("<IBBH", self.data, offset + 24 * index)
            (number,) = struct.unpack_from("<H", self.data, numbers + 2 * index)
            if section == 0 and number & 0x7FFF in versions:
                yield (*versions[number & 0x7FFF], self.text(strings + name))

    def _versions(self) -> dict[int, tuple[str, str]]:
        at, _, strings = self.sections[VERNEED]
        found: dict[int, tuple[str, str]] = {}
        while True:
            _, count, file, first, step = struct.unpack_from("<HHIII", self.data, at)
            entry = at + first
            for _ in range(count):
                _, _, number, name, after = struct.unpack_from("<IHHII", self.data, entry)
                found[number] = self.text(strings + file), self.text(strings + name)
                entry += after
            if not step:
                return found
            at += step


def wanted(site: Path) -> Symbols:
    """Return ``{library: {name: version}}`` that OneFlow's libraries expect of NVIDIA's."""
    found: Symbols = {}
    own = [
        *(site / "oneflow").glob("_oneflow_internal*.so"),
        *(site / "oneflow.libs").glob("*.so*"),
    ]
    for path in own:
        if path.name.startswith(WANTED):
            continue
        with (
            path.open("rb") as stream,
            mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data,
        ):
            library = Library(data)
            for name in library.needed():
                if name.startswith(WANTED):
                    found.setdefault(name, {})
            for file, version, name in library.expected():
                if file.startswith(WANTED):
                    found.setdefault(file, {})[name] = version
    return found


def code(name: str, library: str) -> bytes:
    """Return x86-64 machine code: an answer, or a sentence on standard error and abort()."""
    if name == "socket":
        # xor edi, edi; mov esi, 0x80000 (EFD_CLOEXEC); mov eax, 290 (eventfd2); syscall; ret
        return bytes.fromhex("31ffbe00000800b8220100000f05c3")
    if name in NETWORK:
        return bytes.fromhex("31c0c3")  # xor eax, eax; ret
    if name in VERSIONS:
        # mov edi, edi; lea rax, [rip + 8]; mov ecx, [rax + 4 * rdi]; mov [rsi], ecx;
        # xor eax, eax; ret
        body = bytes.fromhex("89ff488d05080000008b0cb8890e31c0c3")
        return body + struct.pack("<3I", *VERSIONS[name])
    said = f"{library}: {name} was called; this OneFlow runs on the CPU only\n".encode()
    # mov eax, 1 (write); mov edi, 2; lea rsi, [rip + said]; mov edx, length; syscall
    # mov eax, 39 (getpid); syscall; mov edi, eax; mov esi, 6 (SIGABRT); mov eax, 62 (kill); syscall
    head = b"\xb8\x01\0\0\0\xbf\x02\0\0\0\x48\x8d\x35"
    tail = b"\xba" + struct.pack("<I", len(said)) + b"\x0f\x05\xb8\x27\0\0\0\x0f\x05\x89\xc7"
    tail += b"\xbe\x06\0\0\0\xb8\x3e\0\0\0\x0f\x05\x0f\x0b"
    return head + struct.pack("<i", len(tail)) + tail + said


def hashed(name: str) -> int:
    """Return the hash of a name that ELF's tables use."""
    value = 0
    for char in name.encode():
        value = (value << 4) + char
        high = value & 0xF0000000
        value = (value ^ (high >> 24)) & ~high
    return value


def shared_object(library: str, symbols: dict[str, str]) -> bytes:
    """Return a shared object that defines ``symbols`` (name to version) and nothing else."""
    strings = bytearray(b"\0")
    places: dict[str, int] = {}

    def text(word: str) -> int:
        if word not in places:
            places[word] = len(strings)
            strings.extend(word.encode() + b"\0")
        return places[word]

    versions = [library, *sorted(set(symbols.values()) - {library})]
    bodies = b""
    offsets = []
    for name in symbols:
        bodies += b"\xcc" * (-len(bodies) % 16)
        offsets.append(len(bodies))
        bodies += code(name, library)
    definitions = b""
    named = [*versions] if len(versions) > 1 else [library, library]
    for number, version in enumerate(named, 1):
        last = number == len(named)
        flags = 1 if number == 1 else 0
        definitions += struct.pack(
            "<HHHHIII", 1, flags, number, 1, hashed(version), 20, 0 if last else 28
        )
        definitions += struct.pack("<II", text(version), 0)
    numbers = struct.pack("<H", 0)
    for version in symbols.values():
        numbers += struct.pack("<H", named.index(version, 1) + 1)
    names = [text(name) for name in symbols]
    soname = text(library)
    count = len(symbols) + 1
    chain = b"".join(
        struct.pack("<I", index + 1 if index + 1 < count else 0) for index in range(1, count)
    )
    # One bucket: every name in a single chain, which is short enough to be searched.
    table = struct.pack("<III", 1, count, 1 if symbols else 0) + struct.pack("<I", 0) + chain
    return _file(
        bodies, offsets, names, numbers, definitions, len(named), table, bytes(strings), soname
    )


def _file(  # noqa: PLR0917  # private, called once
    bodies: bytes,
    offsets: list[int],
    names: list[int],
    numbers: bytes,
    definitions: bytes,
    versions: int,
    table: bytes,
    strings: bytes,
    soname: int,
) -> bytes:
    """Lay the parts out: headers, tables and code in one segment, then the dynamic section."""
    place = {}
    body = bytearray(64 + 4 * 56)

    def add(key: str, part: bytes) -> None:
        body.extend(b"\0" * (-len(body) % 16))
        place[key] = len(body)
        body.extend(part)

    add("code", bodies)
    entries = bytes(24)
    for name, offset in zip(names, offsets):
        entries += struct.pack("<IBBHQQ", name, 0x12, 0, 1, place["code"] + offset, 16)
    for key, part in (
        ("symbols", entries), ("strings", strings), ("hash", table), ("numbers", numbers),
        ("versions", definitions),
    ):  # fmt: skip
        add(key, part)
    first = len(body)
    body.extend(b"\0" * (-len(body) % PAGE))
    dynamic = [
        (14, soname), (4, place["hash"]), (5, place["strings"]), (6, place["symbols"]),
        (10, len(strings)), (11, 24), (0x6FFFFFF0, place["numbers"]),
        (0x6FFFFFFC, place["versions"]), (0x6FFFFFFD, versions), (0, 0),
    ]  # fmt: skip
    start = len(body)
    for entry in dynamic:
        body.extend(struct.pack("<QQ", *entry))
    size = len(body) - start
    ident = b"\x7fELF\x02\x01\x01" + bytes(9)
    header = ident + struct.pack("<HHIQQQIHHHHHH", 3, 62, 1, 0, 64, 0, 0, 64, 56, 4, 64, 0, 0)
    segments = [
        (1, 5, 0, first, PAGE), (1, 6, start, size, PAGE), (2, 6, start, size, 8),
        (0x6474E551, 6, 0, 0, 16),
    ]  # fmt: skip
    for kind, flags, offset, length, align in segments:
        header += struct.pack(
            "<IIQQQQQQ", kind, flags, offset, offset, offset, length, length, align
        )
    body[: len(header)] = header
    return bytes(body)


def redirect(site: Path) -> int:
    """Edit OneFlow's own library in place; return how many references to functions changed."""
    (path,) = (site / "oneflow.libs").glob("liboneflow-*.so")
    with path.open("r+b") as stream, mmap.mmap(stream.fileno(), 0) as data:
        return Library(data).redirected()


def main(site: Path) -> None:
    """Write the libraries beside OneFlow's own."""
    if platform.machine() != "x86_64":
        sys.exit("OneFlow 0.9.0 is built for x86-64 only")
    found = wanted(site)
    if not found:
        sys.exit("OneFlow's libraries ask for none of NVIDIA's: is this another build?")
    found[CARRIER].update(dict.fromkeys(NETWORK, next(iter(found[CARRIER].values()))))
    if not redirect(site):
        sys.exit("OneFlow's library asks for no network: is this another build?")
    for library, symbols in sorted(found.items()):
        path = site / "oneflow.libs" / library
        path.write_bytes(shared_object(library, dict(sorted(symbols.items()))))
        print(f"{library}: {len(symbols)} names, {path.stat().st_size} bytes")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
