"""Our daemon with its loop and its clocks watched from within: ``python -m bench.watched CONFIG run --memory-kernel``.

It writes, on the way and at its end, what percentiles the loop's lag has, and by how much checks begin late.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

from bench.ours import Ours

SAMPLE_SECONDS: Final = 0.01
PERCENTILES: Final = (50, 99, 100)
FILE: Final = "BENCH_WATCHED"


class Watched(Ours):
    """Ours, in memory, with ``lag`` and ``late``."""

    def command(self) -> Sequence[str]:
        """Return the command that watches."""
        return (sys.executable, "-m", "bench.watched", str(self.file("conf")), "run", "--memory-kernel")

    def environment(self) -> Mapping[str, str]:
        """Return where to write what it sees."""
        return {**super().environment(), FILE: str(self.file("seen"))}

    def forget(self) -> None:
        """Begin to count anew, within a second."""
        self.file("seen.forget").touch()

    def lag(self, percentile: int) -> float:
        """Return by how many seconds the loop was late at this percentile."""
        return self._seen("lag", percentile)

    def late(self, percentile: int) -> float:
        """Return by how many seconds checks began late at this percentile."""
        return self._seen("late", percentile)

    def _seen(self, what: str, percentile: int) -> float:
        return float(json.loads(self.file("seen").read_text())[what][str(percentile)])


class _Eyes:
    """What is seen within the daemon; its state is every sample since the last ``forget``."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.lag: list[float] = []
        self.late: list[float] = []

    async def watch(self) -> None:
        """Sample for ever, write once a second."""
        loop = asyncio.get_running_loop()
        told = loop.time()
        while True:
            due = loop.time() + SAMPLE_SECONDS
            await asyncio.sleep(SAMPLE_SECONDS)
            self.lag.append(max(0.0, loop.time() - due))
            if loop.time() - told > 1:
                told = loop.time()
                self._write()

    def _write(self) -> None:
        forget = self._path.with_name(f"{self._path.name}.forget")
        if forget.exists():
            forget.unlink()
            self.lag.clear()
            self.late.clear()
        draft = self._path.with_name(f"{self._path.name}.draft")
        draft.write_text(json.dumps({"lag": _percentiles(self.lag), "late": _percentiles(self.late)}))
        draft.replace(self._path)


def _percentiles(samples: list[float]) -> dict[str, float]:
    ordered = sorted(samples) or [0.0]
    return {str(each): ordered[min(len(ordered) - 1, len(ordered) * each // 100)] for each in PERCENTILES}


def main() -> int:
    """Be the daemon, watched."""
    from ldirectord_py import cli  # noqa: PLC0415 - only this process needs it
    from ldirectord_py.daemon import run  # noqa: PLC0415 - only this process needs it
    from ldirectord_py.daemon.probing import limited, prober  # noqa: PLC0415

    eyes = _Eyes(Path(os.environ.pop(FILE)))
    serve = run.serve

    async def watched(*arguments: Any) -> None:
        watching = asyncio.create_task(eyes.watch())
        try:
            await serve(*arguments)
        finally:
            watching.cancel()

    vars(limited)["Prober"] = partial(prober.Prober, on_begin=lambda check, seconds: eyes.late.append(seconds))
    vars(run)["serve"] = watched
    return cli.main()


if __name__ == "__main__":
    sys.exit(main())
