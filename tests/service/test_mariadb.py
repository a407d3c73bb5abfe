"""mysql against MariaDB."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from ipaddress import ip_address
from typing import Any

import pytest

from harness.fakes.scripted import closed_port, hanging, servers
from harness.servers.certificates import Certificate, self_signed
from harness.servers.databases import mariadb
from ldirectord_py.checks.base import Target
from ldirectord_py.checks.probe import probe
from ldirectord_py.checks.services import KINDS
from ldirectord_py.health import Verdict

MISSING = not shutil.which("mariadbd", path="/usr/sbin:/usr/bin")
pytestmark = pytest.mark.skipif(MISSING and not os.environ.get("CI"), reason="mariadb-server is not installed")

STATEMENTS = (
    "CREATE DATABASE shop",
    "USE shop",
    "CREATE TABLE enabled (id INTEGER)",
    "CREATE TABLE lots AS SELECT seq AS id, REPEAT('x', 500) AS filling FROM seq_1_to_20000",
    "CREATE USER director IDENTIFIED BY 'hunter2'",
    "CREATE USER empty",
    "CREATE USER modern IDENTIFIED VIA ed25519 USING PASSWORD('hunter2')",
    "CREATE USER wide IDENTIFIED BY 'p\u00e4\u00dfwort'",
    "GRANT ALL ON shop.* TO director, empty, modern, wide",
)

TLS_STATEMENTS = (
    "CREATE USER director IDENTIFIED BY 'hunter2'",
    "CREATE USER tls IDENTIFIED BY 'hunter2' REQUIRE SSL",
)

UP = (Verdict.UP, "got a row")


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with mariadb(STATEMENTS) as chosen:
        yield chosen


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return self_signed(tmp_path_factory.mktemp("mysql"), "db.example.com", expired=True)


@pytest.fixture(scope="module")
def tls_port(own: Certificate) -> Iterator[int]:
    with mariadb(TLS_STATEMENTS, tls=own) as chosen:
        yield chosen


async def run(port: int, request: str = "SELECT 1", address: str = "127.0.0.1", **fields: Any) -> tuple[Verdict, str]:
    check = KINDS["mysql"].check
    assert check is not None
    fields = {"login": "director", "passwd": "hunter2", "database": "shop", "timeout": 20.0, **fields}
    result = await probe(check, Target(ip_address(address), port, request=request, **fields))
    return result.verdict, result.reason


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
@pytest.mark.parametrize(("login", "passwd"), [("director", "hunter2"), ("empty", ""), ("wide", "p\u00e4\u00dfwort")])
async def test_a_row_is_up(port: int, login: str, passwd: str, address: str) -> None:
    assert await run(port, address=address, login=login, passwd=passwd) == UP


async def test_logins_that_are_refused(port: int) -> None:
    refused = "login refused: Access denied for user 'director'@'localhost' (using password: {})"
    assert await run(port, passwd="wrong") == (Verdict.DOWN, refused.format("YES"))
    assert await run(port, passwd="") == (Verdict.DOWN, refused.format("NO"))
    asked = (Verdict.DOWN, "login refused: the server asks for client_ed25519, not known here")
    assert asked == await run(port, login="modern")


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        ("/SELECT 1;", UP),
        ("SELECT NULL", UP),
        ("SELECT ''", UP),
        ("SELECT * FROM lots", UP),
        ("SELECT REPEAT('x', 8000000)", UP),
        ("SELECT id FROM enabled", (Verdict.DOWN, "the query returns no row")),
        ("DELETE FROM enabled", (Verdict.DOWN, "the query returns no row")),
        ("UPDATE lots SET filling = '' WHERE id < 3", (Verdict.UP, "2 rows changed")),
        ("SELECT * FROM nosuch", (Verdict.DOWN, "query failed: Table 'shop.nosuch' doesn't exist")),
        ("SELECT 1; SELECT 2", None),
        ("LOAD DATA LOCAL INFILE '/etc/passwd' INTO TABLE enabled", None),
        ("", (Verdict.DOWN, "request is not set")),
    ],
)
async def test_what_a_query_brings(port: int, request_: str, expected: tuple[Verdict, str] | None) -> None:
    verdict, reason = await run(port, request_)
    if expected:
        assert expected == (verdict, reason)
    else:
        assert (verdict, reason[:14]) == (Verdict.DOWN, "query failed: ")


async def test_databases(port: int) -> None:
    assert await run(port, database="") == UP
    verdict, reason = await run(port, database="nosuch")
    assert verdict is Verdict.DOWN
    assert "nosuch" in reason


@pytest.mark.difference("mysql")
async def test_tls_is_taken_where_there_is_some(tls_port: int, own: Certificate) -> None:
    request = (
        "SELECT 1 FROM information_schema.SESSION_STATUS WHERE VARIABLE_NAME = 'Ssl_cipher' AND VARIABLE_VALUE > ''"
    )
    for address in ("127.0.0.1", "::1"):
        assert await run(tls_port, request, address, login="tls", database="") == UP
    verdict, reason = await run(tls_port, login="tls", passwd="wrong")
    assert (verdict, reason[:28]) == (Verdict.DOWN, "login refused: Access denied")
    asked: dict[str, Any] = {"login": "tls", "database": "", "tlsverify": True, "tlsname": "db.example.com"}
    assert await run(tls_port, **asked) == (Verdict.DOWN, "certificate is self-signed")
    expired = (Verdict.DOWN, "certificate expired 2020-01-02")
    assert expired == await run(tls_port, tlsca=own.certificate.read_text(), **asked)


async def test_no_tls_where_it_is_asked_for(port: int) -> None:
    expected = (Verdict.DOWN, "the server has no TLS, which tlsverify asks for")
    assert expected == await run(port, tlsverify=True)


async def test_down_and_silent() -> None:
    assert await run(closed_port()) == (Verdict.DOWN, "connect refused")
    async with servers() as place:
        expected = (Verdict.DOWN, "no answer within 0.3 s (connected, no greeting)")
        assert expected == await run(await place.start(hanging()), timeout=0.3)
