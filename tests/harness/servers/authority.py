"""A certificate authority for tests, with valid and invalid certificates."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

from harness.servers.certificates import Certificate

_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc")

_CONFIG = """\
[ca]
default_ca = here
[here]
database = {folder}/index
new_certs_dir = {folder}
certificate = {folder}/authority.pem
private_key = {folder}/authority.key
rand_serial = yes
unique_subject = no
default_md = sha256
policy = any
[any]
commonName = supplied
"""


@dataclass(frozen=True, slots=True)
class Authority:
    """An authority whose files are in a folder."""

    folder: Path

    @property
    def certificate(self) -> str:
        """Return what must be trusted (PEM)."""
        return (self.folder / "authority.pem").read_text()

    def issue(self, *names: str, expired: bool = False) -> Certificate:
        """Return a certificate for host names, one of the year 2020 where it is to be expired."""
        stem = self.folder / (f"{names[0]}-expired" if expired else names[0])
        made = Certificate(stem.with_name(f"{stem.name}.pem"), stem.with_name(f"{stem.name}.key"))
        request, extensions = stem.with_name(f"{stem.name}.csr"), stem.with_name(f"{stem.name}.ext")
        extensions.write_text(f"subjectAltName = {','.join(f'DNS:{name}' for name in names)}\n")
        openssl("req", "-new", *_KEY, "-keyout", str(made.key), "-subj", f"/CN={names[0]}", "-out", str(request))
        openssl(
            *("ca", "-batch", "-notext", "-config", str(self.folder / "ca.cnf"), "-extfile", str(extensions)),
            *("-in", str(request), "-out", str(made.certificate), "-startdate", "20200101000000Z"),
            *("-enddate", "20200102000000Z" if expired else "21200101000000Z"),
        )
        made.key.chmod(0o644)  # the servers of a test run as another user
        return made


def authority(folder: Path) -> Authority:
    """Return a new authority with files in an empty folder."""
    (folder / "index").write_text("")
    (folder / "ca.cnf").write_text(_CONFIG.format(folder=folder))
    files = ("-keyout", str(folder / "authority.key"), "-out", str(folder / "authority.pem"))
    openssl("req", "-x509", *_KEY, *files, "-subj", "/CN=Test authority", "-days", "36000")
    return Authority(folder)


def self_signed(folder: Path, name: str) -> Certificate:
    """Return a certificate that nobody but its own key vouches for."""
    made = Certificate(folder / f"{name}-self.pem", folder / f"{name}-self.key")
    files = ("-keyout", str(made.key), "-out", str(made.certificate))
    openssl("req", "-x509", *_KEY, *files, "-subj", f"/CN={name}", "-days", "36000")
    made.key.chmod(0o644)
    return made


def openssl(*arguments: str) -> None:
    """Run openssl, in silence unless it fails."""
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)


@dataclass(frozen=True, slots=True)
class Hosts:
    """A certificate for each name that a client may send as SNI, each with another fault, and who must be trusted."""

    trusted: str
    good: Certificate
    faulty: dict[str, Certificate]


GOOD = "mail.example.com"
FAULTS = {
    "expired.example.com": "certificate expired 2020-01-02",
    "wrong.example.com": "certificate is for other.example.com, not wrong.example.com",
    "self.example.com": "certificate is self-signed",
    "stranger.example.com": "certificate of an unknown issuer",
}
"""The names with a fault, and the reason when certificates are verified."""


def hosts(folder: Path) -> Hosts:
    """Return new certificates for the names, in a folder."""
    for name in ("ours", "theirs"):
        (folder / name).mkdir()
    ours, theirs = authority(folder / "ours"), authority(folder / "theirs")
    faulty = {
        "expired.example.com": ours.issue("expired.example.com", expired=True),
        "wrong.example.com": ours.issue("other.example.com"),
        "self.example.com": self_signed(folder, "self.example.com"),
        "stranger.example.com": theirs.issue("stranger.example.com"),
    }
    return Hosts(ours.certificate, ours.issue(GOOD), faulty)
