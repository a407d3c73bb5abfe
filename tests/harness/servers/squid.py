"""A real squid on loopback, without a cache."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from harness.fakes.scripted import closed_port
from harness.servers.server_process import program, serving

_CONFIG = """\
http_port 127.0.0.1:{port}
http_port [::1]:{port}
visible_hostname proxy.example.com
pid_filename {folder}/squid.pid
cache_log {folder}/cache.log
coredump_dir {folder}
netdb_filename none
access_log none
cache deny all
cache_mem 1 MB
max_filedescriptors 256
pinger_enable off
shutdown_lifetime 0 seconds
acl refused urlpath_regex ^/refused
http_access deny refused
http_access allow all
"""


@contextlib.contextmanager
def squid(folder: Path) -> Iterator[int]:
    """Run squid in a folder that everybody may enter; yield the port, on 127.0.0.1 and ::1 alike."""
    server = program("squid", "squid")
    port = closed_port()
    folder.chmod(0o777)
    config = folder / "squid.conf"
    config.write_text(_CONFIG.format(folder=folder, port=port))
    with serving([server, "-N", "-f", str(config)], [("127.0.0.1", port), ("::1", port)], folder / "log"):
        yield port
