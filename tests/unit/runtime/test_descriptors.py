"""Standard descriptors that are closed at the start are opened."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from ldirectord_py.runtime.descriptors import STANDARD, open_standard_descriptors

PRINT_DESCRIPTORS = """
import os
from ldirectord_py.cli import main
main(["--version"])
first = os.dup(0)
held = [os.readlink(f"/proc/self/fd/{number}") for number in range(3)]
os.write(int(os.environ["REPORT"]), f"{first} {held} {[os.get_inheritable(n) for n in range(3)]}".encode())
"""


@pytest.mark.parametrize("closed", [(0,), (1, 2), (0, 1, 2)])
def test_a_command_opens_closed_standard_descriptors(closed: tuple[int, ...]) -> None:
    reading, writing = os.pipe()
    redirect = " ".join(f"{number}>&-" for number in closed)
    others = " ".join(f"{number}>/dev/null" for number in STANDARD if number not in closed)
    script = f'exec "$0" -c "$1" {redirect} {others}'
    subprocess.run(
        ["/bin/sh", "-c", script, sys.executable, PRINT_DESCRIPTORS],
        check=True,
        pass_fds=(writing,),
        env={**os.environ, "REPORT": str(writing)},
    )
    os.close(writing)
    with os.fdopen(reading, encoding="utf-8") as report:
        first, *held = report.read().split(" ", 1)
    assert int(first) > max(STANDARD)
    assert held == [f"{['/dev/null'] * 3} {[True] * 3}"]


def test_those_that_are_open_stay() -> None:
    before = [os.fstat(number) for number in STANDARD]
    open_standard_descriptors()
    assert [os.fstat(number) for number in STANDARD] == before
