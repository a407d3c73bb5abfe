"""A server that floods a line protocol or LDAP gets its verdict, and little memory."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import ip_address

import pytest
import uvloop

from harness.fakes.flood import flood
from harness.fakes.ldap import BIND, result
from harness.memory import LITTLE, peak
from ldirectord_py.checks.base import Result, Target
from ldirectord_py.checks.probe import probe
from ldirectord_py.checks.services import KINDS
from ldirectord_py.health import Verdict


@pytest.mark.parametrize(
    ("kind", "turns", "chunk", "reason"),
    [
        ("ftp", [], b"2x" * 30_000, "a line longer than 16 kB"),
        ("imap", [b"* OK\r\n"], b"* x\r\n" * 9_000, "no answer to LOGIN among 200 lines"),
        ("nntp", [], b"2x" * 30_000, "a line longer than 16 kB"),
        ("pop", [b"+OK\r\n"], bytes(65_536), "a line longer than 16 kB"),
        ("smtp", [], b"220-x\r\n" * 9_000, "a reply of more than 200 lines"),
        ("ldap", [], bytes(65_536), "malformed LDAP answer, no message of LDAP: "),
        ("ldap", [result(1, BIND)], b"\x30\x82\xbf\x00" + bytes(48_896), "malformed LDAP answer, tag 0x00 "),
    ],
)
def test_a_flood(kind: str, turns: Sequence[bytes], chunk: bytes, reason: str) -> None:
    """On the daemon's own loop: the other itself reads 256 kB at once."""
    check = KINDS[kind].check
    assert check is not None
    greeting, turns = (b"", turns) if kind == "ldap" else (b"".join(turns), [])
    with flood(turns, chunk, greeting) as port:
        target = Target(ip_address("127.0.0.1"), port, 10.0, login="joe", passwd="hunter2")
        found: list[Result] = []

        async def probing() -> None:
            found.append(await probe(check, target))

        assert uvloop.run(peak(probing)) < LITTLE
    assert {(each.verdict, each.reason[: len(reason)]) for each in found} == {(Verdict.DOWN, reason)}
