"""The answers of simulated servers over UDP mean what their names say, to the code of the checks."""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import ip_address

import pytest

from ldirectord_py.checks.protocols.dns_message import DnsResponse, Query, parse_query
from ldirectord_py.checks.protocols.sip_message import OptionsRequest
from ldirectord_py.checks.transport.datagram import UnrelatedAnswer
from ldirectord_py.errors import CheckFailed
from ldirectord_py.ipvs.table import Protocol
from simulation.datagrams import GARBAGE, RIGHT, SPOOFED, WRONG

QUERY = parse_query("www.example.net")
OPTIONS = OptionsRequest("probe@example.net", Protocol.UDP, (ip_address("10.255.0.1"), 5060), "00ff")

REQUESTS: dict[str, Query | OptionsRequest] = {"dns": QUERY, "sip": OPTIONS}


def test_right_answers_pass() -> None:
    assert QUERY.decode(RIGHT["dns"](QUERY.encoded)) == DnsResponse("NOERROR", truncated=False, records=(b"192.0.2.1",))
    assert OPTIONS.decode(RIGHT["sip"](OPTIONS.encoded)) == "200 OK"


def test_wrong_answers_say_so() -> None:
    assert QUERY.decode(WRONG["dns"](QUERY.encoded)).code == "NXDOMAIN"
    assert OPTIONS.decode(WRONG["sip"](OPTIONS.encoded)) == "503 Service Unavailable"


@pytest.mark.parametrize("kind", ["dns", "sip"])
def test_answers_to_another_question_are_ignored(kind: str) -> None:
    with pytest.raises(UnrelatedAnswer):
        REQUESTS[kind].decode(SPOOFED[kind](REQUESTS[kind].encoded))


@pytest.mark.parametrize("kind", ["dns", "sip"])
@pytest.mark.parametrize("garbage", GARBAGE)
def test_garbage_never_passes(kind: str, garbage: Callable[[bytes], bytes]) -> None:
    with pytest.raises(CheckFailed):
        REQUESTS[kind].decode(garbage(REQUESTS[kind].encoded))
