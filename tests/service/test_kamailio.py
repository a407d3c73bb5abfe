"""sip against kamailio."""

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
#!KAMAILIO
fork=yes
children=1
tcp_children=1
log_stderror=yes
debug=0
disable_core_dump=yes
auto_aliases=no
dns=no
rev_dns=no
listen=udp:127.0.0.1:{port}
listen=tcp:127.0.0.1:{port}
listen=udp:[::1]:{port}
listen=tcp:[::1]:{port}
loadmodule "sl.so"
loadmodule "pv.so"
loadmodule "textops.so"
request_route {{
    if ($rU == "silent") exit;
    if ($rU == "joe") {{
        sl_send_reply("100", "Trying");
        sl_send_reply("200", "OK");
        exit;
    }}
    if ($rU == "busy") {{
        append_to_reply("Retry-After: 9\\r\\n");
        sl_send_reply("503", "Service Unavailable");
        exit;
    }}
    sl_send_reply("404", "Not here");
}}
"""


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    kamailio, folder, port = program("kamailio", "kamailio"), tmp_path_factory.mktemp("kamailio"), closed_port()
    config = folder / "kamailio.cfg"
    config.write_text(_CONFIG.format(port=port))
    command = [kamailio, "-f", str(config), "-DD", "-E", "-m", "16", "-M", "4", "-Y", str(folder)]
    with serving(command, [("127.0.0.1", port), ("::1", port)], folder / "kamailio.log"):
        yield port


async def run(
    port: int, login: str, seconds: float = 20.0, host: str = "127.0.0.1", **fields: Any
) -> tuple[Verdict, str]:
    check = KINDS["sip"].check
    assert check is not None
    fields = {"protocol": Protocol.UDP, **fields}
    result = await probe(check, Target(ip_address(host), port, seconds, login=f"{login}@example.com", **fields))
    return result.verdict, result.reason


@pytest.mark.parametrize("protocol", [Protocol.UDP, Protocol.TCP])
@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
@pytest.mark.parametrize(
    ("login", "expected"),
    [
        ("joe", (Verdict.UP, "200 OK")),
        ("jane", (Verdict.DOWN, "status 404 Not here")),
        ("busy", (Verdict.DOWN, "status 503 Service Unavailable")),
    ],
)
async def test_answers(port: int, login: str, expected: tuple[Verdict, str], host: str, protocol: Protocol) -> None:
    assert expected == await run(port, login, host=host, protocol=protocol)


async def test_silent(port: int) -> None:
    assert await run(port, "silent", 0.6) == (Verdict.DOWN, "no answer within 0.6 s (no datagram came back)")
    expected = (Verdict.DOWN, "no answer within 0.3 s (connected, no answer to OPTIONS)")
    assert expected == await run(port, "silent", 0.3, protocol=Protocol.TCP)
