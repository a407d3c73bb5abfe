"""A real server of Debian's as a child of the test, waited for until it accepts, and ended with it."""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from harness.host import program_path

PATIENCE = 30
"""Seconds that a server may take to start, and to end."""

Endpoint = tuple[str, int]


def program(name: str, package: str) -> str:
    """Return the path of a server's program; skips the test where its package is missing (and fails it in CI)."""
    path = shutil.which(name, path=program_path())
    if path is None:
        pytest.skip(f"no {name} here: apt-get install {package}")
    return path


@contextlib.contextmanager
def serving(command: Sequence[str], endpoints: Sequence[Endpoint], log: Path) -> Iterator[None]:
    """Run a server in the foreground, its output in ``log``, while it accepts on the endpoints."""
    with (
        log.open("ab") as output,
        subprocess.Popen(command, cwd=log.parent, stdin=subprocess.DEVNULL, stdout=output, stderr=output) as server,
    ):
        try:
            for endpoint in endpoints:
                _wait(server, endpoint, log)
            yield
        finally:
            _end(server)


def _wait(server: subprocess.Popen[bytes], endpoint: Endpoint, log: Path) -> None:
    """Wait until the endpoint accepts; raises RuntimeError with the log when the server does not get there."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and server.poll() is None:
        with contextlib.suppress(ConnectionRefusedError), socket.create_connection(endpoint, 1):
            return
        time.sleep(0.02)
    raise RuntimeError(f"{server.args!r} does not serve {endpoint}: {log.read_text(errors='replace')[-2000:]}")


def _end(server: subprocess.Popen[bytes]) -> None:
    server.terminate()
    try:
        server.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        server.kill()
