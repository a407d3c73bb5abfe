"""A real dovecot on loopback, where joe's password is hunter2."""

from __future__ import annotations

import contextlib
import getpass
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from harness.fakes.scripted import closed_port
from harness.servers.authority import Hosts
from harness.servers.certificates import Certificate
from harness.servers.server_process import program, serving

_CONFIG = """\
base_dir = {folder}/run
state_dir = {folder}
log_path = /dev/stderr
listen = 127.0.0.1, ::1
protocols = imap pop3
default_internal_user = {user}
default_internal_group = {group}
default_login_user = {user}
ssl = yes
{default}
{named}
disable_plaintext_auth = no
auth_failure_delay = 0
login_greeting = Still alive
mail_location = maildir:{folder}/mail
first_valid_uid = 0
passdb {{
    driver = passwd-file
    args = {folder}/users
}}
userdb {{
    driver = static
    args = uid={user} gid={group} home={folder}/mail
}}
service anvil {{
    chroot =
    unix_listener anvil-auth-penalty {{
        mode = 0
    }}
}}
service imap-login {{
    chroot =
    inet_listener imap {{
        port = {ports.imap}
    }}
    inet_listener imaps {{
        port = {ports.imaps}
        ssl = yes
    }}
}}
service pop3-login {{
    chroot =
    inet_listener pop3 {{
        port = {ports.pop}
    }}
    inet_listener pop3s {{
        port = {ports.pops}
        ssl = yes
    }}
}}
"""


@dataclass(frozen=True, slots=True)
class Dovecot:
    """The ports of a dovecot, on 127.0.0.1 and ::1 alike."""

    imap: int
    imaps: int
    pop: int
    pops: int


@contextlib.contextmanager
def dovecot(folder: Path, hosts: Hosts) -> Iterator[Dovecot]:
    """Run dovecot in a folder that everybody may enter, with a certificate for each name."""
    server = program("dovecot", "dovecot-imapd dovecot-pop3d")
    ports = Dovecot(*(closed_port() for _ in range(4)))
    user, group = ("nobody", "nogroup") if os.getuid() == 0 else (getpass.getuser(), str(os.getgid()))
    (folder / "users").write_text("joe:{PLAIN}hunter2\n")
    (folder / "mail").mkdir()
    (folder / "mail").chmod(0o777)
    named = "\n".join(f"local_name {name} {{\n{_files(made)}\n}}" for name, made in hosts.faulty.items())
    config = folder / "dovecot.conf"
    config.write_text(
        _CONFIG.format(folder=folder, ports=ports, user=user, group=group, default=_files(hosts.good), named=named)
    )
    endpoints = [(host, port) for host in ("127.0.0.1", "::1") for port in (ports.imap, ports.imaps)]
    endpoints += [(host, port) for host in ("127.0.0.1", "::1") for port in (ports.pop, ports.pops)]
    with serving([server, "-F", "-c", str(config)], endpoints, folder / "log"):
        yield ports


def _files(made: Certificate) -> str:
    return f"ssl_cert = <{made.certificate}\nssl_key = <{made.key}"
