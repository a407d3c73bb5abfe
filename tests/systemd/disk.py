"""The disks of Debian with systemd, for User-Mode Linux: made once, of Debian's packages, and kept in .cache/systemd.

``python -m systemd.disk`` makes those that are missing, or says why it cannot.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from harness.host import ROOT, program_path
from harness.machines.kinds import USER_MODE
from packages.release import RELEASES, Release
from packages.root import clean_root, run, run_in, unpacked

RELEASE: Final = RELEASES["12"]
CACHE: Final = ROOT / ".cache" / "systemd"
INSIDE: Final = Path(__file__).with_name("inside")
MODULES: Final = USER_MODE.image.parent / "lib" / "modules"
SIZE: Final = "2G"
"""Of the disk; the file has holes, and is as large as what is on the disk."""

PACKAGES: Final = (
    *("systemd-sysv", "dbus", "python3", "kmod", "iproute2", "procps", "ipvsadm", "logrotate", "nginx-light"),
    *("ldirectord", "sudo"),
)
CLUSTER: Final = ("corosync", "pacemaker", "pacemaker-cli-utils", "resource-agents")
MORE_PACKAGES: Final[dict[str, tuple[str, ...]]] = {"12": CLUSTER, "13": ()}
"""Of each release."""

UNITS: Final = ("shares.service", "commands.service", "site.service", "servers.service")
DISABLED: Final = ("ldirectord", "nginx", "corosync", "pacemaker")
"""What a test starts, if at all."""

MASKED: Final = ("getty.target", "apt-daily.timer", "apt-daily-upgrade.timer", "logrotate.timer", "e2scrub_all.timer")
TEXTS: Final = {
    "etc/hostname": "director\n",
    "etc/hosts": "127.0.0.1 localhost director\n",
    "etc/resolv.conf": "",
    "etc/machine-id": "0123456789abcdef0123456789abcdef\n",  # an empty one would enable all units at the first boot
    "etc/systemd/journald.conf.d/tests.conf": "[Journal]\nStorage=volatile\nRateLimitIntervalSec=0\n",
    "etc/dpkg/dpkg.cfg.d/tests": "force-unsafe-io\n",  # nothing of a machine outlives it
}


def missing() -> str:
    """Return why no Debian can be booted here, "" if one can."""
    if reason := USER_MODE.missing_kernel():
        return f"{reason}: run `make systemd`"
    if os.geteuid() != 0:
        return "the disk of Debian is made by chroot: needs to be root"
    absent = [name for name in ("mmdebstrap", "mke2fs", "setpriv") if shutil.which(name, path=program_path()) is None]
    if absent:
        return f"Debian cannot be installed without {', '.join(absent)}: run `make systemd`"
    ours = f"{sys.version_info.major}.{sys.version_info.minor}"
    return "" if ours == RELEASE.python else f"the libraries are of Python {ours}, Debian's Python is {RELEASE.python}"


def disk(release: Release = RELEASE) -> Path:
    """Return the image of the disk of a release, which is made if there is none of these packages and units."""
    path = CACHE / f"{release.codename}-{_digest()}.ext4"
    with _only_one():
        if not path.exists():
            for other in CACHE.glob(f"{release.codename}-*"):
                other.unlink()
            _make(release, path)
    return path


def _digest() -> str:
    """Return a digest of all that makes one disk another."""
    parts = [Path(__file__).read_bytes(), *(sorted(str(path.name).encode() for path in MODULES.iterdir()))]
    parts += [(INSIDE / name).read_bytes() for name in (*UNITS, "shares.sh")]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:12]


@contextmanager
def _only_one() -> Iterator[None]:
    """Wait for other processes that make the disk."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _make(release: Release, path: Path) -> None:
    archive = clean_root(release, (*PACKAGES, *MORE_PACKAGES[release.number]))
    print("making a disk of it", flush=True)
    with unpacked(archive) as root:
        _set_up(root)
        unfinished = path.with_suffix(".new")
        run("mke2fs", "-q", "-t", "ext4", "-O", "^has_journal", "-d", str(root), str(unfinished), SIZE)
    unfinished.rename(path)


def _set_up(root: Path) -> None:
    """Complete a root to a system that boots and carries out the host's commands."""
    (root / "usr/sbin/policy-rc.d").unlink()
    shutil.copytree(MODULES, root / "usr/lib/modules", dirs_exist_ok=True)
    for name, text in TEXTS.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).unlink(missing_ok=True)
        (root / name).write_text(text)
    units = root / "etc/systemd/system"
    for name in UNITS:
        shutil.copyfile(INSIDE / name, units / name)
    shutil.copyfile(INSIDE / "shares.sh", root / "usr/local/lib/shares.sh")
    for name in MASKED:
        (units / name).symlink_to("/dev/null")
    installed = [name for name in DISABLED if (root / "usr/lib/systemd/system" / f"{name}.service").exists()]
    run_in(root, "systemctl", "disable", *installed)
    run_in(root, "systemctl", "enable", *UNITS)


if __name__ == "__main__":
    print(missing() or "\n".join(str(disk(each).relative_to(ROOT)) for each in RELEASES.values()))
