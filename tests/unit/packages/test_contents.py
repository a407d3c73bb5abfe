"""What is in a package and where; a configuration is not, and nothing belongs to the Perl package too."""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath

import pytest

from harness.host import ROOT
from packages.contents import (
    COMMAND,
    CONFFILES,
    DIRECTORIES,
    DIVERTED,
    DOC,
    FILES,
    HERE,
    LINKS,
    UNITS,
    contents,
    packaged_unit,
)
from packages.release import RELEASES, Release
from packages.stage import SCRIPTS

TRACKED = ("docs/migrating.md", "docs/changelog.md", "docs/man/ldirectord.8", "docs/monitoring/alerts.yml")
ORIGINAL = Path("/var/lib/dpkg/info/ldirectord.list")

each_release = pytest.mark.parametrize("release", RELEASES.values(), ids=lambda release: release.codename)


@each_release
def test_each_file_is_made_of_one_that_exists(release: Release) -> None:
    listed = contents(release, TRACKED)
    assert [item.source for item in listed.values() if not (ROOT / item.source).is_file()] == []
    assert len({*FILES.values()}) == len(FILES)


@each_release
def test_pages_units_and_monitoring_have_their_places(release: Release) -> None:
    listed = contents(release, TRACKED)
    assert listed[f"{DOC}/migrating.md"].source == "docs/migrating.md"
    assert f"{DOC}/changelog.md" not in listed
    assert listed[f"{DOC}/examples/monitoring/alerts.yml"].source == "docs/monitoring/alerts.yml"
    assert {f"{release.units}/ldirectord.service", f"{release.units}/ldirectord@.service"} <= {*listed}


@each_release
def test_only_the_command_is_executable(release: Release) -> None:
    assert {target for target, item in contents(release, TRACKED).items() if item.mode != 0o644} == {COMMAND}


def test_no_configuration_is_written() -> None:
    targets = {*contents(RELEASES["12"], TRACKED), *LINKS}
    assert {target for target in targets if target.startswith("etc/")} == {*CONFFILES}
    assert "etc/ha.d" in DIRECTORIES


@each_release
def test_links_lead_to_files_of_the_package(release: Release) -> None:
    there = {*contents(release, TRACKED)}
    for link, target in LINKS.items():
        parts: list[str] = [*PurePosixPath(link).parts[:-1]]
        for part in PurePosixPath(target).parts:
            parts = parts[:-1] if part == ".." else [*parts, part]
        assert "/".join(parts).removesuffix(".gz") in there, link


@pytest.mark.skipif(not ORIGINAL.exists(), reason="apt-get install ldirectord")
def test_what_the_perl_package_has_too_is_diverted() -> None:
    theirs = {name for name in ORIGINAL.read_text().splitlines() if not Path(name).is_dir()}
    targets = {f"/{target}" for target in (*contents(RELEASES["12"], TRACKED), *LINKS)}
    ours = {f"{name}.gz" if "/man/" in name and not name.endswith(".gz") else name for name in targets}
    assert theirs & ours == {*DIVERTED}


@pytest.mark.parametrize("script", ["preinst", "postrm"])
def test_the_scripts_divert_these_files_by_both_names_of_their_folders(script: str) -> None:
    text = (ROOT / HERE / script).read_text()
    named = {words[0] for words in re.findall(r"^ *(?:divert|undivert) (\S+) (\S+)$", text, flags=re.MULTILINE)}
    assert named == {*DIVERTED, *(f"/usr{name}" for name in DIVERTED if name.startswith("/lib/"))}


@pytest.mark.parametrize("script", SCRIPTS)
def test_scripts_are_short_and_stop_at_an_error(script: str) -> None:
    lines = (ROOT / HERE / script).read_text().splitlines()
    assert lines[0] == "#!/bin/sh"
    assert "set -e" in lines[:4]
    assert len(lines) < 80


@pytest.mark.parametrize("unit", UNITS)
def test_units_run_the_command_of_the_package(unit: str) -> None:
    text = packaged_unit((ROOT / unit).read_text())
    commands = re.findall(r"^Exec\w+=(\S+)", text, flags=re.MULTILINE)
    assert commands == [f"/{COMMAND}"] * 2
    assert f"EnvironmentFile=-/{CONFFILES[0]}\n" in text
