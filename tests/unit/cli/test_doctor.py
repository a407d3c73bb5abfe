"""``doctor``: its text, its JSON and its exit status."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from harness.sound_host import SOUND, sound
from ldirectord_py.cli import doctor, main
from ldirectord_py.doctor.facts import Area, HostFacts

GOOD = """\
virtual = 192.0.2.1:80
    real = 10.0.0.1:80 masq
    real = 10.0.0.2:80 masq
    checktype = on
"""
OFF = {"net.ipv4.ip_forward": "0"}


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A configuration on a sound host."""
    monkeypatch.setenv("LDIRECTORD_RUNDIR", str(tmp_path))
    (tmp_path / "web.cf").write_text(GOOD)
    on(monkeypatch, SOUND)
    return tmp_path / "web.cf"


def on(monkeypatch: pytest.MonkeyPatch, facts: HostFacts) -> None:
    monkeypatch.setattr(doctor, "collect", lambda *_: facts)


def test_a_sound_host(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(file), "doctor"]) == 0
    assert capsys.readouterr().out == "nothing found in 17 examinations for 1 virtual and 2 real servers\n"


def test_what_was_not_looked_at_is_said(
    file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    on(monkeypatch, sound(unseen={Area.TABLE: "only root sees it"}))
    assert main([str(file), "doctor"]) == 0
    assert capsys.readouterr().out == (
        "nothing found in 16 examinations for 1 virtual and 2 real servers\n"
        "not examined: IPVS in the kernel (the kernel's table: only root sees it)\n"
    )


def test_findings_say_what_to_do(
    file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    on(monkeypatch, sound(sysctls=OFF))
    assert main([str(file), "doctor"]) == 1
    first, remedy, summary = capsys.readouterr().out.splitlines()
    assert first.startswith("error: tcp:192.0.2.1:80/10.0.0.1:80, tcp:192.0.2.1:80/10.0.0.2:80: masq needs")
    assert remedy == "    sysctl -w net.ipv4.ip_forward=1"
    assert summary == "1 found in 17 examinations for 1 virtual and 2 real servers"


def test_many_servers_are_counted(
    file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file.write_text("virtual = 192.0.2.1:80\n    checktype = on\n    real = 10.0.0.1->10.0.0.9:80 masq\n")
    on(monkeypatch, sound(sysctls=OFF, unseen={Area.ROUTES: "no"}))
    assert main([str(file), "doctor"]) == 1
    assert "10.0.0.3:80 and 6 more: masq needs" in capsys.readouterr().out


def test_json(file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    on(monkeypatch, sound(sysctls=OFF, unseen={Area.TABLE: "only root sees it"}))
    assert main([str(file), "doctor", "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    (finding,) = found["findings"]
    assert (finding["code"], finding["gravity"], len(finding["about"])) == ("forwarding-off", "error", 2)
    assert len(found["examined"]) == 16
    assert found["not_examined"] == {"IPVS in the kernel": "the kernel's table: only root sees it"}


def test_a_bad_file_is_2_and_a_wrong_option_255(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(file), "doctor", "--all"]) == 255
    file.write_text("virtual = nonsense\n")
    assert main([str(file), "doctor"]) == 2


@pytest.mark.slow
def test_it_runs_on_this_host(file: Path) -> None:
    argv = [sys.executable, "-m", "ldirectord_py", str(file), "doctor", "--json"]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (1, "")
    assert "address-missing" in {each["code"] for each in json.loads(done.stdout)["findings"]}


LOADED = """
import sys
from importlib import import_module
from ldirectord_py.cli.invocation.commands import COMMANDS
import ldirectord_py.cli, ldirectord_py.daemon.run, ldirectord_py.daemon.workers.worker
for command in COMMANDS.values():
    if command.module != "doctor":
        import_module(f"ldirectord_py.cli.{command.module}")
print(sorted({name.split(".")[0] for name in sys.modules} & {"aiohttp", "pyroute2", "yarl"}))
"""


@pytest.mark.slow
def test_only_the_doctor_imports_pyroute2_and_only_a_webhook_aiohttp() -> None:
    done = subprocess.run([sys.executable, "-c", LOADED], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "[]\n"
