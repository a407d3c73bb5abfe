"""https with tlsverify against nginx, which has a differently invalid certificate for each name."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.fakes.scripted import closed_port, hanging, servers
from harness.servers.authority import FAULTS, GOOD, Hosts, hosts
from harness.servers.certificates import Certificate
from harness.servers.nginx import nginx
from harness.single_check import BOTH, run
from ldirectord_py.checks.probe import probe
from ldirectord_py.checks.registry import checker_for
from ldirectord_py.checks.services import KINDS
from ldirectord_py.config.load import load
from ldirectord_py.health import Verdict
from ldirectord_py.plan import plan

UP = (Verdict.UP, "200 OK")

_SERVER = """
server {{
    listen 127.0.0.1:{{{port}}} ssl{default};
    listen [::1]:{{{port}}} ssl{default};
    server_name {name};
    ssl_certificate {made.certificate}; ssl_certificate_key {made.key};
    {more}
    ssl_session_cache shared:all:1m;
    location / {{ return 200 "$host over $ssl_protocol, session $ssl_session_reused\\n"; }}
    location = /relative {{ absolute_redirect off; return 302 /; }}
    location = /private {{ return 401; }}
}}
"""
_OLD = "ssl_protocols TLSv1; ssl_ciphers ALL:@SECLEVEL=0;"


def _server(name: str, made: Certificate, port: str = "port0", default: str = "", more: str = "") -> str:
    return _SERVER.format(name=name, made=made, port=port, default=default, more=more)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[list[int], Hosts]]:
    folder = tmp_path_factory.mktemp("nginx")
    made = hosts(folder)
    text = _server(GOOD, made.good, default=" default_server") + _server(GOOD, made.good, "port1", more=_OLD)
    text += "".join(_server(name, faulty) for name, faulty in made.faulty.items())
    with nginx(folder, text, 2) as ports:
        yield ports, made


@pytest.fixture
def port(site: tuple[list[int], Hosts]) -> int:
    return site[0][0]


@pytest.fixture
def old(site: tuple[list[int], Hosts]) -> int:
    """Return the port where only TLS 1.0 is spoken."""
    return site[0][1]


@pytest.fixture
def trusted(site: tuple[list[int], Hosts]) -> str:
    return site[1].trusted


@pytest.mark.parametrize("address", BOTH)
@pytest.mark.parametrize("field", ["tlsname", "virtualhost"])
async def test_a_good_certificate_is_up(port: int, trusted: str, address: str, field: str) -> None:
    asked: dict[str, Any] = {"tlsverify": True, "tlsca": trusted, field: GOOD}
    assert await run("https", port, address, request="/", receive="over TLS", **asked) == UP
    assert await run("https", port, address, request="/relative", receive="over TLS", **asked) == UP


@pytest.mark.parametrize(("name", "reason"), FAULTS.items())
async def test_F12_a_faulty_certificate_is_down_where_it_is_verified(
    port: int, trusted: str, name: str, reason: str
) -> None:
    assert await run("https", port, request="/", tlsname=name) == UP
    assert await run("https", port, request="/", tlsname=name, tlsverify=True, tlsca=trusted) == (Verdict.DOWN, reason)


async def test_the_authorities_of_this_host_do_not_know_ours(port: int) -> None:
    expected = (Verdict.DOWN, "certificate of an unknown issuer")
    assert expected == await run("https", port, request="/", tlsname=GOOD, tlsverify=True)


@pytest.mark.parametrize("address", BOTH)
async def test_without_a_name_the_address_must_be_in_the_certificate(port: int, trusted: str, address: str) -> None:
    expected = (Verdict.DOWN, f"certificate is for {GOOD}, not {address}")
    assert expected == await run("https", port, address, request="/", tlsverify=True, tlsca=trusted)


async def test_a_certificate_may_itself_be_what_is_trusted(site: tuple[list[int], Hosts], port: int) -> None:
    made = site[1].faulty["self.example.com"].certificate.read_text()
    assert await run("https", port, request="/", tlsname="self.example.com", tlsverify=True, tlsca=made) == UP


async def test_F12_an_old_server_is_up_unless_certificates_are_verified(old: int, trusted: str) -> None:
    assert await run("https", old, request="/", receive="over TLSv1,", tlsname=GOOD) == UP
    expected = (Verdict.DOWN, "TLS: no version of TLS that both accept")
    assert expected == await run("https", old, request="/", tlsname=GOOD, tlsverify=True, tlsca=trusted)


async def test_F12_no_check_takes_up_the_session_of_another(port: int, trusted: str) -> None:
    for _ in range(3):
        asked: dict[str, Any] = {"tlsname": GOOD, "tlsverify": True, "tlsca": trusted}
        assert await run("https", port, request="/", receive=r"session \.$", **asked) == UP


async def test_a_status_that_is_expected_is_up(port: int) -> None:
    assert await run("https", port, request="/private", expectstatus="401") == (Verdict.UP, "401 Unauthorized")
    assert await run("https", port, request="/private") == (Verdict.DOWN, "status 401 Unauthorized")
    unfollowed = await run("https", port, request="/relative", followredirects=False)
    assert unfollowed == (Verdict.DOWN, "status 302 Moved Temporarily")


async def test_no_server_is_down() -> None:
    assert await run("https", closed_port(), request="/") == (Verdict.DOWN, "connect refused")


async def test_F12_a_server_that_stalls_the_handshake_is_down_at_the_deadline() -> None:
    async with servers() as silent:
        port = await silent.start(hanging())
        expected = (Verdict.DOWN, "no answer within 0.3 s (connected, TLS handshake not done)")
        assert expected == await run("https", port, seconds=0.3, request="/")


_FILE = """
tlsverify=yes
virtual=192.0.2.1:443
    real=127.0.0.1:{port} masq
    service=https
    virtualhost={name}
    tlsca={authority}
    receive="over TLS"
virtual6=[2001:db8::1]:443
    real6=[::1]:{port} masq
    service=https
    tlsname={name}
    tlsca={authority}
    request="private"
    expectstatus=401
"""


async def test_a_configuration_asks_for_it_and_a_reload_reads_the_authorities_anew(
    site: tuple[list[int], Hosts], tmp_path: Path
) -> None:
    (port, _), made = site
    file, authority = tmp_path / "test.cf", tmp_path / "ca.pem"
    file.write_text(_FILE.format(port=port, name=GOOD, authority=authority))
    authority.write_text(made.trusted)
    assert await verdicts(file) == [UP, (Verdict.UP, "401 Unauthorized")]
    authority.write_text(made.faulty["self.example.com"].certificate.read_text())
    assert await verdicts(file) == [(Verdict.DOWN, "certificate of an unknown issuer")] * 2


async def verdicts(file: Path) -> list[tuple[Verdict, str]]:
    """Return what the checks of a configuration find."""
    results = [await probe(checker_for(check), check.target) for check in plan(load(file).config, KINDS)]
    return [(result.verdict, result.reason) for result in results]
