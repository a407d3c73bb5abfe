"""A certificate authority for tests, with valid and invalid certificates."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from harness.servers.certificates import (
    ELLIPTIC_KEY,
    Certificate,
    create_database,
    openssl,
    request_certificate,
    self_signed,
    sign,
)


@dataclass(frozen=True, slots=True)
class Authority:
    """An authority whose files are in a folder."""

    folder: Path

    @property
    def certificate(self) -> str:
        """Return the authority's own certificate (PEM)."""
        return (self.folder / "authority.pem").read_text()

    def issue(self, *names: str, expired: bool = False) -> Certificate:
        """Return a certificate for host names, one of the year 2020 where it is to be expired."""
        name = f"{names[0]}-expired" if expired else names[0]
        made = Certificate(self.folder / f"{name}.pem", self.folder / f"{name}.key")
        extensions = self.folder / f"{name}.ext"
        extensions.write_text(f"subjectAltName = {','.join(f'DNS:{name}' for name in names)}\n")
        request_certificate(made, names[0], ELLIPTIC_KEY)
        sign(self.folder, made, "-extfile", str(extensions), expired=expired)
        return _readable(made)


def _readable(made: Certificate) -> Certificate:
    """Let the server of a test read the key: it runs as another user."""
    made.key.chmod(0o644)
    return made


def authority(folder: Path) -> Authority:
    """Return a new authority with files in an empty folder."""
    create_database(folder)
    files = ("-keyout", str(folder / "authority.key"), "-out", str(folder / "authority.pem"))
    openssl("req", "-x509", *ELLIPTIC_KEY, *files, "-subj", "/CN=Test authority", "-days", "36000")
    return Authority(folder)


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
        "self.example.com": _readable(self_signed(folder, "self.example.com")),
        "stranger.example.com": theirs.issue("stranger.example.com"),
    }
    return Hosts(ours.certificate, ours.issue(GOOD), faulty)
