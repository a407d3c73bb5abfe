"""Carries out the commands of the host, in the machine: ``agent.py SHARE``.

SHARE/requests/N, from 0, is a JSON object: the command ``argv``, its input ``given``, and ``seconds`` after which
it is killed. SHARE/results/N becomes one too: its exit ``status``, and its ``output``.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

LOOK_SECONDS = 0.02
NOT_FOUND, TIMED_OUT = 127, 124


def carry_out(argv: list[str], given: str, seconds: float) -> dict[str, Any]:
    """Return the result of a command; what it leaves behind may keep its output open."""
    with tempfile.TemporaryFile() as output:
        try:
            status = subprocess.run(
                argv, input=given.encode(), stdout=output, stderr=output, timeout=seconds, check=False
            ).returncode
        except subprocess.TimeoutExpired:
            status = TIMED_OUT
        except OSError as error:
            return {"status": NOT_FOUND, "output": str(error)}
        output.seek(0)
        return {"status": status, "output": output.read().decode(errors="replace")}


def main(share: Path) -> None:
    """Carry out each command in turn, for ever; those of before this boot are over."""
    os.environ["SYSTEMD_BUS_TIMEOUT"] = "900"  # of systemctl, which waits for 25 s: too short on a slow host
    number = len(list((share / "requests").iterdir()))
    (share / "booted").touch()
    while True:
        request = share / "requests" / str(number)
        if not request.exists():
            time.sleep(LOOK_SECONDS)
            continue
        unfinished = share / "result"
        unfinished.write_text(json.dumps(carry_out(**json.loads(request.read_text()))))
        unfinished.rename(share / "results" / str(number))
        number += 1


if __name__ == "__main__":
    main(Path(sys.argv[1]))
