"""A real slapd on loopback, with a directory of two entries."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from harness.fakes.scripted import closed_port
from harness.servers.certificates import Certificate
from harness.servers.server_process import program, serving

BASE = "dc=example,dc=com"
JOE = f"cn=joe,{BASE}"

_ENTRIES = f"""\
dn: {BASE}
objectClass: organization
objectClass: dcObject
dc: example
o: Still Alive Inc

dn: {JOE}
objectClass: person
cn: joe
sn: Public
userPassword: hunter2

dn: dc=elsewhere,{BASE}
objectClass: referral
objectClass: dcObject
dc: elsewhere
ref: ldap://other.example.com/{BASE}
"""

_CONFIG = """\
include /etc/ldap/schema/core.schema
modulepath /usr/lib/ldap
moduleload back_mdb
pidfile {folder}/slapd.pid
TLSCertificateFile {tls.certificate}
TLSCertificateKeyFile {tls.key}
{more}
database mdb
suffix "{base}"
directory {folder}/data
maxsize 10485760
dbnosync
"""


@dataclass(frozen=True, slots=True)
class Slapd:
    """The ports of a slapd, on 127.0.0.1 and ::1 alike."""

    plain: int
    secure: int


@contextlib.contextmanager
def slapd(folder: Path, tls: Certificate, more: str = "") -> Iterator[Slapd]:
    """Run slapd with that certificate, and with ``more`` lines of configuration."""
    server, loader = program("slapd", "slapd"), program("slapadd", "slapd")
    (folder / "data").mkdir(parents=True)
    config, entries = folder / "slapd.conf", folder / "entries.ldif"
    config.write_text(_CONFIG.format(folder=folder, tls=tls, more=more, base=BASE))
    entries.write_text(_ENTRIES)
    subprocess.run([loader, "-q", "-f", config, "-l", entries], check=True, capture_output=True)
    ports = Slapd(closed_port(), closed_port())
    served = [("ldap", ports.plain), ("ldaps", ports.secure)]
    urls = " ".join(f"{scheme}://{host}:{port}/" for scheme, port in served for host in ("127.0.0.1", "[::1]"))
    endpoints = [(host, port) for _, port in served for host in ("127.0.0.1", "::1")]
    with serving([server, "-d", "0", "-f", str(config), "-h", urls], endpoints, folder / "log"):
        yield ports
