"""A process that gave up its privileges is another user, without capabilities, and cannot go back."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from harness.readable_python import readable_by_all

SCRIPT = """
import os, sys
from ldirectord_py.runtime.privileges import drop_privileges
try:
    drop_privileges(sys.argv[1])
except (KeyError, OSError) as error:
    print(type(error).__name__)
    sys.exit()
for attempt in (lambda: os.setuid(0), lambda: os.setgid(0), lambda: os.setgroups([0])):
    try:
        attempt()
        print("went back")
    except PermissionError:
        pass
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
print(*os.getresuid(), *os.getgroups(), *(int(status[name], 16) for name in status if name.startswith("Cap")))
"""


def run(user: str) -> str:
    command = [*readable_by_all(), sys.executable, "-c", SCRIPT, user]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout.strip()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes another user")
def test_there_is_no_way_back() -> None:
    words = run("nobody").split()
    assert len(set(words[:3])) == 1
    assert words[0] != "0"
    assert words[3:] == ["0"] * 5


@pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes another user")
@pytest.mark.parametrize(("user", "error"), [("root", "PermissionError"), ("nosuchuser", "KeyError")])
def test_root_and_unknown_users_are_refused(user: str, error: str) -> None:
    assert run(user) == error
