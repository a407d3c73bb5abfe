"""Clean roots of a release of Debian, and commands in them without a network."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from harness.host import ROOT
from packages.release import Release

CACHE = ROOT / ".cache" / "packages"
SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

ENTER = """set -e
mount --rbind /dev "$1/dev"
mount -t proc proc "$1/proc"
exec chroot "$@"
"""
"""Run in namespaces of its own: with the mounts, all processes end."""

KEEP = 'chroot "$1" sh -c \'cd /root && apt-get -qq -o APT::Sandbox::User=root download "$0"\' '
"""What mmdebstrap runs in a root, before a name, to download a package there."""

REFUSE_STARTS = "#!/bin/sh\nexit 101\n"
"""For policy-rc.d: packages start nothing in a root."""

UNSAFE_IO = "force-unsafe-io\n"
"""For dpkg: a root need not survive a crash of this host."""


class CommandFailedError(Exception):
    """A command failed; the text has it and its output."""


def acquire_options(dump: str) -> str:
    """Return how apt of this host reaches its mirror, from the output of apt-config."""
    wanted = ("Acquire::Check-", "Acquire::http", "Acquire::ForceIPv")
    return "".join(f"{line}\n" for line in dump.splitlines() if line.startswith(wanted) and '""' not in line)


def made_once(path: Path, make: Callable[[Path], None]) -> Path:
    """Return a file or folder, which ``make`` makes where it is missing; other processes wait for it.

    ``make`` gets another name, so that what is there is complete.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_name(f"{path.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not path.exists():
            unfinished = path.with_name(f"{path.name}.new")
            shutil.rmtree(unfinished, ignore_errors=True)  # of a process that was killed
            make(unfinished)
            unfinished.rename(path)
    return path


def clean_root(release: Release, packages: Sequence[str], kept: str = "") -> Path:
    """Return an archive of a minimal system with these packages more, which is made once.

    The file of the package ``kept`` is in its /root.
    """
    digest = _digest(*packages, kept and f"/root/{kept}")
    path = CACHE / release.codename / f"root-{digest}.tar"
    return made_once(path, partial(_bootstrap, release, packages, kept))


def kept_root(release: Release, packages: Sequence[str]) -> Path:
    """Return the directory of such a system, which is made once: nothing may be changed in it."""
    path = CACHE / release.codename / f"root-{_digest(*packages)}"
    return made_once(path, partial(_bootstrap, release, packages, ""))


def _digest(*packages: str) -> str:
    return hashlib.sha256(" ".join(sorted(filter(None, packages))).encode()).hexdigest()[:8]


def _bootstrap(release: Release, packages: Sequence[str], kept: str, path: Path) -> None:
    print(f"making a clean root of Debian {release.number} with {', '.join(packages)}", flush=True)
    options = path.with_suffix(".conf")
    options.write_text(acquire_options(run("apt-config", "dump", "Acquire")))
    kind = "tar" if ".tar" in path.suffixes else "directory"
    words = ["--quiet", "--variant=minbase", f"--include={','.join(packages)}"]
    words += [f"--format={kind}", f"--aptopt={options}"]
    if kept:
        words.append(f"--customize-hook={KEEP}{kept}")
    mirrors = os.environ.get("MIRROR", "").split()
    run("mmdebstrap", *words, release.codename, str(path), *mirrors)


@contextmanager
def unpacked(archive: Path) -> Iterator[Path]:
    """Yield a root of this archive, which is removed in the end."""
    with tempfile.TemporaryDirectory(prefix="root-", dir=CACHE) as name:
        root = Path(name)
        root.chmod(0o755)
        run("tar", "--extract", "--file", str(archive), "--directory", name, "--exclude=./dev/*")
        (root / "usr/sbin/policy-rc.d").write_text(REFUSE_STARTS)
        (root / "usr/sbin/policy-rc.d").chmod(0o755)
        (root / "etc/dpkg/dpkg.cfg.d/unsafe-io").write_text(UNSAFE_IO)
        yield root


def run_in(root: Path, *command: str) -> str:
    """Return the output of a command in a root, without a network; CommandFailedError if it fails."""
    return run_apart(ENTER, str(root), *command)


def run_apart(script: str, *words: str, epoch: int = 0) -> str:
    """Return the output of a script of shell with namespaces of its own; CommandFailedError if it fails."""
    apart = ("unshare", "--mount", "--net", "--pid", "--fork", "--kill-child")
    environment = {
        "PATH": SYSTEM_PATH,
        "HOME": "/root",
        "LC_ALL": "C.UTF-8",
        "DEBIAN_FRONTEND": "noninteractive",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONHASHSEED": "0",
        "SOURCE_DATE_EPOCH": str(epoch),
    }
    return run(*apart, "sh", "-c", script, "sh", *words, environment=environment)


def run(*command: str, environment: dict[str, str] | None = None) -> str:
    """Return the output of a command; CommandFailedError if it fails."""
    done = subprocess.run(
        command,
        check=False,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=environment,
        cwd="/" if environment else ROOT,
        text=True,
        errors="replace",
    )
    if done.returncode != 0:
        raise CommandFailedError(f"{' '.join(command)}: exit status {done.returncode}\n{done.stdout}")
    return done.stdout
