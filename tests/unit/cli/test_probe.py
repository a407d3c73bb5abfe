"""``probe``: each check once, in the order of the file."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path

import pytest

from harness.fakes.scripted import Servers, Talk, closed_port, hanging, saying
from ldirectord_py.cli import main, probe

IMAP = b"* OK ready\r\n"


class Site:
    """Scripted servers on a loop of their own, since the command runs its own, and a configuration."""

    def __init__(self, folder: Path) -> None:
        self.config = folder / "web.cf"
        self.servers = Servers()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()

    def serve(self, talk: Talk, host: str = "127.0.0.1") -> int:
        started: Future[int] = asyncio.run_coroutine_threadsafe(self.servers.start(talk, host), self._loop)
        return started.result(10)

    def write(self, *sections: str) -> None:
        self.config.write_text("negotiatetimeout = 1\n" + "\n".join(sections) + "\n")

    def run(self, *options: str) -> int:
        return main([str(self.config), "probe", *options])

    def end(self) -> None:
        asyncio.run_coroutine_threadsafe(self.servers.stop(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    site = Site(tmp_path)
    yield site
    site.end()


def section(virtual: str, *reals: str, checktype: str = "connect", more: str = "") -> str:
    six = "6" if "[" in virtual else ""
    lines = "".join(f"    real{six} = {real} masq\n" for real in reals)
    return f"virtual{six} = {virtual}\n{lines}    checktype = {checktype}\n{more}"


def shown(capsys: pytest.CaptureFixture[str]) -> list[tuple[str, ...]]:
    """What was printed, row by row, without the latencies."""
    lines = capsys.readouterr().out.splitlines()
    rows = [line.split(None, 4) for line in lines]
    return [(virtual, real, verdict, reason) for virtual, real, verdict, _, reason in rows]


def test_every_server_is_a_line_in_the_order_of_the_file(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    good, six, closed = site.serve(saying(IMAP)), site.serve(saying(IMAP), "::1"), closed_port()
    site.write(
        section("192.0.2.9:80", f"127.0.0.1:{closed}", f"127.0.0.1:{good}"),
        section("[2001:db8::1]:80", f"[::1]:{six}"),
        section("192.0.2.1:143", f"127.0.0.1:{good}", checktype="negotiate", more="    service = imap\n"),
    )
    assert site.run() == 1
    assert [
        ("VIRTUAL", "REAL", "VERDICT", "REASON"),
        ("tcp:192.0.2.9:80", f"127.0.0.1:{closed}", "down", "connect refused"),
        ("tcp:192.0.2.9:80", f"127.0.0.1:{good}", "up", "connected"),
        ("tcp:[2001:db8::1]:80", f"[::1]:{six}", "up", "connected"),
        ("tcp:192.0.2.1:143", f"127.0.0.1:{good}", "up", "* OK ready"),
    ] == shown(capsys)


def test_all_up_is_0_and_a_silent_server_is_1_with_its_progress(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    good, silent = site.serve(saying(IMAP)), site.serve(hanging())
    imap = {"checktype": "negotiate", "more": "    service = imap\n"}
    site.write(section("192.0.2.1:143", f"127.0.0.1:{good}", f"127.0.0.1:{silent}", **imap))
    assert site.run("--real", f"127.0.0.1:{good}") == 0
    assert site.run() == 1
    assert shown(capsys)[-1][-1] == "no answer within 1 s (connected, no greeting)"


def test_control_characters_of_the_file_do_not_reach_the_terminal(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    command = "    checkcommand = /none\x1b[2J\n"
    site.write(section("192.0.2.1:80", "127.0.0.1:9", checktype="external", more=command))
    assert site.run() == 1
    assert shown(capsys)[-1][-1] == r"cannot run /none\x1b[2J: no such file or directory"


def test_json_is_a_list_of_seven_fields(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    good = site.serve(saying(IMAP))
    site.write(section("192.0.2.1:80", f"127.0.0.1:{good}"), section("9", "192.0.2.7", checktype="off"))
    assert site.run("--json") == 0
    rows = json.loads(capsys.readouterr().out)
    latency = rows[0].pop("ms")
    assert 0 < latency < 1000
    assert [
        {
            "virtual": "tcp:192.0.2.1:80",
            "real": f"127.0.0.1:{good}",
            "check": "connect",
            "verdict": "up",
            "code": "L4OK",
            "reason": "connected",
        },
        {
            "virtual": "fwm:9",
            "real": "192.0.2.7:0",
            "check": "off",
            "verdict": "none",
            "code": "NOCHECK",
            "ms": 0.0,
            "reason": "not checked (checktype = off)",
        },
    ] == rows


def test_servers_without_a_check_are_no_failure(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    site.write(section("192.0.2.1:80", "192.0.2.7:80", checktype="on"))
    assert site.run() == 0
    assert shown(capsys)[-1] == ("tcp:192.0.2.1:80", "192.0.2.7:80", "none", "not checked (checktype = on)")


def test_a_check_that_says_nothing_is_not_up(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    more = "    checkcommand = /nowhere/at/all\n"
    site.write(section("192.0.2.1:80", "192.0.2.7:80", checktype="external", more=more))
    assert site.run() == 1
    assert shown(capsys)[-1][2] == "none"


def test_equal_checks_run_once(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    good = site.serve(saying(IMAP))
    imap = {"checktype": "negotiate", "more": "    service = imap\n"}
    site.write(*(section(virtual, f"127.0.0.1:{good}", **imap) for virtual in ("192.0.2.1:80", "192.0.2.2:80")))
    assert site.run() == 0
    assert (site.servers.connections, len(shown(capsys))) == (1, 3)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--real", "127.0.0.1"], ["127.0.0.1:1", "127.0.0.1:2", "127.0.0.1:1"]),
        (["--real", "127.0.0.1:2"], ["127.0.0.1:2"]),
        (["--real", "::1"], ["[::1]:1"]),
        (["--real", "[0:0::1]"], ["[::1]:1"]),
        (["--real", "[::1]:1"], ["[::1]:1"]),
        (["--real", "localhost"], ["127.0.0.1:1"]),
        (["--real", "LocalHost:1"], ["127.0.0.1:1"]),
        (["--virtual", "tcp:[2001:db8::1]:80"], ["[::1]:1"]),
        (["--virtual", "fwm:7", "--real", "127.0.0.1:1"], ["127.0.0.1:1"]),
        (["--virtual", "192.0.2.1:80", "--real", ":2"], ["127.0.0.1:2"]),
        (["--real", "fwm:7/local*"], ["127.0.0.1:1"]),
    ],
)
def test_options_select_servers(
    options: list[str], expected: list[str], site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    site.write(
        section("192.0.2.1:80", "127.0.0.1:1", "127.0.0.1:2", checktype="on"),
        section("[2001:db8::1]:80", "[::1]:1", checktype="on"),
        section("7", "localhost:1", checktype="on"),
    )
    assert site.run(*options) == 0
    assert ["REAL", *expected] == [real for _, real, _, _ in shown(capsys)]


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (["--real", "127.0.0.3"], "probe: no real server 127.0.0.3; did you mean 127.0.0.1:1?"),
        (
            ["--virtual", "192.0.2.9:80"],
            "probe: no virtual 192.0.2.9:80 with real servers; write it as in tcp:192.0.2.1:80",
        ),
        (["--bogus"], "probe: unrecognized arguments: --bogus"),
    ],
)
def test_options_that_select_nothing_are_a_usage_error(
    options: list[str], complaint: str, site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    site.write(section("192.0.2.1:80", "127.0.0.1:1", checktype="on"))
    assert site.run(*options) == 255
    assert capsys.readouterr().err.startswith(f"{complaint}\n")


def test_a_long_list_takes_turns_and_shows_its_progress_on_a_terminal(
    site: Site, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    together = most = 0

    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal together, most
        together += 1
        most = max(most, together)
        await asyncio.sleep(0.02)
        together -= 1
        writer.write(IMAP)

    port = site.serve(talk)
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    monkeypatch.setattr(probe, "MAX_CONCURRENT", 10)
    more = "    service = imap\n    negotiatetimeout = {}\n"  # another one makes another check
    imaps = [section(str(n), f"127.0.0.1:{port}", checktype="negotiate", more=more.format(n)) for n in range(1, 30)]
    site.write(*imaps)
    assert site.run() == 0
    out, err = capsys.readouterr()
    assert len(out.splitlines()) == 30
    assert 1 < most <= 10
    assert err.endswith("\r29 of 29 checks done\r\x1b[K")


def test_a_bad_configuration_is_2_and_probes_nothing(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    site.config.write_text("bogus = 1\n")
    assert site.run() == 2
    assert capsys.readouterr().out == ""
