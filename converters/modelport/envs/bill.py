"""The bill of materials of a virtual environment, in CycloneDX (ECMA-424), from what is installed.

The library is imported where a bill is made, so that no command waits for it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from email.message import Message
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from modelport.envs.install import REPORT, plain

if TYPE_CHECKING:
    from cyclonedx.factory.license import LicenseFactory
    from cyclonedx.model import ExternalReference
    from cyclonedx.model.component import Component

MEDIA_TYPE = "application/vnd.cyclonedx+json; version=1.6"
LONGEST_LICENCE = (
    200  # characters; beyond, a package has put the licence's text in its name's place
)

Npm = Sequence[Mapping[str, Any]]


def packages_of(folder: Path) -> list[dict[str, str]]:
    """Return name and version of each package in the virtual environment ``folder``, sorted."""
    found = {plain(one.name): one.version for one in _installed(folder)}
    return [{"name": name, "version": version} for name, version in sorted(found.items())]


def bill_of(folder: Path, name: str, version: str, page: Npm = ()) -> str:
    """Return the bill of the virtual environment ``folder`` as CycloneDX 1.6 JSON.

    Args:
        folder: Root of the environment.
        name: What the bill describes, e.g. ``modelport-environment-base``.
        version: Of what it describes.
        page: npm packages to list too, as they stand in a ``package-lock.json``, with ``name``.
    """
    from cyclonedx.factory.license import LicenseFactory  # noqa: PLC0415  # see above
    from cyclonedx.model.bom import Bom  # noqa: PLC0415  # likewise
    from cyclonedx.model.component import Component, ComponentType  # noqa: PLC0415  # likewise
    from cyclonedx.output.json import JsonV1Dot6  # noqa: PLC0415  # likewise

    factory = LicenseFactory()
    digests = _digests(folder)
    main = Component(name=name, version=version, type=ComponentType.APPLICATION, bom_ref=name)
    unique = {plain(one.name): one for one in _installed(folder)}
    parts = [
        *(_component(one, digests.get(key, ""), factory) for key, one in sorted(unique.items())),
        *(_npm(one, factory) for one in page),
    ]
    bom = Bom(components=parts)
    bom.metadata.component = main
    bom.register_dependency(main, parts)
    return str(JsonV1Dot6(bom).output_as_string(indent=1))


def _installed(folder: Path) -> Iterator[Distribution]:
    places = [str(path) for path in sorted(folder.glob("lib/python*/site-packages"))]
    return iter(distributions(path=places)) if places else iter(())


def _digests(folder: Path) -> dict[str, str]:
    try:
        found: dict[str, str] = json.loads((folder / REPORT).read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return found


def _component(one: Distribution, digest: str, factory: LicenseFactory) -> Component:
    from cyclonedx.model import HashAlgorithm, HashType  # noqa: PLC0415  # see above
    from cyclonedx.model.component import Component, ComponentType  # noqa: PLC0415  # likewise
    from packageurl import PackageURL  # noqa: PLC0415  # likewise

    about, name = _about(one), plain(one.name)
    purl = PackageURL("pypi", name=name, version=one.version)
    licence = _licence(about)
    return Component(
        name=name,
        version=one.version,
        type=ComponentType.LIBRARY,
        bom_ref=str(purl),
        purl=purl,
        description=about.get("Summary"),
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=digest)] if digest else [],
        licenses=[factory.make_from_string(licence)] if licence else [],
        external_references=_references(about),
    )


def _npm(one: Mapping[str, Any], factory: LicenseFactory) -> Component:
    from cyclonedx.model.component import Component, ComponentType  # noqa: PLC0415  # see above
    from packageurl import PackageURL  # noqa: PLC0415  # likewise

    scope, _, name = str(one["name"]).rpartition("/")
    purl = PackageURL("npm", namespace=scope or None, name=name, version=str(one["version"]))
    licence = str(one.get("license") or "")
    return Component(
        name=name,
        group=scope or None,
        version=str(one["version"]),
        type=ComponentType.LIBRARY,
        bom_ref=str(purl),
        purl=purl,
        licenses=[factory.make_from_string(licence)] if licence else [],
    )


def _about(one: Distribution) -> Message:
    # What importlib.metadata gives is a message; its own protocol leaves ``get`` out.
    return cast("Message", one.metadata)


def _licence(about: Message) -> str:
    """Return the licence's name from a package's metadata, which have three places for it."""
    text = about.get("License-Expression") or about.get("License") or ""
    if text and "\n" not in text and len(text) <= LONGEST_LICENCE:
        return str(text)
    kinds = [kind for kind in about.get_all("Classifier", []) if kind.startswith("License ::")]
    return ", ".join(kind.rpartition(":: ")[2] for kind in kinds)


def _references(about: Message) -> list[ExternalReference]:
    from cyclonedx.model import ExternalReference, ExternalReferenceType, XsUri  # noqa: PLC0415

    pages = [pair.partition(",")[2].strip() for pair in about.get_all("Project-URL", [])]
    address = about.get("Home-page") or next(iter(pages), "")
    if not re.fullmatch(r"https?://[^\s\"<>]+", str(address)):
        return []
    return [ExternalReference(type=ExternalReferenceType.WEBSITE, url=XsUri(str(address)))]
