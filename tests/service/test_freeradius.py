"""radius against freeradius."""

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
name = freeradius
prefix = /usr
libdir = /usr/lib/freeradius
raddbdir = {folder}
logdir = {folder}
run_dir = {folder}
pidfile = {folder}/pid
max_request_time = 30
hostname_lookups = no
security {{
    allow_core_dumps = no
    reject_delay = 0
}}
modules {{
    pap {{
    }}
    files {{
        filename = {folder}/users
    }}
}}
client four {{
    ipaddr = 127.0.0.1
    secret = testing123
    proto = *
    require_message_authenticator = yes
}}
client six {{
    ipv6addr = ::1
    secret = testing123
    proto = *
    require_message_authenticator = yes
}}
server default {{
    listen {{
        type = auth
        ipaddr = 127.0.0.1
        port = {port}
    }}
    listen {{
        type = auth
        ipv6addr = ::1
        port = {port}
    }}
    listen {{
        type = auth
        proto = tcp
        ipaddr = 127.0.0.1
        port = {ready}
    }}
    authorize {{
        files
        pap
    }}
    authenticate {{
        pap
    }}
    post-auth {{
        if (&User-Name == "proved") {{
            update reply {{
                &Message-Authenticator := 0x00
            }}
        }}
        if (&User-Name == "silent") {{
            update control {{
                &Response-Packet-Type := Do-Not-Respond
            }}
        }}
    }}
}}
"""

_USERS = """\
joe Cleartext-Password := "hunter2"
    Reply-Message := "Hello joe"
proved Cleartext-Password := "hunter2"
silent Cleartext-Password := "hunter2"
long Cleartext-Password := "{long}"
six NAS-IPv6-Address == "::1", Cleartext-Password := "hunter2"
four NAS-IP-Address == 127.0.0.1, Cleartext-Password := "hunter2"
blocked Auth-Type := Reject
    Reply-Message := "Your account is blocked"
"""

BARE = (Verdict.UP, "Access-Accept (without Message-Authenticator)")
"""What this version sends unless it is told otherwise."""

_LONG = "a password of more than sixteen bytes"


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    freeradius, folder = program("freeradius", "freeradius"), tmp_path_factory.mktemp("freeradius")
    port, ready = closed_port(), closed_port()
    (folder / "radiusd.conf").write_text(_CONFIG.format(folder=folder, port=port, ready=ready))
    (folder / "users").write_text(_USERS.format(long=_LONG))
    (folder / "dictionary").write_text("")
    command = [freeradius, "-d", str(folder), "-n", "radiusd", "-fs", "-l", "stdout"]
    with serving(command, [("127.0.0.1", ready)], folder / "freeradius.log"):
        yield port


async def run(
    port: int, login: str, seconds: float = 20.0, host: str = "127.0.0.1", **fields: Any
) -> tuple[Verdict, str]:
    check = KINDS["radius"].check
    assert check is not None
    fields = {"passwd": "hunter2", "secret": "testing123", "protocol": Protocol.UDP, **fields}
    result = await probe(check, Target(ip_address(host), port, seconds, login=login, **fields))
    return result.verdict, result.reason


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
@pytest.mark.parametrize(
    ("login", "passwd", "expected"),
    [
        ("proved", "hunter2", (Verdict.UP, "Access-Accept")),
        ("joe", "hunter2", BARE),
        ("long", _LONG, BARE),
        ("joe", "wrong", (Verdict.DOWN, 'Access-Reject: "Hello joe"')),
        ("jane", "hunter2", (Verdict.DOWN, "Access-Reject")),
        ("blocked", "hunter2", (Verdict.DOWN, 'Access-Reject: "Your account is blocked"')),
    ],
)
async def test_logins(port: int, login: str, passwd: str, expected: tuple[Verdict, str], host: str) -> None:
    assert expected == await run(port, login, host=host, passwd=passwd)


async def test_the_server_is_told_our_address(port: int) -> None:
    assert await run(port, "four") == BARE
    assert await run(port, "six", host="::1") == BARE
    assert await run(port, "six") == (Verdict.DOWN, "Access-Reject")


@pytest.mark.parametrize(("login", "secret"), [("silent", "testing123"), ("joe", "another")])
async def test_silent_as_to_a_wrong_secret(port: int, login: str, secret: str) -> None:
    expected = (Verdict.DOWN, "no answer within 0.6 s (no datagram came back)")
    assert expected == await run(port, login, 0.6, secret=secret)
