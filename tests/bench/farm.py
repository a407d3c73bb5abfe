"""Servers for benchmarks: thousands of addresses on loopback, all answered by one nginx, or by nobody.

To be used in a network namespace of its own.
"""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import IPv4Address
from itertools import pairwise
from pathlib import Path
from typing import Final

from harness.host import program_path
from harness.lab.namespace import command, end, eventually
from harness.servers.certificates import self_signed

PAGE: Final = "Test Page"
HTTP: Final = 8080
HTTPS: Final = 8443

_NGINX: Final = """\
daemon off;
master_process off;
pid {folder}/pid;
worker_rlimit_nofile 65536;
events {{ worker_connections 60000; }}
http {{
    log_format times '$msec';
    access_log {access_log};
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen {port} backlog=60000;
        listen {tls_port} ssl backlog=60000;
        ssl_certificate {certificate};
        ssl_certificate_key {key};
        ssl_protocols TLSv1.2 TLSv1.3;
        location / {{ return 200 "{page}"; }}
    }}
}}
"""


def addresses(count: int) -> list[IPv4Address]:
    """Return so many addresses of this host, all on loopback."""
    return [IPv4Address("127.1.0.1") + number for number in range(count)]


def connections(within: str = "thread-self") -> int:
    """Return how many connections a network namespace has accepted so far: this thread's, or that of a process."""
    lines = Path(f"/proc/{within}/net/snmp").read_text().splitlines()
    names, values = (line.split() for line in lines if line.startswith("Tcp:"))
    return int(values[names.index("PassiveOpens")])


def overflows() -> int:
    """Return how many connections this thread's network namespace has dropped, since nobody accepted them in time."""
    lines = Path("/proc/thread-self/net/netstat").read_text().splitlines()
    names, values = (line.split() for line in lines if line.startswith("TcpExt:"))
    return int(values[names.index("ListenOverflows")])


def darken(port: int) -> None:
    """Drop every packet to a port of this thread's network namespace, as if the hosts behind it were gone."""
    rules = f"table inet dark {{ chain input {{ type filter hook input priority 0\n tcp dport {port} drop\n}}\n}}\n"
    command("nft", "-f", "-", given=rules)


@dataclass(frozen=True, slots=True)
class Farm:
    """One nginx on every address of this host; ``hang`` and ``resume`` hold for all of them at once."""

    process: subprocess.Popen[bytes]
    port: int
    tls_port: int
    times: Path

    def longest_wait(self) -> float:
        """Return the most seconds between two requests to a farm that is ``timed``."""
        moments = [float(line) for line in self.times.read_text().splitlines()]
        return max(after - before for before, after in pairwise(moments))

    def hang(self) -> None:
        """Stop nginx in its tracks: the kernel takes connections, and nobody answers."""
        os.kill(self.process.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        os.kill(self.process.pid, signal.SIGCONT)


@contextmanager
def farm(folder: Path, port: int = HTTP, tls_port: int = HTTPS, *, timed: bool = False) -> Iterator[Farm]:
    """Yield a farm whose files are in a folder of its own; one that is ``timed`` keeps when it was asked."""
    folder.mkdir(parents=True)
    Path("/proc/sys/net/core/somaxconn").write_text("65535")  # of the namespace
    made = self_signed(folder, "server.example")
    config, times = folder / "nginx.conf", folder / "times"
    access_log = f"{times} times" if timed else "off"
    names = {"certificate": made.certificate, "key": made.key, "page": PAGE, "access_log": access_log}
    config.write_text(_NGINX.format(folder=folder, port=port, tls_port=tls_port, **names))
    log = folder / "log"
    with log.open("wb") as output:
        argv = ("nginx", "-p", str(folder), "-c", str(config), "-e", str(log))
        environment = {"PATH": program_path()}
        process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=environment)
    try:
        eventually(lambda: _listens(process.pid, port), 30, log.read_text)
        yield Farm(process, port, tls_port, times)
    finally:
        os.kill(process.pid, signal.SIGCONT)
        end(process)


@contextmanager
def halves(folder: Path, reals: int) -> Iterator[tuple[list[str], Farm]]:
    """Yield so many servers, as ``ADDRESS:PORT``, and the farm of every second one; the others have another."""
    with farm(folder / "well") as well, farm(folder / "ill", 8090, 8490) as ill:
        ports = (well.port, ill.port)
        yield [f"{address}:{ports[number % 2]}" for number, address in enumerate(addresses(reals))], ill


def _listens(pid: int, port: int) -> bool:
    lines = Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:]
    return any(line.split()[1].endswith(f":{port:04X}") and line.split()[3] == "0A" for line in lines)
