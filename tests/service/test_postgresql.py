"""pgsql against PostgreSQL."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest

from harness.comparison.checks import both, site
from harness.comparison.perl import needs_original
from harness.fakes.scripted import Servers, closed_port, hanging, servers
from harness.servers.certificates import Certificate, self_signed
from harness.servers.databases import pgbouncer, postgres
from harness.servers.server_process import program
from ldirectord_py.checks.base import Target
from ldirectord_py.checks.probe import probe
from ldirectord_py.checks.services import KINDS
from ldirectord_py.health import Verdict

MISSING = not shutil.which("initdb", path=":".join(map(str, Path("/usr/lib/postgresql").glob("*/bin"))))
pytestmark = pytest.mark.skipif(MISSING and not os.environ.get("CI"), reason="postgresql is not installed")

ACCESS = """\
host all scram all scram-sha-256
host all md5 all md5
host all clear all password
host all trusted all trust
hostnossl all tls all reject
hostssl all tls all scram-sha-256
"""

STATEMENTS = (
    "CREATE DATABASE shop",
    "CREATE TABLE lots AS SELECT generate_series(1, 100000) AS id, repeat('x', 500) AS filling",
    "CREATE TABLE enabled (id integer)",
    "GRANT ALL ON lots, enabled TO public",
    "CREATE USER scram PASSWORD 'hunter2'",
    "CREATE USER clear PASSWORD 'hunter2'",
    "CREATE USER tls PASSWORD 'hunter2'",
    "CREATE USER trusted",
    "CREATE USER wide PASSWORD 'p\u00e4\u00dfw\u00b2rt'",
    "SET password_encryption = md5",
    "CREATE USER md5 PASSWORD 'hunter2'",
)

UP = (Verdict.UP, "got a row")


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return self_signed(tmp_path_factory.mktemp("pgsql"), "db.example.com")


@pytest.fixture(scope="module")
def port(own: Certificate) -> Iterator[int]:
    with postgres(ACCESS + "host all wide all scram-sha-256\n", STATEMENTS, tls=own) as chosen:
        yield chosen


@pytest.fixture(scope="module")
def expired(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, str]]:
    made = self_signed(tmp_path_factory.mktemp("expired"), "db.example.com", expired=True)
    with postgres(ACCESS, STATEMENTS[-2:], tls=made) as chosen:
        yield chosen, made.certificate.read_text()


async def run(port: int, request: str = "SELECT 1", address: str = "127.0.0.1", **fields: Any) -> tuple[Verdict, str]:
    check = KINDS["pgsql"].check
    assert check is not None
    fields = {"login": "scram", "passwd": "hunter2", "database": "postgres", "timeout": 20.0, **fields}
    result = await probe(check, Target(ip_address(address), port, request=request, **fields))
    return result.verdict, result.reason


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
@pytest.mark.parametrize("login", ["scram", "md5", "clear", "trusted", "tls"])
async def test_every_way_to_log_in(port: int, login: str, address: str) -> None:
    assert await run(port, address=address, login=login) == UP


@pytest.mark.parametrize("login", ["scram", "md5", "clear", "tls"])
async def test_a_wrong_password_is_refused(port: int, login: str) -> None:
    expected = (Verdict.DOWN, f'login refused: password authentication failed for user "{login}"')
    assert expected == await run(port, login=login, passwd="wrong")
    assert await run(port, login=login, passwd="") == (
        Verdict.DOWN,
        "login refused: the server asks for a password",
    )


async def test_a_password_beyond_ascii(port: int) -> None:
    assert await run(port, login="wide", passwd="p\u00e4\u00dfw\u00b2rt") == UP
    assert await run(port, login="wide", passwd="pa\u0308\u00dfw2rt") == UP


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        ("/SELECT 1;", UP),
        ("SELECT NULL", UP),
        ("SELECT * FROM lots", UP),
        ("SELECT repeat('x', 100000000)", UP),
        ("SELECT 1 WHERE false", (Verdict.DOWN, "the query returns no row")),
        ("SELECT * FROM enabled", (Verdict.DOWN, "the query returns no row")),
        ("SELECT 1/(3-id) FROM lots WHERE id < 9", (Verdict.DOWN, "query failed: division by zero")),
        ("SET search_path TO public; SELECT 1", UP),
        ("SELECT * FROM enabled; SELECT 1", UP),
        ("SELECT 1; SELECT * FROM enabled", (Verdict.DOWN, "the query returns no row")),
        ("SELECT 1; SELECT 1/0", (Verdict.DOWN, "query failed: division by zero")),
        ("BEGIN; SELECT 1; COMMIT", (Verdict.DOWN, "the query returns no row")),
        ("SELECT 1; UPDATE lots SET filling = '' WHERE id < 3", (Verdict.UP, "2 rows changed")),
        ("DO 'BEGIN RAISE NOTICE $$mind the gap$$; END'; SELECT 1", UP),
        ("SHOW server_version", UP),
        (";", (Verdict.DOWN, "the query returns no row")),
        ("COPY lots TO STDOUT", UP),
        ("SELECT * FROM nosuch", (Verdict.DOWN, 'query failed: relation "nosuch" does not exist')),
        ("SELECT 1/0", (Verdict.DOWN, "query failed: division by zero")),
        ("UPDATE lots SET filling = '' WHERE id < 3", (Verdict.UP, "2 rows changed")),
        ("COPY enabled FROM STDIN", (Verdict.DOWN, "the server asks for data to copy")),
        ("", (Verdict.DOWN, "request is not set")),
        ("/", (Verdict.DOWN, "request is not set")),
    ],
)
async def test_what_a_query_brings(port: int, request_: str, expected: tuple[Verdict, str]) -> None:
    assert expected == await run(port, request_)


@needs_original
@pytest.mark.parametrize(
    "request_",
    [
        "SELECT 1;",
        "SELECT * FROM enabled; SELECT 1",
        "SELECT 1; SELECT * FROM enabled",
        "SELECT 1; SELECT 1/0",
        "SELECT 1/(3-id) FROM lots WHERE id < 9",
        "BEGIN; SELECT 1; COMMIT",
        "SET search_path TO public; SELECT 1",
        "SELECT 1; UPDATE lots SET id = id WHERE id < 3",
        "CREATE TEMPORARY TABLE more AS SELECT 1",
        ";",
    ],
)
async def test_several_statements_are_judged_as_by_the_original(port: int, request_: str) -> None:
    login = 'service=pgsql\nlogin="clear"\npasswd="hunter2"\ndatabase="postgres"\n'
    theirs, ours = await both(site(port, f'{login}request="{request_}"'))
    assert ours.partition(":")[0] == theirs


@pytest.fixture(scope="module")
def bouncer(port: int) -> Iterator[int]:
    with pgbouncer(program("pgbouncer", "pgbouncer"), port, "scram", "hunter2") as chosen:
        yield chosen


@pytest.mark.parametrize(
    ("database", "request_", "expected"),
    [
        ("pgbouncer", "SHOW LISTS", UP),
        ("pgbouncer", "SHOW POOLS", UP),
        ("pgbouncer", "SHOW nonsense", (Verdict.DOWN, "query failed: invalid command 'SHOW nonsense', use SHOW HELP;")),
        ("postgres", "SELECT 1", UP),
        ("postgres", "SELECT * FROM enabled", (Verdict.DOWN, "the query returns no row")),
        ("postgres", "SELECT * FROM enabled; SELECT 1", UP),
    ],
)
@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
async def test_pgbouncer_and_its_console_which_knows_only_simple_queries(
    bouncer: int, address: str, database: str, request_: str, expected: tuple[Verdict, str]
) -> None:
    assert expected == await run(bouncer, request_, address, database=database)


@needs_original
async def test_the_console_of_pgbouncer_is_up_for_the_original_too(bouncer: int) -> None:
    login = 'service=pgsql\nlogin="scram"\npasswd="hunter2"\ndatabase="pgbouncer"\n'
    assert await both(site(bouncer, f'{login}request="SHOW LISTS"')) == ("up", "up: got a row")


async def test_databases(port: int) -> None:
    assert await run(port, database="shop") == UP
    assert await run(port, database="nosuch") == (Verdict.DOWN, 'database "nosuch" does not exist')
    assert await run(port, database="") == (Verdict.DOWN, 'database "scram" does not exist')


async def test_a_user_whom_the_server_does_not_let_in(port: int) -> None:
    verdict, reason = await run(port, login="stranger")
    assert (verdict, reason.partition(" for host")[0]) == (Verdict.DOWN, "login refused: no pg_hba.conf entry")


async def test_tls_is_verified_where_it_is_asked_for(port: int, own: Certificate) -> None:
    ca = own.certificate.read_text()
    assert await run(port, tlsverify=True, tlsca=ca, tlsname="db.example.com") == UP
    self_made = (Verdict.DOWN, "certificate is self-signed")
    assert self_made == await run(port, tlsverify=True, tlsname="db.example.com")
    wrong = (Verdict.DOWN, "certificate is for db.example.com, not www.example.com")
    assert wrong == await run(port, tlsverify=True, tlsca=ca, tlsname="www.example.com")


async def test_an_expired_certificate(expired: tuple[int, str]) -> None:
    port, ca = expired
    assert await run(port, login="md5") == UP
    refused = (Verdict.DOWN, "certificate expired 2020-01-02")
    assert refused == await run(port, login="md5", tlsverify=True, tlsca=ca, tlsname="db.example.com")


async def test_down_and_silent() -> None:
    assert await run(closed_port()) == (Verdict.DOWN, "connect refused")
    async with servers() as place:
        assert isinstance(place, Servers)
        expected = (Verdict.DOWN, "no answer within 0.3 s (connected, no answer to the request for TLS)")
        assert expected == await run(await place.start(hanging()), timeout=0.3)
