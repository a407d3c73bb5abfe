"""``python -m packages [RELEASE ...]``: builds packages for these releases of Debian in dist/ (``make packages``)."""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import sys
import time

from harness.host import ROOT
from packages.archive import NAME, write_archive
from packages.builder import judge, package
from packages.release import RELEASES
from packages.root import CommandFailedError

DIST = ROOT / "dist"


def main() -> int:
    """Return 0 if all packages are built and lintian finds nothing in them; they replace earlier ones in dist/."""
    parser = argparse.ArgumentParser(prog="make packages", description=__doc__)
    parser.add_argument(
        "releases", nargs="*", choices=RELEASES, metavar="RELEASE", help="of Debian; all of them, if none is named"
    )
    numbers = parser.parse_args().releases or [*RELEASES]
    if os.geteuid() != 0:
        sys.stderr.write("packages are built in clean roots of their releases, by chroot: run this as root\n")
        return 2
    write_archive(DIST / NAME)
    try:
        return max([_build(number) for number in numbers])
    except CommandFailedError as error:
        sys.stderr.write(f"{error}\n")
        return 1


def _build(number: str) -> int:
    began = time.monotonic()
    found = package(RELEASES[number])
    path = DIST / found.name
    for earlier in DIST.glob(f"ldirectord-py_*~deb{number}_*.deb"):
        earlier.unlink()
    shutil.copyfile(found, path)
    data = path.read_bytes()
    print(f"{path.relative_to(ROOT)}: {len(data) / 1e6:.1f} MB in {time.monotonic() - began:.0f} s")
    print(f"sha256 {hashlib.sha256(data).hexdigest()}")
    complaints = judge(path)
    print(complaints or "lintian finds nothing", end="\n" if not complaints else "")
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
