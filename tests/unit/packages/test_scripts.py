"""What the scripts of the package share: which directors they find on a host, and how they end one."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest

from harness.host import ROOT
from harness.lab.namespace import eventually
from packages.contents import HERE
from packages.release import RELEASES
from packages.stage import SCRIPTS, SHARED, SHARED_HERE, script_text

FUNCTIONS = (ROOT / HERE / SHARED).read_text()
INTERPRETER = f"perl.{os.getpid()}"  # of nothing else on this host
COMMAND = "/usr/sbin/ldirectord"


def shell(line: str, *words: str) -> str:
    """Return what a line of shell prints that calls the functions."""
    argv = ["sh", "-euc", f"{FUNCTIONS}\n{line}", "sh", *words]
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout


@contextmanager
def process(*words: str, line: str = "read end") -> Iterator[subprocess.Popen[bytes]]:
    """Run a process with the command line of an interpreter and these words until the block ends."""
    argv = [INTERPRETER, "-c", line, *words]
    with subprocess.Popen(argv, executable="/bin/sh", stdin=subprocess.PIPE, stdout=subprocess.PIPE) as running:
        try:
            yield running
        finally:
            running.kill()


@pytest.mark.parametrize(
    ("words", "config"),
    [
        ([COMMAND, "start"], "-"),
        (["-w", f"{COMMAND}.perl", "--", "web.cf", "restart"], "web.cf"),
        ([COMMAND, "/etc/ha.d/two words.cf", "start"], "/etc/ha.d/two words.cf"),
        (["/usr/bin/ldirectord-py", "web.cf", "run"], "web.cf"),
    ],
)
def test_a_director_is_found_with_its_configuration(words: Sequence[str], config: str) -> None:
    with process(*words) as running:
        pid, supervisor, found = shell('directors "$1"', INTERPRETER).rstrip("\n").split(" ", 2)
    assert (int(pid), found) == (running.pid, config)
    assert supervisor.startswith("?")  # we are its parent


@pytest.mark.parametrize(
    "words",
    [
        [COMMAND, "web.cf", "stop"],
        [COMMAND, "web.cf", "shadow"],
        [COMMAND, "a", "b", "start"],
        ["vi", "ldirectord.cf"],
        ["ldirectord tcp:192.0.2.1:80", "start"],
    ],
)
def test_other_processes_are_no_directors(words: Sequence[str]) -> None:
    with process(*words):
        assert shell('directors "$1"', INTERPRETER) == ""


def test_the_interpreter_is_the_whole_name() -> None:
    with process(COMMAND, "start"):
        assert shell('directors "$1"', INTERPRETER[1:]) == ""


def test_a_director_ends_with_its_children() -> None:
    with process(COMMAND, "start", line="sleep 600 & echo $!; wait") as running:
        assert running.stdout is not None
        child = running.stdout.readline().decode().strip()
        shell('end_director "$1" -', str(running.pid))
        assert running.wait(30) == -9
        eventually(lambda: shell('lives "$1" || echo gone', child) == "gone\n", 30, lambda: child)


@pytest.mark.parametrize(("config", "words"), [("-", "start"), ("two words.cf", "two words.cf|start")])
def test_a_configuration_is_one_word_of_a_command(config: str, words: str) -> None:
    assert shell('call start "$1" printf "%s|"', config) == f"{words}|"


@pytest.mark.parametrize("script", SCRIPTS)
def test_scripts_share_these_functions_and_are_shell(script: str) -> None:
    assert (ROOT / HERE / script).read_text().count(SHARED_HERE) == 1
    for release in RELEASES.values():
        text = script_text(script, release)
        assert "@" not in text.replace("$@", "").replace("ldirectord@*", "")
        subprocess.run(["sh", "-n"], check=True, input=text.encode())
