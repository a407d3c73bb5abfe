"""A reload at any time of a process that may be a daemon does not end it."""

from __future__ import annotations

import subprocess
import sys

import pytest

SENDS_ITSELF_A_RELOAD_AT_THE_END = """
import os
from ldirectord_py.cli import main

class Last:
    def __del__(self, kill=os.kill, pid=os.getpid()):
        kill(pid, 1)

import sys
sys.last = Last()  # goes when the handlers of signals are gone
main(["no-such-file.cf", "{word}"])
"""


@pytest.mark.parametrize("word", [pytest.param("start", marks=pytest.mark.slow), "run"])
def test_F36_a_reload_while_the_interpreter_ends_is_not_fatal(word: str) -> None:
    code = SENDS_ITSELF_A_RELOAD_AT_THE_END.format(word=word)
    ended = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
