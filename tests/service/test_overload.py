"""With more checks than this process can run, healthy servers stay up and hanging servers go down."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections import defaultdict
from dataclasses import replace
from functools import partial
from ipaddress import ip_address
from pathlib import Path

from harness.fakes.scripted import answering, hanging
from harness.fakes.threaded import ThreadedServers
from harness.servers.certificates import ELLIPTIC_KEY, self_signed
from harness.waiting import until
from ldirectord_py.checks.base import Check, Checker, Target
from ldirectord_py.checks.limits import CheckLimits
from ldirectord_py.checks.registry import checker_for, room_for
from ldirectord_py.daemon.probing.prober import Prober
from ldirectord_py.health import Verdict

PAGE = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
REALS, INTERVAL, TIMEOUT, SECONDS = 600, 1.0, 1.0, 15.0
COST = 3 * INTERVAL / REALS
"""Seconds of this process that each check takes."""


def costly(check: Check) -> Checker:
    """Return the checker of a check whose steps take this process COST seconds together."""
    checker = checker_for(check)

    async def costs(target: Target) -> str:
        time.sleep(COST / 2)  # noqa: ASYNC251  as work would
        word = await checker(target)
        time.sleep(COST / 2)  # noqa: ASYNC251
        return word

    return costs


async def test_at_three_times_its_capacity_a_director_is_late_and_never_wrong() -> None:
    found, late = defaultdict[Check, list[Verdict]](list), list[float]()
    with ThreadedServers() as elsewhere:
        well, hung = elsewhere.start(answering(PAGE), "0.0.0.0"), elsewhere.start(hanging())  # noqa: S104  on loopback
        target = Target(ip_address("127.0.0.1"), well, TIMEOUT, request="/", receive="ok")
        checks = [Check("http", replace(target, address=ip_address(0x7F000001 + n)), INTERVAL) for n in range(REALS)]
        dead = Check("http", replace(target, port=hung), INTERVAL)
        prober = Prober(
            lambda check, result: found[check].append(result.verdict),
            costly,
            partial(room_for, limits=CheckLimits()),
            lambda _, seconds: late.append(seconds),
        )
        prober.set_checks([*checks, dead])
        await asyncio.sleep(SECONDS)
        await prober.close()
    assert set(found[dead]) <= {Verdict.DOWN, Verdict.NONE}
    assert Verdict.DOWN in found[dead]
    assert {verdict for check in checks for verdict in found[check]} == {Verdict.UP}
    assert min(len(found[check]) for check in checks) >= 1
    assert max(late) > INTERVAL  # or it was no overload


async def test_F13_a_thousand_checks_over_tls_are_late_at_most_and_never_wrong(tmp_path: Path) -> None:
    reals, interval, seconds = 1000, 2.0, 10.0
    made = self_signed(tmp_path, "www.example.com", key=ELLIPTIC_KEY)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(made.certificate, made.key)
    found, late = defaultdict[Check, list[Verdict]](list), list[float]()
    with ThreadedServers() as elsewhere:
        port = elsewhere.start(answering(PAGE), "0.0.0.0", context)  # noqa: S104  on loopback
        target = Target(ip_address("127.0.0.1"), port, interval, request="/", receive="ok")
        prober = Prober(
            lambda check, result: found[check].append(result.verdict),
            checker_for,
            partial(room_for, limits=CheckLimits()),
            lambda _, by: late.append(by),
        )
        targets = (replace(target, address=ip_address(0x7F000001 + number)) for number in range(reals))
        prober.set_checks([Check("https", each, interval) for each in targets])
        await asyncio.sleep(seconds)
        await until(lambda: len(found) == reals, 120)  # where this machine is busy
        await prober.close()
    print(f"{len(late)} probes, late by up to {max(late):.2f} s")
    assert {verdict for verdicts in found.values() for verdict in verdicts} == {Verdict.UP}
