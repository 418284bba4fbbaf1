"""Where a call may go: to public addresses, and to those that the operator allows.

What a name stands for is looked up once, checked, and connected to as it was checked. A name
that says something else a moment later (DNS rebinding) leads nowhere.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterator, Sequence
from urllib.parse import SplitResult, urlsplit

from modelport_api.problems import BadRequest

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
# RFC 6052: addresses of the old kind behind a translator.
TRANSLATED = ipaddress.ip_network("64:ff9b::/96")
LONGEST = 2000


class Refused(Exception):
    """A call may not go there."""


def checked(url: str, allow: Sequence[str]) -> SplitResult:
    """Return the parts of the address of a callback that may be given.

    Raises:
        BadRequest: It is none, or leads where no call may go.
    """
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError as error:
        raise BadRequest("callback: not an address") from error
    plain = url.isascii() and url.isprintable() and " " not in url and len(url) <= LONGEST
    if parts.scheme not in ("http", "https") or not host or not plain or "@" in parts.netloc:
        raise BadRequest("callback: not an http address of a host", hint="Give https://HOST/PATH.")
    if parts.scheme == "http" and not _named(host, allow):
        raise BadRequest("callback: not https", hint="Only hosts in MODELPORT_WEBHOOK_ALLOW may.")
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return parts
    if not _open(address, host, allow):
        raise BadRequest("callback: a private address", hint="Ask for MODELPORT_WEBHOOK_ALLOW.")
    return parts


def resolved(host: str, port: int, allow: Sequence[str]) -> str:
    """Return the address that ``host`` stands for.

    Raises:
        Refused: One of those it stands for is not to be called.
        OSError: It stands for none.
    """
    found = [str(one[4][0]) for one in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
    for text in found:
        if not _open(ipaddress.ip_address(text), host, allow):
            raise Refused("the name stands for a private address")
    return found[0]


def _open(address: Address, host: str, allow: Sequence[str]) -> bool:
    if _named(host, allow):
        return True
    return all(
        (one.is_global and not one.is_multicast) or _within(one, allow) for one in _meant(address)
    )


def _meant(address: Address) -> Iterator[Address]:
    """Yield an address and those that are written inside of it."""
    yield address
    if isinstance(address, ipaddress.IPv6Address):
        inner = (address.ipv4_mapped, address.sixtofour, *(address.teredo or ()))
        yield from (one for one in inner if one is not None)
        if address in TRANSLATED:
            yield ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)


def _named(host: str, allow: Sequence[str]) -> bool:
    if host in allow:
        return True
    try:
        return _within(ipaddress.ip_address(host), allow)
    except ValueError:
        return False


def _within(address: Address, allow: Sequence[str]) -> bool:
    for text in allow:
        try:
            network = ipaddress.ip_network(text, strict=False)
        except ValueError:
            continue
        if address.version == network.version and address in network:
            return True
    return False
