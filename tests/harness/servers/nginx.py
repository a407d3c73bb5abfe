"""A real nginx on loopback, with the configuration of a test."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from harness.fakes.scripted import closed_port

_FRAME = """\
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 256; }}
http {{
    access_log {folder}/access.log;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    default_type text/html;
    {servers}
}}
"""


@contextlib.contextmanager
def nginx(folder: Path, servers: str, ports: int) -> Iterator[list[int]]:
    """Run nginx with the blocks ``servers``, in which ``{port0}`` and so on are free ports; yield the ports."""
    chosen = [closed_port() for _ in range(ports)]
    for index, port in enumerate(chosen):
        servers = servers.replace(f"{{port{index}}}", str(port))
    config = folder / "nginx.conf"
    config.write_text(_FRAME.format(folder=folder, servers=servers))
    command = ["nginx", "-c", str(config), "-e", str(folder / "error.log")]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            for port in chosen:
                _wait(process, port, folder / "error.log")
            yield chosen
        finally:
            process.terminate()


def _wait(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    """Wait until the port accepts; raises RuntimeError with the log when nginx ends before, or in 20 seconds."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.02)
    raise RuntimeError(f"nginx does not serve port {port}: {log.read_text() if log.exists() else ''}")
