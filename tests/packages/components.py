"""What a package carries from others: read from the metadata that pip installed with each distribution."""

from __future__ import annotations

import csv
import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from email.parser import HeaderParser
from pathlib import Path, PurePosixPath
from typing import Any

from packages.embedded import EMBEDDED
from packages.licences import UnknownLicenceError, licence_of, notices, trimmed
from packages.requirements import normalized

LICENCE_FILE = re.compile(r"(?:LICEN[CS]E|COPYING|NOTICE|THIRD_PARTY)", re.IGNORECASE)
KEPT_FIELDS = ("type", "name", "version", "licenses", "hashes")
"""What our SBOM repeats of the parts that a wheel's own SBOM lists; without addresses, and paths of their builders."""


@dataclass(frozen=True)
class Component:
    """A distribution: its licence as an SPDX expression, notices and texts, its files, the SHA-256 of its wheel."""

    name: str
    version: str
    licence: str
    notices: tuple[str, ...]
    texts: tuple[str, ...]
    files: tuple[str, ...]
    sha256: str
    parts: tuple[Mapping[str, Any], ...]


def read_components(site: Path, sha256: Mapping[str, str]) -> list[Component]:
    """Return the distributions in a site-packages, by name, without our own; ``sha256`` has those of the wheels."""
    found = [read_component(info, sha256) for info in site.glob("*.dist-info")]
    return sorted((component for component in found if component.name != "ldirectord-py"), key=lambda one: one.name)


def read_component(info: Path, sha256: Mapping[str, str]) -> Component:
    """Return what a dist-info folder says; UnknownLicenceError if that does not suffice to pass it on."""
    metadata = HeaderParser().parsestr((info / "METADATA").read_text())
    name = normalized(metadata["Name"])
    texts = [path.read_text(errors="replace") for path in _licence_files(info)]
    embedded = EMBEDDED.get(name, ())
    if not texts and name != "ldirectord-py":
        raise UnknownLicenceError(f"{name}: its wheel has no text of a licence")
    return Component(
        name,
        metadata["Version"],
        licence_of(name, metadata),
        tuple(dict.fromkeys((*(n for text in texts for n in notices(text)), *(part.notice for part in embedded)))),
        (*map(trimmed, texts), *(f"{part.name} ({part.licence}):\n\n{part.text}" for part in embedded)),
        tuple(_top_level((info / "RECORD").read_text())),
        sha256.get(name, ""),
        (*_listed_parts(info), *_unlisted_parts(info, name)),
    )


def wheel_hashes(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of each wheel in a folder, by the name of its distribution."""
    return {
        normalized(path.name.partition("-")[0]): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.glob("*.whl")
    }


def _licence_files(info: Path) -> list[Path]:
    inside = (info / "licenses").rglob("*")
    return sorted(path for path in (*inside, *info.glob("*")) if path.is_file() and LICENCE_FILE.match(path.name))


def _top_level(record: str) -> list[str]:
    """Return the files and folders of a RECORD, each as a pattern of copyright."""
    first = {PurePosixPath(row[0]).parts for row in csv.reader(record.splitlines()) if row}
    return sorted({f"{parts[0]}/*" if len(parts) > 1 else parts[0] for parts in first if parts[0] != ".."})


def _listed_parts(info: Path) -> Iterator[Mapping[str, Any]]:
    for file in sorted((info / "sboms").glob("*.json")):
        for part in json.loads(file.read_text()).get("components", ()):
            yield {field: part[field] for field in KEPT_FIELDS if field in part}


def _unlisted_parts(info: Path, name: str) -> Iterator[Mapping[str, Any]]:
    listed = {part["name"] for part in _listed_parts(info)}
    for part in EMBEDDED.get(name, ()):
        if part.name not in listed:
            yield {"type": "library", "name": part.name, "licenses": [{"license": {"id": part.licence}}]}
