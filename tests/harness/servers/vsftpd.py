"""A real vsftpd on one loopback address, for one anonymous user with a password."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from harness.fakes.scripted import closed_port
from harness.servers.server_process import program, serving

LOGIN, PASSWD = "anonymous", "director@example.com"

_CONFIG = """\
background=NO
run_as_launching_user=YES
{listen}
listen_port={port}
anonymous_enable=YES
local_enable=NO
secure_email_list_enable=YES
email_password_file={folder}/passwords
anon_root={folder}/files
connect_from_port_20=NO
seccomp_sandbox=NO
isolate=NO
isolate_network=NO
xferlog_enable=NO
delay_failed_login=0
"""

_LISTEN = {
    "127.0.0.1": "listen=YES\nlisten_address=127.0.0.1",
    "::1": "listen=NO\nlisten_ipv6=YES\nlisten_address6=::1",
}


@contextlib.contextmanager
def vsftpd(folder: Path, host: str, files: dict[str, bytes]) -> Iterator[int]:
    """Run vsftpd with the files in ``folder/files``, its paths those of this host; yield the port."""
    server = program("vsftpd", "vsftpd")
    (folder / "files").mkdir(parents=True)
    for name, content in files.items():
        (folder / "files" / name).write_bytes(content)
    (folder / "passwords").write_text(f"{PASSWD}\n")
    port, config = closed_port(host), folder / "vsftpd.conf"
    config.write_text(_CONFIG.format(folder=folder, port=port, listen=_LISTEN[host]))
    with serving([server, str(config)], [(host, port)], folder / "log"):
        yield port
