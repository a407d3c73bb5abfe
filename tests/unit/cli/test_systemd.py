"""The units, as systemd itself reads them."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

UNITS = Path(__file__).parents[3] / "systemd"


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze (package systemd)")
@pytest.mark.parametrize("unit", ["ldirectord.service", "ldirectord@web-1.cf.service"])
def test_systemd_finds_nothing_wrong(unit: str, tmp_path: Path) -> None:
    """With a command that is installed everywhere, and before units of the same name on this host."""
    for file in UNITS.iterdir():
        text = file.read_text()
        assert "\nExecStart=ldirectord-py " in text
        (tmp_path / file.name).write_text(text.replace("=ldirectord-py ", "=/bin/true "))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(tmp_path / unit)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "SYSTEMD_UNIT_PATH": f"{tmp_path}:"},
    )
    about_ours = [line for line in done.stderr.splitlines() if "ldirectord" in line]  # it reads others' units too
    assert (done.returncode, about_ours) == (0, [])


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
