"""The command line as a process, with a daemon that directs nothing."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

# The real command line; only the director is a stand-in, which writes its last event into a file.
PROGRAM = """
import asyncio, logging, signal, socket, sys, time, types
from pathlib import Path
from ldirectord_py.cli import main
from ldirectord_py.errors import KernelError
from ldirectord_py.runtime.signals import unblock

def look_up(*_, **__):
    Path(sys.argv[1] + ".event").write_text("looking up")
    while not Path(sys.argv[1] + ".answer").exists():
        time.sleep(0.01)
    return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.3", 0))]

socket.getaddrinfo = look_up

async def serve(identity, loaded, notify, ready, kernel=None):
    behaviour = Path(sys.argv[1]).read_text()
    if behaviour == "fails":
        raise KernelError("no IPVS in this kernel; load ip_vs")
    event = Path(sys.argv[1] + ".event")
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT):
        loop.add_signal_handler(number, stop.set)
    if behaviour == "dawdles":
        await asyncio.sleep(1)
    loop.add_signal_handler(signal.SIGHUP, lambda: event.write_text("reload"))
    if unblock():
        loop.call_soon(event.write_text, "reload")
    if behaviour == "chatters":
        for number in range(20_000):
            logging.getLogger("ldirectord_py.chatter").info("line %d", number)
    notify.ready("up")
    ready()
    event.write_text(f"{type(loop).__module__} {identity.path} {len(loaded.config.virtuals)}")
    await stop.wait()
    notify.stopping()

stub = types.ModuleType("ldirectord_py.daemon.run")
stub.serve = serve
sys.modules[stub.__name__] = stub
sys.exit(main(sys.argv[2:]))
"""

GOOD = """\
checkinterval = 2
logfile = "{log}"
virtual = 192.0.2.1:80
        real = 127.0.0.1:8080 masq
        real = 127.0.0.2:8080 masq
        checktype = on
"""


class Box:
    """A folder with a configuration, a log, pid files, and the last event of the stand-in."""

    def __init__(self, folder: Path) -> None:
        self.config = folder / "web.cf"
        self.log = folder / "log"
        self.pid_file = folder / "ldirectord.web.cf.pid"
        self.folder = folder
        self._behaviour = folder / "behaviour"
        self._begun: list[subprocess.Popen[str]] = []
        self.behave("serves")
        self.config.write_text(GOOD.format(log=self.log))

    def behave(self, how: str) -> None:
        """Have the next daemon do this: ``serves``, ``dawdles``, ``fails`` or ``chatters``."""
        self._behaviour.write_text(how)

    @property
    def last_event(self) -> str:
        """The last event of the stand-in, "" for none."""
        path = Path(f"{self._behaviour}.event")
        return path.read_text() if path.exists() else ""

    def resolve(self) -> None:
        """Let the resolver answer, which has not so far."""
        Path(f"{self._behaviour}.answer").touch()

    def command(self, *words: str) -> list[str]:
        return [sys.executable, "-c", PROGRAM, str(self._behaviour), *words]

    @property
    def environment(self) -> dict[str, str]:
        folders = dict.fromkeys(("LDIRECTORD_RUNDIR", "LDIRECTORD_STATEDIR"), str(self.folder))
        return {**os.environ, **folders, "PYTHONWARNINGS": "error"}

    def run(self, *words: str) -> tuple[int, str, str]:
        """Return exit status, standard output and standard error of a command on the configuration."""
        return self.run_words(str(self.config), *words)

    def run_words(self, *words: str) -> tuple[int, str, str]:
        done = subprocess.run(
            self.command(*words), capture_output=True, text=True, timeout=60, env=self.environment, check=False
        )
        return done.returncode, done.stdout, done.stderr

    def begin(self, *words: str, **more: str) -> "subprocess.Popen[str]":
        """Start a command that stays."""
        begun = subprocess.Popen(
            self.command(*words),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**self.environment, **more},
        )
        self._begun.append(begun)
        return begun

    def end(self) -> None:
        """Leave no process behind, whatever the test came to."""
        self.run("stop")
        for begun in self._begun:
            with begun:
                begun.kill()

    @property
    def pid(self) -> int:
        return int(self.pid_file.read_text())

    def log_texts(self) -> list[str]:
        return [line.split("] ", 1)[1] for line in self.log.read_text().splitlines()]


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Box]:
    box = Box(tmp_path)
    yield box
    box.end()
