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
import signal
import subprocess
from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Self

from bench.process import cpu_seconds, pss_bytes
from harness.host import ROOT, program_path
from harness.namespace import command, end, eventually

PROGRAM = "keepalived"
STAND_IN = Path(__file__).with_name("ipvs_stand_in.c")
BUILT = ROOT / ".cache" / "bench" / "ipvs_stand_in.so"
START_SECONDS = 60.0


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


class Keepalived:
    """The checkers of a keepalived, running while the block lasts; its files are below ``folder``.

    Without ``ipvs`` the kernel's table is left alone: a stand-in acknowledges what would be written. ``enter`` is put
    before the command: how to get to the network namespace that it is to run in.
    """

    def __init__(self, folder: Path, text: str, enter: Sequence[str] = (), ipvs: bool = False) -> None:
        self.folder = folder
        self._text = text
        self._enter = tuple(enter)
        self._preload = {} if ipvs else {"LD_PRELOAD": str(BUILT)}

    def __enter__(self) -> Self:
        self.folder.mkdir(parents=True, exist_ok=True)
        self._file("pid").unlink(missing_ok=True)
        self.configure(self._text)
        if self._preload:
            build_stand_in()
        with self._file("log").open("wb") as log:
            self._main = subprocess.Popen(
                [*self._enter, *self._command()],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.folder,
                env={"PATH": program_path(), "LANG": "C.UTF-8", **self._preload},
            )
        try:
            eventually(self._checks, START_SECONDS, self.log)
        except BaseException:
            end(self._main)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        end(self._main)

    @property
    def pid(self) -> int:
        """The process that checks."""
        return int(self._file("pid").read_text())

    def cpu_seconds(self) -> float:
        """Return the CPU time that the process that checks has taken so far."""
        return cpu_seconds(self.pid)

    def pss_bytes(self) -> int:
        """Return the memory of the process that checks."""
        return pss_bytes(self.pid)

    def configure(self, text: str) -> None:
        """Write the configuration; keepalived is told by ``reload``."""
        self._file("conf").write_text(text)

    def reload(self) -> None:
        """Send SIGHUP; what comes of it is in the log."""
        os.kill(self._main.pid, signal.SIGHUP)

    def log(self) -> str:
        """Return what keepalived logged so far: among it a line for each server that enters or leaves the table."""
        return self._file("log").read_text(errors="replace")

    def _command(self) -> list[str]:
        files = ["-f", str(self._file("conf")), "-p", str(self._file("main.pid")), "-c", str(self._file("pid"))]
        return [PROGRAM, "--check", "--dont-fork", "--log-console", "--log-detail", *files]

    def _checks(self) -> bool:
        assert self._main.poll() is None, f"keepalived ended:\n{self.log()}"
        return self._file("pid").exists() and "Startup complete" in self.log()

    def _file(self, suffix: str) -> Path:
        return self.folder / f"keepalived.{suffix}"


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
