"""Certificates, made by openssl."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ELLIPTIC_KEY: Final = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc")
_RSA_KEY: Final = ("-newkey", "rsa:2048", "-noenc")

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
class Certificate:
    """The files of a certificate and its key."""

    certificate: Path
    key: Path


def self_signed(folder: Path, name: str, *, key: tuple[str, ...] = _RSA_KEY, expired: bool = False) -> Certificate:
    """Return a new self-signed certificate for ``name``, of the year 2020 where it is to be expired."""
    made = Certificate(folder / f"{name}.pem", folder / f"{name}.key")
    create_database(folder)
    request_certificate(made, name, key)
    sign(folder, made, "-selfsign", "-keyfile", str(made.key), expired=expired)
    return made


def create_database(folder: Path) -> None:
    """Write the files that ``sign`` needs."""
    (folder / "index").write_text("")
    (folder / "ca.cnf").write_text(_CONFIG.format(folder=folder))


def request_certificate(made: Certificate, name: str, key: tuple[str, ...]) -> None:
    """Create the key, and the request for the certificate."""
    request = made.certificate.with_suffix(".csr")
    openssl("req", "-new", *key, "-keyout", str(made.key), "-subj", f"/CN={name}", "-out", str(request))


def sign(folder: Path, made: Certificate, *options: str, expired: bool) -> None:
    """Create the requested certificate, of the year 2020 where it is to be expired."""
    openssl(
        *("ca", "-batch", "-notext", "-config", str(folder / "ca.cnf"), *options),
        *("-in", str(made.certificate.with_suffix(".csr")), "-out", str(made.certificate)),
        *("-startdate", "20200101000000Z", "-enddate", "20200102000000Z" if expired else "21200101000000Z"),
    )


def openssl(*arguments: str) -> None:
    """Run openssl, in silence unless it fails."""
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)
