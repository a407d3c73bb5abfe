"""Real servers: nginx in a namespace, and the ways in which it may fail."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path

from harness.lab.namespace import Namespace, end, eventually
from harness.lab.packet_filter import Address, Kind, packet_filter

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
        location = /health {{
            if (-f {folder}/sick) {{ return 503; }}
            return 200 "healthy\\n";
        }}
    }}
}}
"""


class RealServer(Namespace):
    """Real servers at ``addresses``, all served by one nginx on port 80 that answers any request with its name.

    Where there are many addresses the answer is the address that was asked, so that clients can tell them
    apart. ``/health`` answers ``healthy``, or status 503 while ``sick``: the check fails, the traffic does not.
    """

    def __init__(self, name: str, folder: Path, addresses: Sequence[Address]) -> None:
        super().__init__(name, folder)
        self.addresses = tuple(addresses)
        self._nginx: subprocess.Popen[bytes] | None = None
        self._faults = packet_filter(self.run)
        self._faulty = False

    @property
    def address(self) -> Address:
        """The first address."""
        return self.addresses[0]

    def start(self) -> None:
        """Start nginx; return when it listens."""
        self._faults.prepare()
        body = self.name if len([a for a in self.addresses if a.version == 4]) == 1 else "$server_addr"
        config = self.folder / "nginx.conf"
        config.write_text(_NGINX.format(folder=self.folder, body=body))
        with (self.folder / "nginx.out").open("wb") as output:
            self._nginx = self.spawn(*self._command(config), output=output)
        eventually(self._listens, 30, lambda: f"nginx of {self.name}: {(self.folder / 'nginx.out').read_text()}")

    def stop(self) -> None:
        """Stop nginx: the kernel refuses connections from now on."""
        end(self._process())

    def hang(self) -> None:
        """Stop nginx in its tracks: connections are accepted and never answered."""
        os.kill(self._process().pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Let a hung nginx go on."""
        os.kill(self._process().pid, signal.SIGCONT)

    def fail_health(self) -> None:
        """Fail the page ``/health``; the rest is served as before."""
        (self.folder / "sick").touch()

    def restore_health(self) -> None:
        """Restore the page ``/health``."""
        (self.folder / "sick").unlink()

    def drop_packets(self, *addresses: Address) -> None:
        """Drop every packet to ``addresses``, all by default: hosts that are off."""
        self._add("dark", addresses or self.addresses)

    def refuse_connections(self, *addresses: Address) -> None:
        """Answer TCP to ``addresses``, all by default, with a reset: servers that are not running."""
        self._add("refusing", addresses or self.addresses)

    def restore_network(self) -> None:
        """Undo every darken and refuse."""
        if self._faulty:
            self._faults.clear()
        self._faulty = False

    def accept_vip(self, vip: str, client: str) -> None:
        """Take packets for ``vip`` here and answer ``client`` directly: what a real server behind ``gate`` needs.

        Answers to masqueraded connections of that client would then bypass the director: use one or the other.
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
        self._faulty = True
        self._faults.add(kind, addresses)
