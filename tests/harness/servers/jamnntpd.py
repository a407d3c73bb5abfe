"""A real JamNNTPd, a small news server, on IPv4 loopback only."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from harness.fakes.scripted import closed_port
from harness.servers.server_process import program, serving

_GROUPS = "test.group A 1:2/3 {folder}/base\n"


@contextlib.contextmanager
def jamnntpd(folder: Path, allowed: str) -> Iterator[int]:
    """Run JamNNTPd for the clients whose address is ``allowed``; yield the port."""
    server = program("jamnntpd", "jamnntpd")
    folder.mkdir(parents=True)
    port = closed_port()
    files = {"groups": _GROUPS.format(folder=folder), "allow": f"{allowed} A -\n", "users": "\n"}
    command = [server, "-port", str(port), "-noecholog", "-logfile", str(folder / "server.log")]
    for name, content in files.items():
        (folder / name).write_text(content)
        command += [f"-{name}", str(folder / name)]
    with serving(command, [("127.0.0.1", port)], folder / "log"):
        yield port
