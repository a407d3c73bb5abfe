"""Real servers: nginx in a namespace, and the ways to make it fail."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path

from harness.lab.namespace import Namespace, end, eventually
from harness.lab.packet_filter import Address, Kind, packet_filter
from harness.machines.speed import lateness

_NGINX = """
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 4096; }}
http {{
    access_log off;
    client_body_temp_path {folder};
    proxy_temp_path {folder};
    fastcgi_temp_path {folder};
    uwsgi_temp_path {folder};
    scgi_temp_path {folder};
    default_type text/plain;
    server {{
        listen 80 backlog=4096;
        listen [::]:80 backlog=4096;
        location / {{ return 200 "{body}\\n"; }}
        location = /long {{ return 200 "{long}\\n"; }}
        location = /health {{
            if (-f {folder}/sick) {{ return 503; }}
            return 200 "healthy\\n";
        }}
    }}
}}
"""
LONG_BODY = 1200
"""Bytes of the page ``/long``: with its headers it fills most of one packet."""


class RealServer(Namespace):
    """Real servers at ``addresses``, all served by one nginx on port 80 that answers any request with its name.

    With several IPv4 addresses it answers with the address that the request was sent to, so that clients can tell them
    apart. ``/health`` answers ``healthy``, or status 503 after ``fail_health``: the check fails, the traffic does not.
    ``/long`` is a page of one large packet.
    """

    def __init__(self, name: str, folder: Path, addresses: Sequence[Address]) -> None:
        super().__init__(name, folder)
        self.addresses = tuple(addresses)
        self._nginx: subprocess.Popen[bytes] | None = None
        self._filter = packet_filter(self.run)
        self._filtering = self._prepared = False

    @property
    def address(self) -> Address:
        """The first address."""
        return self.addresses[0]

    def start(self) -> None:
        """Start nginx; return when it accepts connections."""
        body = self.name if len([a for a in self.addresses if a.version == 4]) == 1 else "$server_addr"
        config = self.folder / "nginx.conf"
        config.write_text(_NGINX.format(folder=self.folder, body=body, long="long".ljust(LONG_BODY, ".")))
        with (self.folder / "nginx.out").open("wb") as output:
            self._nginx = self.spawn(*self._command(config), output=output)
        eventually(
            self._listens, lateness(30.0), lambda: f"nginx of {self.name}: {(self.folder / 'nginx.out').read_text()}"
        )

    def stop(self) -> None:
        """Stop nginx: the kernel refuses connections."""
        end(self._process())

    def hang(self) -> None:
        """Suspend nginx: connections are accepted and never answered."""
        os.kill(self._process().pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Resume nginx after ``hang``."""
        os.kill(self._process().pid, signal.SIGCONT)

    def fail_health(self) -> None:
        """Fail requests of ``/health`` only."""
        (self.folder / "sick").touch()

    def restore_health(self) -> None:
        """Answer requests of ``/health`` again."""
        (self.folder / "sick").unlink()

    def drop_packets(self, *addresses: Address) -> None:
        """Drop packets to ``addresses``, by default to all: hosts that are off."""
        self._add("dark", addresses or self.addresses)

    def refuse_connections(self, *addresses: Address) -> None:
        """Answer TCP to ``addresses``, by default to all, with a reset: servers that do not run."""
        self._add("refusing", addresses or self.addresses)

    def restore_network(self) -> None:
        """Undo ``drop_packets`` and ``refuse_connections``."""
        if self._filtering:
            self._filter.clear()
        self._filtering = False

    def impair(self, *netem: str) -> None:
        """Let the network lose or delay what these servers send, in words of tc-netem(8): ``impair("loss", "5%")``."""
        self.run("tc", "qdisc", "replace", "dev", "eth0", "root", "netem", *netem)

    def lost_packets(self) -> int:
        """Return how many packets ``impair`` has lost so far."""
        (dropped,) = re.findall(r"\(dropped (\d+)", self.run("tc", "-s", "qdisc", "show", "dev", "eth0", "root"))
        return int(dropped)

    def repair(self) -> None:
        """Undo ``impair``."""
        self.run("tc", "qdisc", "delete", "dev", "eth0", "root")

    def accept_vip(self, vip: str, client: str) -> None:
        """Accept packets for ``vip`` and answer ``client`` directly, as a real server behind ``gate`` has to.

        Answers to masqueraded connections of this client then bypass the director too.
        """
        self.ip(f"address add {vip}/32 dev lo", f"route add {client}/32 dev eth0")
        self.sysctl(net__ipv4__conf__all__arp_ignore=1, net__ipv4__conf__all__arp_announce=2)

    def _process(self) -> subprocess.Popen[bytes]:
        assert self._nginx is not None, f"{self.name} was never started"
        return self._nginx

    def _command(self, config: Path) -> list[str]:
        return ["nginx", "-p", str(self.folder), "-c", str(config), "-e", str(self.folder / "error.log")]

    def _listens(self) -> bool:
        process = self._process()
        assert process.poll() is None, f"nginx of {self.name}: {(self.folder / 'nginx.out').read_text()}"
        tcp = Path(f"/proc/{process.pid}/net/tcp").read_text()
        return any(line.split()[1].endswith(":0050") and line.split()[3] == "0A" for line in tcp.splitlines()[1:])

    def _add(self, kind: Kind, addresses: Sequence[Address]) -> None:
        if not self._prepared:
            self._filter.prepare()
        self._filtering = self._prepared = True
        self._filter.add(kind, addresses)
