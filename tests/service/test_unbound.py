"""dns against unbound."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address
from typing import Any

import pytest

from harness.fakes.scripted import closed_port
from harness.servers.server_process import program, serving
from ldirectord_py.checks.base import Target
from ldirectord_py.checks.probe import probe
from ldirectord_py.checks.services import KINDS
from ldirectord_py.health import Verdict
from ldirectord_py.ipvs.table import Protocol

_CONFIG = """\
server:
    interface: 127.0.0.1@{port}
    interface: ::1@{port}
    username: ""
    chroot: ""
    directory: "{folder}"
    pidfile: "{folder}/unbound.pid"
    use-syslog: no
    module-config: "iterator"
    do-not-query-localhost: no
    outbound-msg-retry: 1
    local-zone: "." static
    local-data: ". NS a.root-servers.example."
    local-zone: "dead.example." transparent
    local-zone: "denied.example." refuse
    local-zone: "silent.example." deny
    local-data: "www.example.com. A 192.0.2.80"
    local-data: "www.example.com. AAAA 2001:db8::80"
    local-data: "example.com. SOA ns.example.com. admin.example.com. 2026010101 3600 900 604800 300"
    local-data: "example.com. NS ns.example.com."
    local-data: "example.com. MX 10 mail.example.com."
    local-data: 'example.com. TXT "v=spf1 -all"'
    local-data: "_sip._udp.example.com. SRV 0 5 5060 sip.example.com."
    local-data: "alias.example.com. CNAME www.example.com."
    local-data-ptr: "192.0.2.80 www.example.com"
    local-data-ptr: "2001:db8::80 www.example.com"
{long}
remote-control:
    control-enable: no
forward-zone:
    name: "dead.example."
    forward-addr: 127.0.0.1@{dead}
"""


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    unbound, folder, port = program("unbound", "unbound"), tmp_path_factory.mktemp("unbound"), closed_port()
    long = "\n".join(f"""    local-data: 'long.example.com. TXT "{number:03} {"x" * 90}"'""" for number in range(20))
    config = folder / "unbound.conf"
    config.write_text(_CONFIG.format(port=port, folder=folder, long=long, dead=closed_port()))
    endpoints = [("127.0.0.1", port), ("::1", port)]
    with serving([unbound, "-d", "-c", str(config)], endpoints, folder / "unbound.log"):
        yield port


async def run(
    port: int, request: str, seconds: float = 20.0, host: str = "127.0.0.1", **fields: Any
) -> tuple[Verdict, str]:
    check = KINDS["dns"].check
    assert check is not None
    fields = {"protocol": Protocol.UDP, **fields}
    result = await probe(check, Target(ip_address(host), port, seconds, request=request, **fields))
    return result.verdict, result.reason


@pytest.mark.parametrize("protocol", [Protocol.UDP, Protocol.TCP])
@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
@pytest.mark.parametrize(
    ("request_", "found"),
    [
        ("/", "a.root-servers.example"),
        ("www.example.com", "192.0.2.80"),
        ("WWW.Example.COM.", "192.0.2.80"),
        ("www.example.com AAAA", "2001:db8::80"),
        ("alias.example.com CNAME", "www.example.com"),
        ("192.0.2.80", "www.example.com"),
        ("2001:db8::80", "www.example.com"),
        ("example.com MX", "10 mail.example.com"),
        ("example.com TXT", "v=spf1 -all"),
        ("example.com NS", "ns.example.com"),
        ("example.com SOA", "ns.example.com admin.example.com 2026010101 3600 900 604800 300"),
        ("_sip._udp.example.com SRV", "0 5 5060 sip.example.com"),
    ],
)
async def test_up(port: int, request_: str, found: str, host: str, protocol: Protocol) -> None:
    assert await run(port, request_, host=host, protocol=protocol) == (Verdict.UP, found)


async def test_up_with_what_is_to_be_received(port: int) -> None:
    assert await run(port, "/www.example.com", receive=r"^192\.0\.2\.80$") == (Verdict.UP, "192.0.2.80")


async def test_an_answer_too_long_for_a_datagram(port: int) -> None:
    expected = (Verdict.UP, f"017 {'x' * 90}")
    assert expected == await run(port, "long.example.com TXT", receive="^017 ")


@pytest.mark.parametrize("protocol", [Protocol.UDP, Protocol.TCP])
@pytest.mark.parametrize(
    ("request_", "fields", "reason"),
    [
        ("missing.example.com", {}, "NXDOMAIN for missing.example.com A"),
        ("www.denied.example", {}, "REFUSED for www.denied.example A"),
        ("www.dead.example", {}, "SERVFAIL for www.dead.example A"),
        ("www.example.com MX", {}, "no record in the answer for www.example.com MX"),
        (
            "www.example.com",
            {"receive": r"192\.0\.2\.81"},
            'receive pattern not in the records for www.example.com A: "192.0.2.80"',
        ),
    ],
)
async def test_down(port: int, request_: str, fields: dict[str, Any], reason: str, protocol: Protocol) -> None:
    assert await run(port, request_, protocol=protocol, **fields) == (Verdict.DOWN, reason)


async def test_silent(port: int) -> None:
    expected = (Verdict.DOWN, "no answer within 0.7 s (no datagram came back)")
    assert expected == await run(port, "www.silent.example", 0.7)
