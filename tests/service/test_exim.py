"""smtp and submission against exim."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from harness.fakes.scripted import closed_port, hanging, servers
from harness.servers.authority import FAULTS, GOOD, Hosts, hosts
from harness.servers.exim import Exim, exim
from harness.single_check import BOTH, public_folder, run
from ldirectord_py.health import Verdict

KINDS = ("smtp", "submission")
UP = (Verdict.UP, "220 mail.example.com still alive")


@pytest.fixture(scope="module")
def site() -> Iterator[tuple[Exim, Hosts]]:
    with public_folder("exim") as folder:
        made = hosts(folder)
        with exim(folder, made) as ports:
            yield ports, made


@pytest.fixture
def ports(site: tuple[Exim, Hosts]) -> Exim:
    return site[0]


@pytest.fixture
def trusted(site: tuple[Exim, Hosts]) -> str:
    return site[1].trusted


@pytest.mark.parametrize("address", BOTH)
@pytest.mark.parametrize("kind", KINDS)
async def test_a_greeting_and_an_answer_to_ehlo_are_up(ports: Exim, kind: str, address: str) -> None:
    assert await run(kind, ports.plain, address) == UP
    assert await run(kind, ports.secure, address) == UP
    assert await run(kind, ports.secure, address, starttls=True) == UP


@pytest.mark.parametrize("kind", KINDS)
async def test_a_server_that_takes_nobody_is_down(ports: Exim, kind: str) -> None:
    assert await run(kind, ports.refusing) == (Verdict.DOWN, 'expected 2, got "550 not today"')


@pytest.mark.parametrize("kind", KINDS)
async def test_a_server_without_starttls_is_down_where_it_is_asked_for(ports: Exim, kind: str) -> None:
    assert await run(kind, ports.plain, starttls=True) == (Verdict.DOWN, "the server offers no STARTTLS")


@pytest.mark.parametrize("kind", KINDS)
async def test_no_server_is_down(kind: str) -> None:
    assert await run(kind, closed_port()) == (Verdict.DOWN, "connect refused")


@pytest.mark.parametrize("kind", KINDS)
async def test_a_silent_server_is_down_at_the_deadline(kind: str) -> None:
    async with servers() as place:
        port = await place.start(hanging())
        expected = (Verdict.DOWN, "no answer within 0.3 s (connected, no greeting)")
        assert expected == await run(kind, port, seconds=0.3)


@pytest.mark.parametrize("address", BOTH)
@pytest.mark.parametrize("kind", KINDS)
async def test_a_good_certificate_is_up(ports: Exim, trusted: str, kind: str, address: str) -> None:
    asked: dict[str, Any] = {"starttls": True, "tlsverify": True, "tlsca": trusted, "tlsname": GOOD}
    assert await run(kind, ports.secure, address, **asked) == UP


@pytest.mark.parametrize(("name", "reason"), FAULTS.items())
@pytest.mark.parametrize("kind", KINDS)
async def test_a_faulty_certificate_is_down_where_it_is_verified(
    ports: Exim, trusted: str, kind: str, name: str, reason: str
) -> None:
    assert await run(kind, ports.secure, starttls=True, tlsname=name) == UP
    asked: dict[str, Any] = {"starttls": True, "tlsverify": True, "tlsca": trusted, "tlsname": name}
    assert await run(kind, ports.secure, **asked) == (Verdict.DOWN, reason)
