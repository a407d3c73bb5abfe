"""A daemon stops in time while all its look-up threads hang in the resolver."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path

from bench.configurations import configuration
from bench.ours import Ours
from harness.fakes.scripted import answering
from harness.fakes.threaded import ThreadedServers
from harness.lab.namespace import end, eventually

REALS = 100
REDIRECT = b"HTTP/1.1 302 Found\r\nLocation: http://www.example.com/\r\nContent-Length: 0\r\n\r\n"
SILENT_RESOLVER = """
import socket, time
from pathlib import Path

def silent(*arguments, **options):
    with Path(__file__).with_name("asked").open("a") as asked:
        asked.write("x")
    time.sleep(3600)

socket.getaddrinfo = silent
"""


class WithoutResolver(Ours):
    """Ours, with a resolver that takes an hour."""

    def environment(self) -> Mapping[str, str]:
        """Return an environment in which Python meets that resolver first."""
        ours = super().environment()
        return {**ours, "PYTHONPATH": f"{self.folder}:{ours['PYTHONPATH']}"}


def test_F41_a_stop_waits_for_no_look_up(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(SILENT_RESOLVER)
    with ThreadedServers() as elsewhere:
        port = elsewhere.start(answering(REDIRECT), "0.0.0.0")  # noqa: S104  a hundred servers on loopback
        reals = [f"127.0.1.{number}:{port}" for number in range(1, REALS + 1)]
        text = configuration({"10.9.0.1:80": reals}, 'service = http\n    request = "/"', 2, 60)
        with WithoutResolver(tmp_path, f"emailalert = ops@example.net\nsmtp = mail.example.net\n{text}") as daemon:
            asked = tmp_path / "asked"
            eventually(lambda: asked.exists() and len(asked.read_text()) >= 16, 30, daemon.log)
            time.sleep(1)
            seconds = end(daemon._process)
            print(f"it took {seconds:.2f} s to stop")
            assert daemon._process.returncode == 0
            assert seconds < 5  # 1.8 s are allowed; this machine may be busy
            assert "stay in the kernel" not in daemon.log()
