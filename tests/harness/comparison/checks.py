"""Checks one server on loopback with the Perl original and with ours, and returns their results as text."""

from __future__ import annotations

import tempfile
from contextlib import nullcontext
from ipaddress import ip_address

from harness.comparison import perl
from harness.fakes.scripted import Talk, servers
from ldirectord_py.address import bracketed
from ldirectord_py.checks.limits import CheckLimits
from ldirectord_py.checks.probe import probe
from ldirectord_py.checks.registry import checker_for, kinds, room_for
from ldirectord_py.config.load import load
from ldirectord_py.errors import ConfigError
from ldirectord_py.plan import plan


def site(port: int, directives: str, *, host: str = "127.0.0.1", own: str = "") -> str:
    """Return a virtual with one real server; ``own`` follows the forwarding method in its line."""
    address = bracketed(ip_address(host))
    words = ("virtual6=[2001:db8::1]:80", "real6") if ":" in host else ("virtual=192.0.2.1:80", "real")
    real = f"{words[1]}={address}:{port} masq {own}"
    return "\n    ".join([words[0], real.rstrip(), *directives.splitlines()]) + "\n"


async def original(config: str) -> str:
    """Return the original's last verdict and its message; ``died`` or ``refused`` if there is none."""
    answer = await perl.check(config)
    if answer.error:
        return f"refused: {answer.error[1]}"
    if answer.died:
        return f"died: {answer.died}"
    last = answer.verdicts[-1]
    return last.state if last.message is None else f"{last.state}: {last.message}"


async def ours(config: str) -> str:
    """Return our verdict and its reason; ``refused`` with all errors of the file if there is none."""
    with tempfile.NamedTemporaryFile("w", encoding="utf-8") as file:
        file.write(config)
        file.flush()
        try:
            checks = plan(load(file.name).config, kinds())
        except ConfigError as error:
            return f"refused: {', '.join(problem.what for problem in error.problems)}"
    (check,), limits = checks, CheckLimits()
    async with room_for(check, limits) or nullcontext():
        result = await probe(checker_for(check, limits), check.target)
    return f"{result.verdict.name.lower()}: {result.reason}"


async def both(config: str) -> tuple[str, str]:
    """Return the result of the original, then ours."""
    return await original(config), await ours(config)


async def of_one(talk: Talk, directives: str, own: str = "") -> tuple[str, str]:
    """Return both results for a scripted server on 127.0.0.1."""
    async with servers() as place:
        return await both(site(await place.start(talk), directives, own=own))
