"""Runs a server of a Debian package as a child process of the test."""

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

TIMEOUT = 30
"""Seconds for a server to start, and to end."""

Endpoint = tuple[str, int]


def program(name: str, package: str) -> str:
    """Return the path of a server's program; skips the test if the package is missing (in CI the test fails)."""
    path = shutil.which(name, path=program_path())
    if path is None:
        pytest.skip(f"no {name} here: apt-get install {package}")
    return path


@contextlib.contextmanager
def serving(command: Sequence[str], endpoints: Sequence[Endpoint], log: Path) -> Iterator[None]:
    """Run a server in the foreground with its output in ``log``; enters the block when all endpoints accept."""
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
    """Wait until the endpoint accepts; raises RuntimeError with the log if it does not in time."""
    deadline = time.monotonic() + TIMEOUT
    while time.monotonic() < deadline and server.poll() is None:
        with contextlib.suppress(ConnectionRefusedError), socket.create_connection(endpoint, 1):
            return
        time.sleep(0.02)
    raise RuntimeError(f"{server.args!r} does not serve {endpoint}: {log.read_text(errors='replace')[-2000:]}")


def _end(server: subprocess.Popen[bytes]) -> None:
    server.terminate()
    try:
        server.wait(TIMEOUT)
    except subprocess.TimeoutExpired:
        server.kill()
