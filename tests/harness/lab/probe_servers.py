"""A script that probes servers: ``SECONDS KINDS ADDRESSES...``, with the kinds separated by commas.

A kind is a word of ``service`` or ``checktype``, followed by ``/udp`` for that protocol. It prints kind, address,
verdict and reason of each probe as JSON.
"""

from __future__ import annotations

import asyncio
import json
import sys
from ipaddress import ip_address

import uvloop

from harness.host import ROOT
from harness.lab.namespace import Namespace
from ldirectord_py.checks.base import Check, Target
from ldirectord_py.checks.probe import probe
from ldirectord_py.checks.registry import checker_for
from ldirectord_py.ipvs.table import Protocol

PORT = 80

Found = dict[tuple[str, str], tuple[str, str]]
"""Verdict and reason by kind and address."""


def verdicts(namespace: Namespace, kinds: tuple[str, ...], *addresses: str, seconds: float = 2.0) -> Found:
    """Run each kind of check for each address in a namespace, and return verdicts and reasons."""
    environment = ("env", f"PYTHONPATH={ROOT}:{ROOT / 'tests'}")
    program = (sys.executable, "-m", "harness.lab.probe_servers")
    said = namespace.run(*environment, *program, str(seconds), ",".join(kinds), *addresses)
    return {(kind, address): (verdict, reason) for kind, address, verdict, reason in json.loads(said)}


async def _probe(name: str, address: str, seconds: float) -> tuple[str, str, str, str]:
    kind, _, protocol = name.partition("/")
    chosen = Protocol.UDP if protocol == "udp" else Protocol.TCP
    fields = {
        "request": "SELECT 1" if kind in {"mysql", "oracle", "pgsql"} else "/",
        "login": "joe",
        "passwd": "x",
        "database": "x",
    }
    target = Target(ip_address(address), 0 if kind == "ping" else PORT, seconds, protocol=chosen, **fields)  # type: ignore[arg-type]
    result = await probe(checker_for(Check(kind, target, 10.0)), target)
    return name, address, result.verdict.name, result.reason


async def _probe_all(seconds: float, kinds: list[str], addresses: list[str]) -> list[tuple[str, str, str, str]]:
    return await asyncio.gather(*(_probe(kind, address, seconds) for kind in kinds for address in addresses))


if __name__ == "__main__":
    _, limit, words, *chosen = sys.argv
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        print(json.dumps(runner.run(_probe_all(float(limit), words.split(","), chosen))))
