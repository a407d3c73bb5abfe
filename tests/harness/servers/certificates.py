"""Self-signed certificates, made by openssl."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

_CA = """\
[ca]
default_ca = here
[here]
database = {folder}/index
new_certs_dir = {folder}
rand_serial = yes
default_md = sha256
policy = any
[any]
commonName = supplied
"""


@dataclass(frozen=True, slots=True)
class Certificate:
    """The files of a self-signed certificate and its key."""

    certificate: Path
    key: Path


def self_signed(folder: Path, name: str, *, expired: bool = False) -> Certificate:
    """Return a new self-signed certificate for ``name``, of the year 2020 where it is to be expired."""
    made = Certificate(folder / f"{name}.pem", folder / f"{name}.key")
    request = folder / f"{name}.csr"
    kind = ("-newkey", "rsa:2048", "-noenc", "-keyout", str(made.key), "-subj", f"/CN={name}")
    _openssl("req", "-new", *kind, "-out", str(request))
    (folder / "index").write_text("")
    (folder / "ca.cnf").write_text(_CA.format(folder=folder))
    dates = ("20200101000000Z", "20200102000000Z") if expired else ("20200101000000Z", "21200101000000Z")
    _openssl(
        *("ca", "-batch", "-notext", "-selfsign", "-config", str(folder / "ca.cnf")),
        *("-keyfile", str(made.key), "-in", str(request), "-out", str(made.certificate)),
        *("-startdate", dates[0], "-enddate", dates[1]),
    )
    return made


def _openssl(*arguments: str) -> None:
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)
