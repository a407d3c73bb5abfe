"""Our daemon, measured from within: ``python -m soak.daemon CONFIG run --memory-kernel``.

Its histories are full from the start, as they are after some hours (``full_histories.py``).
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import sys
from collections.abc import Callable, Coroutine, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn

from bench.ours import Ours
from soak.recorder import LINE_INTERVAL, Line, Recorder, lines

if TYPE_CHECKING:
    from ldirectord_py.config.parse import Parsed
    from ldirectord_py.instance.identity import Identity

FILE: Final = "SOAK_FILE"
"""The variable of the environment with the file that the daemon writes its lines to."""

LEAKING: Final = "SOAK_LEAKING"
"""The variable of the environment that lets the daemon lose LEAKED tasks and descriptors a second, for the tests."""

LEAKED: Final = 20

TRACED: Final = "SOAK_TRACED"
"""The variable of the environment with the seconds until its memory is traced, "" for never."""

ANSWER_TIMEOUT: Final = 120.0


class SoakedDaemon(Ours):
    """Ours, in memory."""

    def command(self) -> Sequence[str]:
        """Return the command."""
        return (sys.executable, "-m", "soak.daemon", str(self.file("conf")), "run", "--memory-kernel")

    def environment(self) -> Mapping[str, str]:
        """Return where it writes what it measures."""
        switches = {name: os.environ.get(name, "") for name in (LEAKING, TRACED)}
        return {**super().environment(), FILE: str(self.file("seen")), **switches}

    def lines(self) -> list[Line]:
        """Return what it has measured so far."""
        return lines(self.file("seen"))

    def traced(self) -> str:
        """Return where its memory has grown, "" if that is not traced."""
        file = self.file("trace")
        return file.read_text() if file.exists() else ""

    def ask(self, request: str) -> None:
        """Send a request to its control socket, and wait for the answer."""
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(ANSWER_TIMEOUT)
            client.connect(str(self.folder / f"ldirectord.{self.file('conf').name}.sock"))
            client.sendall(json.dumps({"request": request}).encode() + b"\n")
            answer = client.makefile("rb").readline()
        assert answer.endswith(b"\n"), f"no answer to {request}"


async def _leak() -> NoReturn:
    lost = []
    while True:
        lost += [
            (asyncio.create_task(asyncio.Event().wait()), os.open("/dev/null", os.O_RDONLY)) for _ in range(LEAKED)
        ]
        await asyncio.sleep(LINE_INTERVAL)


def main() -> int:
    """Be the daemon."""
    from ldirectord_py import cli  # noqa: PLC0415 - only this process needs it
    from ldirectord_py.daemon import run  # noqa: PLC0415
    from ldirectord_py.daemon.probing import limited, prober  # noqa: PLC0415
    from soak.full_histories import fill  # noqa: PLC0415

    seen = Path(os.environ.pop(FILE))
    recorder = Recorder(seen)
    jobs: list[Callable[[], Coroutine[Any, Any, object]]] = [recorder.run]
    if os.environ.pop(LEAKING):
        jobs.append(_leak)
    if settle := os.environ.pop(TRACED):
        from soak.memory_trace import MemoryTrace  # noqa: PLC0415

        jobs.append(MemoryTrace(seen.with_suffix(".trace"), float(settle)).run)
    serve, make = run.serve, run.Daemon.__init__

    async def serve_measured(*arguments: Any) -> None:
        measuring = [asyncio.create_task(each()) for each in jobs]
        try:
            await serve(*arguments)
        finally:
            for task in measuring:
                task.cancel()

    def make_full(daemon: run.Daemon, identity: Identity, loaded: Parsed, *arguments: Any) -> None:
        make(daemon, identity, loaded, *arguments)
        fill(daemon, loaded.config)

    def count_begun(*_: object) -> None:
        recorder.begun += 1

    vars(limited)["Prober"] = partial(prober.Prober, on_begin=count_begun)
    vars(run)["serve"] = serve_measured
    setattr(run.Daemon, "__init__", make_full)  # noqa: B010
    return cli.main()


if __name__ == "__main__":
    sys.exit(main())
