"""keepalived as a peer: the checkers of Debian's package, with or without an IPVS to write to.

::

    text = configuration({"10.9.0.100:80": ["127.0.1.1:8080", "127.0.1.2:8080"]}, Check.HTTP, interval=2, timeout=3)
    with Keepalived(folder, text) as keepalived:
        before = keepalived.cpu_seconds()
        ...
        spent = keepalived.cpu_seconds() - before
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Self

from bench.subject import Subject
from harness.host import ROOT
from harness.lab.namespace import command

STAND_IN = Path(__file__).with_name("ipvs_stand_in.c")
BUILT = ROOT / ".cache" / "bench" / "ipvs_stand_in.so"


class Check(StrEnum):
    """keepalived's words for its checks."""

    TCP = "TCP_CHECK"
    HTTP = "HTTP_GET"
    SSL = "SSL_GET"


_URL = "            url {\n                path /\n                status_code 200\n            }\n"
_REAL = """\
    real_server {address} {port} {{
        weight 1
        {check} {{
{url}            connect_timeout {timeout:g}
            retry 0
        }}
    }}
"""
_VIRTUAL = """\
virtual_server {address} {port} {{
    delay_loop {interval:g}
    lb_algo rr
    lb_kind NAT
    protocol TCP
    alpha
{reals}}}
"""


def configuration(virtuals: Mapping[str, Sequence[str]], check: Check, interval: float, timeout: float) -> str:
    """Return a keepalived.conf for virtuals and their reals, each ``ADDRESS:PORT``; intervals and timeouts in seconds.

    As with ldirectord a server enters the table after its first success (``alpha``) and leaves it with the first
    failure (``retry 0``).
    """
    url = "" if check is Check.TCP else _URL

    def _real(endpoint: str) -> str:
        address, port = _split(endpoint)
        return _REAL.format(address=address, port=port, check=check, url=url, timeout=timeout)

    texts = []
    for endpoint, reals in virtuals.items():
        address, port = _split(endpoint)
        texts.append(_VIRTUAL.format(address=address, port=port, interval=interval, reals="".join(map(_real, reals))))
    return "".join(texts)


class Keepalived(Subject):
    """The checkers of a keepalived: the process that checks, and the one that watches over it."""

    name = "keepalived"

    def __enter__(self) -> Self:
        self.file("pid").unlink(missing_ok=True)
        if not self.ipvs:
            build_stand_in()
        return super().__enter__()

    def command(self) -> Sequence[str]:
        """Return the command; every server that enters or leaves the table is a line of the log."""
        files = ["-f", str(self.file("conf")), "-p", str(self.file("main.pid")), "-c", str(self.file("pid"))]
        return ["keepalived", "--check", "--dont-fork", "--log-console", "--log-detail", "--no-syslog", *files]

    def environment(self) -> Mapping[str, str]:
        """Return what lets it believe in an IPVS."""
        return {} if self.ipvs else {"LD_PRELOAD": str(BUILT)}

    def runs(self) -> bool:
        """Return whether it checks."""
        return self.file("pid").exists() and "Startup complete" in self.log()


def build_stand_in() -> None:
    """Compile what keepalived needs on a kernel without IPVS, unless that was done."""
    if BUILT.exists() and BUILT.stat().st_mtime >= STAND_IN.stat().st_mtime:
        return
    BUILT.parent.mkdir(parents=True, exist_ok=True)
    fresh = BUILT.with_suffix(f".{os.getpid()}")
    command("cc", "-Wall", "-Wextra", "-O2", "-shared", "-fPIC", "-o", str(fresh), str(STAND_IN))
    fresh.replace(BUILT)


def _split(endpoint: str) -> tuple[str, str]:
    address, _, port = endpoint.rpartition(":")
    return address.strip("[]"), port
