"""The file ``ldirectord.pyz``: ldirectord_py and the libraries that are pure Python, for any Python from 3.11 on.

Compiled libraries have stand-ins in it, which are in the folder ``pyz``.
"""

from __future__ import annotations

import time
import zipfile
from collections.abc import Iterator, Mapping
from importlib.metadata import distribution
from io import BytesIO
from pathlib import Path, PurePosixPath

from harness.host import ROOT
from packages.components import LICENCE_FILE
from packages.sources import read_sources

LIBRARIES = ("aiomysql", "aiosmtplib", "pymysql", "pyroute2", "pyyaml")
"""Distributions whose modules of Python suffice; PyYAML works without its compiled one."""

NAME = "ldirectord.pyz"
SHEBANG = b"#!/usr/bin/env python3\n"
_STAND_INS = Path(__file__).parent / "pyz"
_EARLIEST = 315532800
"""1980, where the times of archives begin."""


def archive(epoch: int) -> bytes:
    """Return the file, whose parts have the time ``epoch``: the same bytes from the same sources and libraries."""
    when = time.gmtime(max(epoch, _EARLIEST))[:6]
    output = BytesIO()
    output.write(SHEBANG)
    with zipfile.ZipFile(output, "a", zipfile.ZIP_DEFLATED, compresslevel=9) as opened:
        for name, data in sorted(_contents().items()):
            part = zipfile.ZipInfo(name, when)
            part.external_attr = 0o100644 << 16
            opened.writestr(part, data, zipfile.ZIP_DEFLATED, compresslevel=9)
    return output.getvalue()


def _contents() -> Mapping[str, bytes]:
    """Return the contents of each file of the archive."""
    ours = {**_modules(ROOT / "ldirectord_py", "ldirectord_py/"), **_modules(_STAND_INS, "")}
    return dict(part for name in LIBRARIES for part in _parts(name)) | ours | {"LICENSE": _text("LICENSE")}


def _modules(folder: Path, prefix: str) -> dict[str, bytes]:
    return {f"{prefix}{path.relative_to(folder)}": path.read_bytes() for path in folder.rglob("*.py")}


def _text(name: str) -> bytes:
    return (ROOT / name).read_bytes()


def _parts(name: str) -> Iterator[tuple[str, bytes]]:
    """Yield the modules of a distribution of this environment, which is that of the lock file, and its licence."""
    for file in distribution(name).files or ():
        if _is_needed(file):
            yield str(file), Path(str(file.locate())).read_bytes()


def _is_needed(file: PurePosixPath) -> bool:
    if ".." in file.parts:
        return False
    in_metadata = file.parts[0].endswith(".dist-info")
    return bool(LICENCE_FILE.match(file.name)) or file.name == "METADATA" if in_metadata else file.suffix == ".py"


def write_archive(path: Path) -> None:
    """Write the file of the sources as they are now, and say so."""
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(archive(read_sources().epoch))
    path.chmod(0o755)
    print(f"{path.relative_to(ROOT)}: {path.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    write_archive(ROOT / "dist" / NAME)
