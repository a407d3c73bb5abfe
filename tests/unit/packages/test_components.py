"""What is read from the metadata of installed distributions, and what copyright and SBOM make of it."""

from __future__ import annotations

import hashlib
import json
import sysconfig
from pathlib import Path

import pytest

from packages.components import Component, read_component, read_components, wheel_hashes
from packages.control import Build
from packages.copyright_file import copyright_text
from packages.licences import UnknownLicenceError
from packages.release import RELEASES
from packages.sbom import sbom

SITE = "usr/lib/ldirectord-py/lib/python3.11/site-packages"
BUILD = Build(RELEASES["12"], "amd64", "0.1.0-1~deb12", "6a7005f", 1795892215, "Some One <one@example.org>")
RECORD = """\
some_thing/__init__.py,,
some_thing/a/b.so,,
single.py,,
../../../bin/thing,,
some_thing-1.2.dist-info/RECORD,,
"""
INSIDE = {
    "components": [
        {"type": "library", "bom-ref": "path+file:///home/x", "name": "openssl", "version": "4.0", "purl": "pkg:x"}
    ]
}


def lay(site: Path, name: str, *fields: str, licence: str = "Copyright 2020 The Makers\n\nDo as you like.\n") -> Path:
    """Make the metadata of a distribution that has one module and its text of a licence."""
    info = site / f"{name}-1.2.dist-info"
    (info / "licenses").mkdir(parents=True)
    (info / "METADATA").write_text("\n".join(("Metadata-Version: 2.4", f"Name: {name}", "Version: 1.2", *fields, "")))
    (info / "RECORD").write_text(RECORD.replace("some_thing", name))
    if licence:
        (info / "licenses/LICENSE.txt").write_text(licence)
    return info


def test_a_component_is_what_its_metadata_say(tmp_path: Path) -> None:
    info = lay(tmp_path, "Some_Thing", "License-Expression: MIT")
    (info / "sboms").mkdir()
    (info / "sboms/inside.json").write_text(json.dumps(INSIDE))
    assert read_component(info, {"some-thing": "abc"}) == Component(
        "some-thing",
        "1.2",
        "MIT",
        ("Copyright 2020 The Makers",),
        ("Copyright 2020 The Makers\n\nDo as you like.",),
        ("Some_Thing-1.2.dist-info/*", "Some_Thing/*", "single.py"),
        "abc",
        ({"type": "library", "name": "openssl", "version": "4.0"},),
    )


def test_what_a_wheel_has_inside_comes_with_its_notice(tmp_path: Path) -> None:
    component = read_component(lay(tmp_path, "uvloop"), {})
    assert component.licence == "MIT OR Apache-2.0"
    assert [part["name"] for part in component.parts] == ["libuv"]
    assert any("libuv" in notice for notice in component.notices)
    assert "Permission is hereby granted" in component.texts[-1]


def test_a_part_that_the_wheel_lists_is_listed_once(tmp_path: Path) -> None:
    info = lay(tmp_path, "cryptography", "License-Expression: Apache-2.0 OR BSD-3-Clause")
    (info / "sboms").mkdir()
    (info / "sboms/inside.json").write_text(json.dumps(INSIDE))
    assert [part["name"] for part in read_component(info, {}).parts] == ["openssl"]


def test_a_wheel_without_a_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnknownLicenceError, match="no text"):
        read_component(lay(tmp_path, "thing", "License-Expression: MIT", licence=""), {})


def test_our_own_distribution_is_no_component(tmp_path: Path) -> None:
    lay(tmp_path, "ldirectord_py", "License-Expression: GPL-2.0-or-later")
    lay(tmp_path, "zeta", "License: MIT")
    lay(tmp_path, "alpha", "License: MIT")
    assert [component.name for component in read_components(tmp_path, {})] == ["alpha", "zeta"]


def test_wheels_are_hashed_by_name(tmp_path: Path) -> None:
    (tmp_path / "prometheus_client-0.26.0-py3-none-any.whl").write_bytes(b"wheel")
    (tmp_path / "requirements.txt").write_bytes(b"text")
    assert wheel_hashes(tmp_path) == {"prometheus-client": hashlib.sha256(b"wheel").hexdigest()}


def test_copyright_has_a_paragraph_for_each_component(tmp_path: Path) -> None:
    lay(tmp_path, "alpha", "License-Expression: Apache-2.0 AND MIT")
    text = copyright_text("To be combined.\n\nWith regex.\n", read_components(tmp_path, {}), SITE)
    head, ours, alpha = text.split("\n\n")
    assert head.startswith("Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n")
    assert ours.endswith("\n .\n To be combined.\n .\n With regex.")
    assert alpha == (
        f"Files: {SITE}/alpha-1.2.dist-info/*\n {SITE}/alpha/*\n {SITE}/single.py\n"
        "Copyright: Copyright 2020 The Makers\n"
        "License: Apache-2.0 and MIT\n"
        " Copyright 2020 The Makers\n .\n Do as you like.\n"
    )


def test_the_sbom_lists_libraries_with_hashes_and_what_is_inside(tmp_path: Path) -> None:
    lay(tmp_path, "uvloop")
    listed = json.loads(sbom(BUILD, read_components(tmp_path, {"uvloop": "abc"})))
    assert (listed["bomFormat"], listed["specVersion"]) == ("CycloneDX", "1.5")
    assert listed["metadata"]["timestamp"] == "2026-11-28T18:56:55Z"
    assert listed["metadata"]["component"]["version"] == BUILD.version
    assert listed["components"] == [
        {
            "type": "library",
            "name": "uvloop",
            "version": "1.2",
            "licenses": [{"expression": "MIT OR Apache-2.0"}],
            "purl": "pkg:pypi/uvloop@1.2",
            "hashes": [{"alg": "SHA-256", "content": "abc"}],
            "components": [{"type": "library", "name": "libuv", "licenses": [{"license": {"id": "MIT"}}]}],
        }
    ]


@pytest.mark.parametrize("name", ["aiohttp", "cryptography", "jinja2", "oracledb", "pyroute2", "regex", "uvloop"])
def test_the_libraries_of_this_environment_may_be_packaged(name: str) -> None:
    (info,) = Path(sysconfig.get_path("purelib")).glob(f"{name}-*.dist-info")
    component = read_component(info, {})
    assert component.notices
    text = "".join(component.texts)
    assert "TERMS AND CONDITIONS FOR USE" not in text
    assert "GNU GENERAL PUBLIC LICENSE" not in text
