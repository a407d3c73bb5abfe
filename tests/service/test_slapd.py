"""ldap and ldaps against slapd."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest

from harness.fakes.scripted import closed_port, hanging, servers
from harness.servers.certificates import self_signed
from harness.servers.slapd import BASE, JOE, Slapd, slapd
from ldirectord_py.checks.base import Target
from ldirectord_py.checks.probe import probe
from ldirectord_py.checks.services import KINDS
from ldirectord_py.health import Verdict

FOUND = (Verdict.UP, f'found "{BASE}"')
KINDS_AND_PORTS = [("ldap", "plain"), ("ldaps", "secure")]
ADDRESSES = ["127.0.0.1", "::1"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("slapd")


@pytest.fixture(scope="module")
def directory(folder: Path) -> Iterator[Slapd]:
    with slapd(folder / "open", self_signed(folder, "ldap.example.com")) as ports:
        yield ports


@pytest.fixture(scope="module")
def strict(folder: Path) -> Iterator[Slapd]:
    """A directory that wants to know who asks, and whose certificate has expired."""
    tls = self_signed(folder, "old.example.com", expired=True)
    with slapd(folder / "strict", tls, "disallow bind_anon") as ports:
        yield ports


async def run(
    kind: str, port: int, address: str = "127.0.0.1", seconds: float = 20.0, **fields: Any
) -> tuple[Verdict, str]:
    check = KINDS[kind].check
    assert check is not None
    target = Target(ip_address(address), port, seconds, **{"request": f"/{BASE}", **fields})
    result = await probe(check, target)
    return result.verdict, result.reason


@pytest.mark.parametrize("address", ADDRESSES)
@pytest.mark.parametrize(("kind", "door"), KINDS_AND_PORTS)
async def test_up(directory: Slapd, kind: str, door: str, address: str) -> None:
    port = getattr(directory, door)
    assert await run(kind, port, address) == FOUND
    assert await run(kind, port, address, receive="^dc=example,dc=com$") == FOUND
    joe: dict[str, Any] = {"request": f"/{JOE}", "login": JOE, "passwd": "hunter2"}
    assert await run(kind, port, address, **joe) == (Verdict.UP, f'found "{JOE}"')


@pytest.mark.parametrize("address", ADDRESSES)
@pytest.mark.parametrize(("kind", "door"), KINDS_AND_PORTS)
async def test_wrong_password(directory: Slapd, kind: str, door: str, address: str) -> None:
    expected = (Verdict.DOWN, "bind refused: invalidCredentials")
    for login, passwd in ((JOE, "wrong"), (f"cn=jane,{BASE}", "hunter2")):
        assert expected == await run(kind, getattr(directory, door), address, login=login, passwd=passwd)


async def test_who_does_not_say_who_he_is_is_refused(strict: Slapd) -> None:
    expected = (Verdict.DOWN, 'bind refused: inappropriateAuthentication ("anonymous bind disallowed")')
    assert expected == await run("ldap", strict.plain)
    assert expected == await run("ldap", strict.plain, login=JOE)
    assert await run("ldap", strict.plain, login=JOE, passwd="hunter2") == FOUND


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"receive": "o: Still Alive"}, FOUND),
        ({"receive": "hasSubordinates: TRUE"}, FOUND),
        ({"request": "/", "receive": "supportedLDAPVersion: 3"}, (Verdict.UP, 'found ""')),
        ({"request": "/dc=example,dc=org"}, (Verdict.DOWN, "search refused: noSuchObject")),
        ({"request": f"/cn=jane,{BASE}"}, (Verdict.DOWN, "search refused: noSuchObject")),
        ({"request": "/no name"}, (Verdict.DOWN, 'search refused: invalidDNSyntax ("invalid DN")')),
        (
            {"request": f"/dc=elsewhere,{BASE}"},
            (Verdict.DOWN, f'search refused: referral to "ldap://other.example.com/{BASE}??base"'),
        ),
    ],
)
async def test_content(directory: Slapd, fields: dict[str, Any], expected: tuple[Verdict, str]) -> None:
    assert expected == await run("ldap", directory.plain, **fields)


@pytest.mark.parametrize(("kind", "door"), KINDS_AND_PORTS)
async def test_wrong_content(directory: Slapd, kind: str, door: str) -> None:
    verdict, reason = await run(kind, getattr(directory, door), receive="Dead Inc")
    assert verdict is Verdict.DOWN
    assert reason.startswith(f'receive pattern not in "{BASE}" nor in ')


@pytest.mark.parametrize("address", ADDRESSES)
@pytest.mark.parametrize(("kind", "phase"), [("ldap", "connected, no answer to bind"), ("ldaps", "")])
async def test_down_and_silent(kind: str, phase: str, address: str) -> None:
    verdict, reason = await run(kind, closed_port(address), address)
    assert (verdict, reason[:15]) == (Verdict.DOWN, "connect refused")
    async with servers() as place:
        verdict, reason = await run(kind, await place.start(hanging(), address), address, 0.3)
    assert verdict is Verdict.DOWN
    assert reason.startswith(f"no answer within 0.3 s ({phase}")


async def test_one_door_for_the_other(directory: Slapd) -> None:
    verdict, reason = await run("ldaps", directory.plain)
    assert verdict is Verdict.DOWN
    assert reason.startswith(("TLS: closed by server in the handshake", "reset by server"))
    verdict, reason = await run("ldap", directory.secure)
    assert verdict is Verdict.DOWN
    assert reason.startswith(("closed by server", "reset by server", "malformed LDAP answer"))


@pytest.mark.parametrize(
    ("server", "ca", "name", "expected"),
    [
        ("directory", "ldap.example.com", "ldap.example.com", FOUND),
        ("directory", "", "ldap.example.com", (Verdict.DOWN, "certificate is self-signed")),
        (
            "directory",
            "ldap.example.com",
            "www.example.com",
            (Verdict.DOWN, "certificate is for ldap.example.com, not www.example.com"),
        ),
        ("strict", "old.example.com", "old.example.com", (Verdict.DOWN, "certificate expired 2020-01-02")),
    ],
)
async def test_certificates_are_looked_at_on_request(
    request: pytest.FixtureRequest, folder: Path, server: str, ca: str, name: str, expected: tuple[Verdict, str]
) -> None:
    port = request.getfixturevalue(server).secure
    known = (folder / f"{ca}.pem").read_text() if ca else ""
    fields: dict[str, Any] = {"login": JOE, "passwd": "hunter2", "tlsverify": True, "tlsca": known, "tlsname": name}
    for address in ADDRESSES:
        assert expected == await run("ldaps", port, address, **fields)
