"""The single file runs each of its commands with the Python of this host, without an environment, and looks only."""

from __future__ import annotations

import http.server
import json
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from packages.archive import archive

PYTHON: str = sys._base_executable  # type: ignore[attr-defined]  # that of the host, not of .venv
EPOCH = 1795892215
CONFIG = """\
checkinterval = 1
checktimeout = 5
virtual = 192.0.2.1:80
    real = 127.0.0.1:{port} masq
    service = http
    request = "/"
    receive = "heal(th|y)+$"
"""
COMPILED = """\
listen = 9109
virtual = 192.0.2.1:1521
    real = 127.0.0.1:1521 masq
    service = oracle
    login = "check"
    passwd = "secret"
    database = "orcl"
    request = "select 1"
virtual = 192.0.2.1:80
    real = 127.0.0.1:80 masq
    service = http
    request = "/"
    receive = "\\p{Lu}"
"""

WITH_TABLE = """\
import runpy, sys
from ipaddress import ip_address
sys.argv.pop(0)
sys.path.insert(0, sys.argv[0])
from ldirectord_py.cli import shadow
from ldirectord_py.ipvs.kernel import MemoryKernel
from ldirectord_py.ipvs.table import Protocol, Service, VirtualAddress
row = Service(VirtualAddress(Protocol.TCP, ip_address("192.0.2.1"), 80), "wrr")
shadow.read_only_kernel = lambda: MemoryKernel([row])
runpy.run_path(sys.argv[0], run_name="__main__")
"""

pytestmark = pytest.mark.slow


class Healthy(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"healthy")

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def pyz(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("archive") / "ldirectord.pyz"
    path.write_bytes(archive(EPOCH))
    return path


@pytest.fixture
def config(tmp_path: Path) -> Iterator[Path]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Healthy) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        path = tmp_path / "web.cf"
        path.write_text(CONFIG.format(port=server.server_port))
        yield path
        server.shutdown()


def run(pyz: Path, *words: str) -> tuple[int, str, str]:
    """Return exit status, standard output and standard error of a command."""
    return ended([PYTHON, "-I", str(pyz), *words])


def run_shadow(pyz: Path, *words: str) -> tuple[int, str, str]:
    """Run it as ``run`` does, with a table in memory that lacks the server."""
    return ended([PYTHON, "-I", "-c", WITH_TABLE, str(pyz), *words])


def ended(argv: Sequence[str]) -> tuple[int, str, str]:
    environment = {"PATH": "/usr/bin:/bin", "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(argv, check=False, capture_output=True, text=True, env=environment, cwd="/", timeout=120)
    assert "Traceback" not in done.stderr
    return done.returncode, done.stdout, done.stderr


def test_it_is_the_same_each_time_and_small(pyz: Path) -> None:
    assert archive(EPOCH) == pyz.read_bytes()
    assert pyz.stat().st_size < 4_000_000


def test_version(pyz: Path) -> None:
    status, output, _ = run(pyz, "--version")
    assert (status, "ldirectord-py" in output) == (0, True)


def test_check(pyz: Path, config: Path) -> None:
    assert run(pyz, str(config), "check")[:2] == (0, f"{config} is good: 1 virtual server, 1 real server, 0 warnings\n")
    config.write_text("virtual = nowhere\n")
    status, _, errors = run(pyz, str(config), "check")
    assert (status, "web.cf:1:" in errors) == (2, True)


def test_check_needs_none_of_what_is_compiled(pyz: Path, tmp_path: Path) -> None:
    path = tmp_path / "compiled.cf"
    path.write_text(COMPILED)
    assert run(pyz, str(path), "check")[0] == 0
    path.write_text(COMPILED.replace("\\p{Lu}", "("))
    status, _, errors = run(pyz, str(path), "check")
    assert (status, "not valid" in errors) == (2, True)


def test_probe(pyz: Path, config: Path) -> None:
    status, output, errors = run(pyz, str(config), "probe")
    assert (status, errors) == (0, "")
    assert " up " in output


def test_probe_says_which_driver_is_missing(pyz: Path, tmp_path: Path) -> None:
    path = tmp_path / "compiled.cf"
    path.write_text(COMPILED)
    status, _, errors = run(pyz, str(path), "probe")
    assert (status, "needs oracledb, which is not installed" in errors) == (2, True)


def test_a_pattern_that_only_regex_knows_gives_no_verdict(pyz: Path, config: Path) -> None:
    config.write_text(config.read_text().replace("heal(th|y)+$", "\\p{Ll}+"))
    status, output, _ = run(pyz, str(config), "probe")
    assert (status, "cannot search for this pattern" in output) == (1, True)


def test_plan(pyz: Path, config: Path) -> None:
    status, output, _ = run(pyz, str(config), "plan", "--assume", "up")
    assert status == 3
    assert "to add" in output


@pytest.mark.parametrize("settings", ["", "fork = yes\n"])
def test_shadow(pyz: Path, config: Path, settings: str) -> None:
    config.write_text(settings + config.read_text())
    status, output, errors = run_shadow(pyz, str(config), "shadow", "--for", "8", "--json")
    begin, *differences, verdict = map(json.loads, output.splitlines())
    assert (status, errors, begin["reals"], verdict["event"]) == (1, "", 1, "verdict")
    assert [one["reason"] for one in differences] == ["up: 200 OK"]


@pytest.mark.parametrize("command", ["run", "start", "restart", "try-restart"])
def test_it_does_not_direct(pyz: Path, config: Path, command: str) -> None:
    status, _, errors = run(pyz, str(config), command)
    assert (status, errors) == (1, f"{command}: ldirectord.pyz does not direct; install ldirectord-py\n")
