"""Starts daemons by forking a process that has loaded their program: loading takes seconds on an emulated processor.

``python -m harness.comparison.fork_server`` is the fork server for our daemon, ``ForkServer.pm`` that for the original.
Both read one line of standard input for each daemon, with fields separated by tabs: network namespace, file for the
output, variables as NAME=VALUE, arguments. They answer each with a line that has the pid.
"""

from __future__ import annotations

import ctypes
import gc
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from types import TracebackType
from typing import Final, NoReturn, Self

from harness.host import ROOT, SYSTEM_PATH
from harness.lab.namespace import end

PERL: Final = ("perl", f"-I{ROOT / 'tests' / 'harness' / 'comparison'}", "-MForkServer", "/usr/sbin/ldirectord")
PYTHON: Final = (sys.executable, "-m", "harness.comparison.fork_server")
CLONE_NEWNET: Final = 0x40000000


class ForkServer:
    """The process that forks; the daemons live on when it ends. Its environment is that of all of them."""

    def __init__(self, *command: str, **environment: str) -> None:
        self._lock = threading.Lock()
        self._mother = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd="/",
            bufsize=0,
            env={"PATH": SYSTEM_PATH, "LANG": "C.UTF-8", "PYTHONPATH": str(ROOT / "tests"), **environment},
        )

    def fork(self, namespace: str, output: Path, *words: str) -> int:
        """Return the pid of a new process that runs the program in a network namespace.

        ``words`` are variables, as NAME=VALUE, and arguments.
        """
        stdin, stdout = self._mother.stdin, self._mother.stdout
        assert stdin is not None
        assert stdout is not None
        with self._lock:
            stdin.write("\t".join((f"/run/netns/{namespace}", str(output), *words)).encode() + b"\n")
            return int(stdout.readline())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        end(self._mother)
        for pipe in (self._mother.stdin, self._mother.stdout):
            assert pipe is not None
            pipe.close()


def load() -> None:
    """Import all that a daemon comes to import."""
    from ldirectord_py.checks.registry import kinds  # noqa: PLC0415  the tests need none of it
    from ldirectord_py.cli import start  # noqa: F401, PLC0415
    from ldirectord_py.daemon import run  # noqa: F401, PLC0415

    kinds()


def serve() -> None:
    """Fork for each line of standard input; return when it ends."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # children are reaped by the kernel
    gc.freeze()
    for line in iter(sys.stdin.readline, ""):
        pid = os.fork()
        if pid == 0:
            live(*line.rstrip("\n").split("\t"))
        print(pid, flush=True)


def live(namespace: str, output: str, *words: str) -> NoReturn:
    """Be the daemon."""
    from ldirectord_py.cli import main  # noqa: PLC0415  long imported

    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    handle = os.open(namespace, os.O_RDONLY)
    if ctypes.CDLL(None, use_errno=True).setns(handle, CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), namespace)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    for descriptor in (1, 2):
        os.dup2(os.open(output, os.O_WRONLY | os.O_APPEND | os.O_CREAT), descriptor)
    arguments = list(words)
    while "=" in arguments[0]:
        name, _, os.environ[name] = arguments.pop(0).partition("=")
    sys.exit(main(arguments))


if __name__ == "__main__":
    load()
    serve()
