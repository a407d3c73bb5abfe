"""A real exim on loopback, which accepts no mail."""

from __future__ import annotations

import contextlib
import getpass
import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from harness.fakes.scripted import closed_port
from harness.servers.authority import Hosts
from harness.servers.server_process import program, serving

_CONFIG = """\
spool_directory = {folder}/spool
log_file_path = {folder}/%slog
pid_file_path = {folder}/exim.pid
primary_hostname = mail.example.com
exim_user = {user}
exim_group = {group}
local_interfaces = <; {interfaces}
smtp_banner = $primary_hostname still alive
keep_environment =
tls_advertise_hosts = ${{if eq{{$received_port}}{{{ports.plain}}}{{}}{{*}}}}
tls_certificate = {certificate}
tls_privatekey = {key}
acl_smtp_connect = ${{if eq{{$received_port}}{{{ports.refusing}}}{{refuse}}{{take}}}}

begin acl
take:
    accept
refuse:
    deny message = not today
"""


@dataclass(frozen=True, slots=True)
class Exim:
    """The ports of an exim, on 127.0.0.1 and ::1 alike: with STARTTLS, without, and refusing every client."""

    secure: int
    plain: int
    refusing: int


@contextlib.contextmanager
def exim(folder: Path, hosts: Hosts) -> Iterator[Exim]:
    """Run exim in a folder that everybody may enter, with a certificate for each name."""
    server = program("exim4", "exim4-daemon-light")
    ports = Exim(closed_port(), closed_port(), closed_port())
    endpoints = [(host, port) for host in ("127.0.0.1", "::1") for port in (ports.secure, ports.plain, ports.refusing)]
    user, group = ("nobody", "nogroup") if os.getuid() == 0 else (getpass.getuser(), str(os.getgid()))
    (folder / "spool").mkdir()
    folder.chmod(0o777)
    (folder / "spool").chmod(0o777)
    config = folder / "exim.conf"
    config.write_text(
        _CONFIG.format(
            folder=folder,
            ports=ports,
            user=user,
            group=group,
            interfaces=" ; ".join(f"[{host}]:{port}" for host, port in endpoints),
            certificate=_chosen(hosts, "certificate"),
            key=_chosen(hosts, "key"),
        )
    )
    with serving([server, "-C", str(config), "-bdf"], endpoints, folder / "log"):
        yield ports
    _end_sessions(config)


def _end_sessions(config: Path) -> None:
    """Kill sessions that outlive exim: after a failed TLS handshake a session sleeps for a second or two."""
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if str(config) in (process / "cmdline").read_text().split("\0"):
                os.kill(int(process.name), signal.SIGKILL)


def _chosen(hosts: Hosts, file: str) -> str:
    """Return the expansion that gives the file for the name in the client's hello."""
    chosen = str(getattr(hosts.good, file))
    for name, made in hosts.faulty.items():
        chosen = f"${{if eq{{$tls_in_sni}}{{{name}}}{{{getattr(made, file)}}}{{{chosen}}}}}"
    return chosen
