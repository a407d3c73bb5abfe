"""ftp against vsftpd."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest

from harness.fakes.scripted import closed_port, hanging, servers
from harness.memory import LITTLE, peak
from harness.servers.vsftpd import LOGIN, PASSWD, vsftpd
from ldirectord_py.checks.base import Target
from ldirectord_py.checks.probe import probe
from ldirectord_py.checks.services import ftp
from ldirectord_py.health import Verdict

LONG = b"x" * 3_000_000 + b"still alive\n"


@dataclass(frozen=True, slots=True)
class Server:
    """Where a vsftpd listens, and where its files are."""

    host: str
    port: int
    files: Path


@pytest.fixture(scope="module", params=["127.0.0.1", "::1"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("vsftpd")
    with vsftpd(folder, request.param, {"alive": b"still alive\n", "long": LONG, "empty": b""}) as port:
        yield Server(request.param, port, folder / "files")


async def run(host: str, port: int, request: str = "/", seconds: float = 20.0, **fields: Any) -> tuple[Verdict, str]:
    words = {"login": LOGIN, "passwd": PASSWD, "request": request, **fields}
    result = await probe(ftp.check, Target(ip_address(host), port, seconds, **words))
    return result.verdict, result.reason


async def test_up(server: Server) -> None:
    assert await run(server.host, server.port) == (Verdict.UP, "logged in")


@pytest.mark.parametrize(
    ("name", "receive", "expected"),
    [
        ("alive", "^still alive$", (Verdict.UP, "fetched 12 bytes")),
        ("alive", "", (Verdict.UP, "fetched 12 bytes")),
        ("long", "alive$", (Verdict.UP, f"fetched {len(LONG)} bytes")),
        ("empty", "", (Verdict.UP, "fetched 0 bytes")),
        ("alive", "dead", (Verdict.DOWN, 'receive pattern not in 12 bytes of file: "still alive\\n"')),
        ("empty", "alive", (Verdict.DOWN, 'receive pattern not in 0 bytes of file: ""')),
        ("missing", "", (Verdict.DOWN, "RETR refused: 550 Failed to open file.")),
    ],
)
async def test_a_file(server: Server, name: str, receive: str, expected: tuple[Verdict, str]) -> None:
    assert expected == await run(server.host, server.port, str(server.files / name), receive=receive)


async def test_a_long_file_takes_little_memory(server: Server) -> None:
    assert await peak(lambda: run(server.host, server.port, str(server.files / "long"), receive="dead")) < LITTLE


async def test_wrong_password(server: Server) -> None:
    expected = (Verdict.DOWN, "PASS refused: 530 Login incorrect.")
    assert expected == await run(server.host, server.port, passwd="guest")


async def test_wrong_user(server: Server) -> None:
    expected = (Verdict.DOWN, "USER refused: 530 This FTP server is anonymous only.")
    assert expected == await run(server.host, server.port, login="joe")


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
async def test_down_and_silent(host: str) -> None:
    assert await run(host, closed_port(host)) == (Verdict.DOWN, "connect refused")
    async with servers() as place:
        expected = (Verdict.DOWN, "no answer within 0.3 s (connected, no greeting)")
        assert expected == await run(host, await place.start(hanging(), host), seconds=0.3)
