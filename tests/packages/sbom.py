"""The list of what a package carries (SBOM), in the JSON of CycloneDX 1.5."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from packages.components import Component
from packages.control import Build


def sbom(build: Build, components: Iterable[Component]) -> str:
    """Return the list: our own program, each library with the hash of its wheel, and what is compiled into that."""
    ours = {
        "type": "application",
        "name": "ldirectord-py",
        "version": build.version,
        "licenses": [{"license": {"id": "GPL-2.0-or-later"}}],
        "purl": f"pkg:deb/ldirectord-py@{build.version}?arch={build.architecture}&distro=debian-{build.release.number}",
    }
    listed = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {"timestamp": f"{datetime.fromtimestamp(build.epoch, UTC):%Y-%m-%dT%H:%M:%SZ}", "component": ours},
        "components": [_component(component) for component in components],
    }
    return json.dumps(listed, indent=2, ensure_ascii=False) + "\n"


def _component(component: Component) -> dict[str, Any]:
    listed: dict[str, Any] = {
        "type": "library",
        "name": component.name,
        "version": component.version,
        "licenses": [{"expression": component.licence}],
        "purl": f"pkg:pypi/{component.name}@{component.version}",
        "hashes": [{"alg": "SHA-256", "content": component.sha256}],
    }
    return listed | ({"components": list(component.parts)} if component.parts else {})
