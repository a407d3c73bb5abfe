"""pop, pops, imap and imaps against dovecot."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from harness.fakes.scripted import closed_port, hanging, servers
from harness.servers.authority import FAULTS, GOOD, Hosts, hosts
from harness.servers.dovecot import Dovecot, dovecot
from harness.single_check import BOTH, public_folder, run
from ldirectord_py.health import Verdict

JOE: dict[str, Any] = {"login": "joe", "passwd": "hunter2"}
KINDS = ("pop", "pops", "imap", "imaps")
OVER_TLS = ("pops", "imaps")
UP = {"pop": "+OK Still alive", "imap": "Still alive"}


@pytest.fixture(scope="module")
def site() -> Iterator[tuple[Dovecot, Hosts]]:
    with public_folder("dovecot") as folder:
        made = hosts(folder)
        with dovecot(folder, made) as ports:
            yield ports, made


@pytest.fixture
def ports(site: tuple[Dovecot, Hosts]) -> Dovecot:
    return site[0]


@pytest.fixture
def trusted(site: tuple[Dovecot, Hosts]) -> str:
    return site[1].trusted


def up(kind: str, got: tuple[Verdict, str]) -> bool:
    return got[0] is Verdict.UP and UP[kind.removesuffix("s")] in got[1]


@pytest.mark.parametrize("address", BOTH)
@pytest.mark.parametrize("kind", KINDS)
async def test_a_greeting_or_a_login_is_up(ports: Dovecot, kind: str, address: str) -> None:
    port = getattr(ports, kind)
    assert up(kind, await run(kind, port, address))
    assert up(kind, await run(kind, port, address, **JOE))


@pytest.mark.parametrize("kind", KINDS)
async def test_a_wrong_password_is_down(ports: Dovecot, kind: str) -> None:
    verdict, reason = await run(kind, getattr(ports, kind), login="joe", passwd="hunter3")
    assert verdict is Verdict.DOWN
    refused = {"pop": "login refused: -ERR [AUTH]", "imap": "login refused: a1 NO [AUTHENTICATIONFAILED]"}
    assert reason.startswith(refused[kind.removesuffix("s")])
    assert "hunter3" not in reason


async def test_another_protocol_is_down(ports: Dovecot) -> None:
    verdict, reason = await run("pop", ports.imap)
    assert (verdict, reason.startswith('expected +OK, got "* OK [CAPABILITY')) == (Verdict.DOWN, True)
    verdict, reason = await run("imap", ports.pop)
    assert (verdict, reason) == (Verdict.DOWN, 'expected * OK or * PREAUTH, got "+OK Still alive"')
    assert await run("imaps", ports.imap) == (Verdict.DOWN, "TLS: no TLS on this port")


@pytest.mark.parametrize("kind", KINDS)
async def test_no_server_is_down(kind: str) -> None:
    assert await run(kind, closed_port()) == (Verdict.DOWN, "connect refused")


@pytest.mark.parametrize("kind", KINDS)
async def test_a_silent_server_is_down_at_the_deadline(kind: str) -> None:
    async with servers() as place:
        port = await place.start(hanging())
        phase = "no TLS connection" if kind in OVER_TLS else "connected, no greeting"
        assert await run(kind, port, seconds=0.3) == (Verdict.DOWN, f"no answer within 0.3 s ({phase})")


@pytest.mark.parametrize("address", BOTH)
@pytest.mark.parametrize("kind", OVER_TLS)
async def test_a_good_certificate_is_up(ports: Dovecot, trusted: str, kind: str, address: str) -> None:
    asked: dict[str, Any] = {"tlsverify": True, "tlsca": trusted, "tlsname": GOOD}
    assert up(kind, await run(kind, getattr(ports, kind), address, **asked, **JOE))


@pytest.mark.parametrize(("name", "reason"), FAULTS.items())
@pytest.mark.parametrize("kind", OVER_TLS)
async def test_a_faulty_certificate_is_down_where_it_is_verified(
    ports: Dovecot, trusted: str, kind: str, name: str, reason: str
) -> None:
    port = getattr(ports, kind)
    assert up(kind, await run(kind, port, tlsname=name))
    assert await run(kind, port, tlsname=name, tlsverify=True, tlsca=trusted) == (Verdict.DOWN, reason)


@pytest.mark.parametrize("address", BOTH)
async def test_without_a_name_the_address_must_be_in_the_certificate(
    ports: Dovecot, trusted: str, address: str
) -> None:
    expected = (Verdict.DOWN, f"certificate is for {GOOD}, not {address}")
    assert expected == await run("imaps", ports.imaps, address, tlsverify=True, tlsca=trusted)
