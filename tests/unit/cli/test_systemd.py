"""The units, as systemd itself reads them, and how much they leave to the daemon."""

import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

UNITS = Path(__file__).parents[3] / "systemd"
NAMES = ["ldirectord.service", "ldirectord@web-1.cf.service"]
KEPT = {
    *("CapabilityBoundingSet", "LockPersonality", "ProtectClock", "ProtectControlGroups", "ProtectHostname"),
    *("RestrictRealtime", "SystemCallArchitectures"),
}
"""What the units limit with scripts.conf too."""

needs_systemd = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="needs systemd-analyze (package systemd)"
)


def analyze(folder: Path, unit: str, words: Sequence[str], drop_in: str = "") -> subprocess.CompletedProcess[str]:
    """Run systemd-analyze on a unit with a command that is installed everywhere, before those of this host."""
    for file in UNITS.glob("*.service"):
        text = file.read_text()
        assert "\nExecStart=ldirectord-py " in text
        (folder / file.name).write_text(text.replace("=ldirectord-py ", "=/bin/true "))
        if drop_in:
            (folder / f"{file.name}.d").mkdir()
            shutil.copy(UNITS / drop_in, folder / f"{file.name}.d")
    return subprocess.run(
        ["systemd-analyze", *words, str(folder / unit)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "SYSTEMD_UNIT_PATH": f"{folder}:"},
    )


@needs_systemd
@pytest.mark.parametrize("drop_in", ["", "scripts.conf", "own-user.conf"])
@pytest.mark.parametrize("unit", NAMES)
def test_systemd_finds_nothing_wrong(unit: str, drop_in: str, tmp_path: Path) -> None:
    done = analyze(tmp_path, unit, ["verify", "--man=no"], drop_in)
    about_ours = [line for line in done.stderr.splitlines() if "ldirectord" in line]  # it reads others' units too
    assert (done.returncode, about_ours) == (0, [])


@needs_systemd
@pytest.mark.parametrize(("drop_in", "most"), [("", 3.0), ("own-user.conf", 2.0), ("scripts.conf", 7.8)])
@pytest.mark.parametrize("unit", NAMES)
def test_the_exposure_that_systemd_sees(unit: str, drop_in: str, most: float, tmp_path: Path) -> None:
    done = analyze(tmp_path, unit, ["security", "--offline=true", "--no-pager"], drop_in)
    found = re.search(r"Overall exposure level for \S+: ([0-9.]+)", done.stdout)
    assert found, done.stdout + done.stderr
    assert float(found[1]) <= most, done.stdout


def settings(file: str) -> list[str]:
    """Return the names of the settings of a unit that follow its comment about what it needs, or of a drop-in."""
    text = (UNITS / file).read_text().partition("# What checks,")
    return re.findall("^([A-Z]\\w+)=", (text[2] or text[0]).partition("[Install]")[0], flags=re.MULTILINE)


def test_the_drop_in_for_scripts_undoes_what_the_units_limit() -> None:
    undone = {*settings("ldirectord.service")} - KEPT - {"ReadWritePaths", "SystemCallErrorNumber"}
    assert {*settings("scripts.conf")} - {"CapabilityBoundingSet"} == undone


def test_the_units_differ_in_configuration_and_names_only() -> None:
    plain = (UNITS / "ldirectord.service").read_text().splitlines()
    template = (UNITS / "ldirectord@.service").read_text().splitlines()
    differing = [(a, b) for a, b in zip(plain, template, strict=True) if a != b]
    assert differing[1:] == [
        (
            "Description=Director of Linux Virtual Server (ldirectord-py)",
            "Description=Director of Linux Virtual Server (ldirectord-py), %i",
        ),
        ("ExecStart=ldirectord-py run", "ExecStart=ldirectord-py %i run"),
        ("ExecReload=ldirectord-py reload", "ExecReload=ldirectord-py %i reload"),
    ]
