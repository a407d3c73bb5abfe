"""The table of commands and its help."""

import os
import re
import subprocess
import sys
import tomllib
from importlib import import_module
from pathlib import Path
from subprocess import PIPE

import pytest

from ldirectord_py import cli
from ldirectord_py.cli import main
from ldirectord_py.cli.invocation.commands import COMMANDS, PLACEHOLDERS


def test_every_command_has_a_module_that_runs() -> None:
    modules = {command.module for command in COMMANDS.values()}
    assert all(callable(import_module(f"ldirectord_py.cli.{module}").run) for module in modules)


def test_the_originals_commands_are_there() -> None:
    originals = {"start", "stop", "restart", "try-restart", "reload", "force-reload", "status"}
    assert originals <= set(COMMANDS)


def test_the_commands_that_take_names_are_known() -> None:
    naming = {name for name, info in COMMANDS.items() if info.takes_names}
    assert naming == {"show", "check-now", "drain", "undrain", "disable", "enable"}


@pytest.mark.parametrize("option", ["-h", "-?", "--help", "help"])
def test_help_names_every_command(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([option]) == 0
    shown = capsys.readouterr().out
    assert all(f"\n  {name}" in shown for name in COMMANDS)
    assert "LDIRECTORD_RUNDIR" in shown


@pytest.mark.parametrize("command", list(COMMANDS))
def test_each_command_has_a_help_that_needs_no_configuration(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["/nowhere.cf", command, "--help"]) == 0
    first, summary, *_ = capsys.readouterr().out.splitlines()
    assert first == f"Usage: ldirectord [CONFIG] {command} {COMMANDS[command].options}".rstrip()
    assert summary == COMMANDS[command].summary


def test_the_help_of_a_command_says_what_its_words_stand_for(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["drain", "--help"]) == 0
    words = [line.split()[0] for line in capsys.readouterr().out.splitlines() if line.startswith("  ")]
    assert words == ["NAME", "ID", "TIME", "SECONDS"]
    used = {word for info in COMMANDS.values() for word in re.findall(r"[A-Z]+", info.options)}
    assert used - {"TEXT", "OLDFILE", "ADDR", "PORT"} == set(PLACEHOLDERS)
    assert main(["stop", "--help"]) == 0
    assert "\n  " not in capsys.readouterr().out


def test_a_wrong_option_shows_the_usage_of_its_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["/nowhere.cf", "events", "--bogus"]) == 255
    assert capsys.readouterr().err == (
        "events: unrecognized arguments: --bogus\n"
        "Usage: ldirectord [CONFIG] events [--follow] [--since SEQ|TIME] [--json]\n"
    )


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["-v"]) == 0
    project = tomllib.loads((Path(__file__).parents[4] / "pyproject.toml").read_text())["project"]
    assert capsys.readouterr().out == f"Linux Director ldirectord-py {project['version']}\n"


def test_the_package_runs_as_a_module() -> None:
    done = subprocess.run([sys.executable, "-m", "ldirectord_py", "-v"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("Linux Director ldirectord-py ")


@pytest.mark.parametrize(
    ("argv", "expected"),
    [([], "No command"), (["bogus"], "Unknown command: bogus"), (["-x"], "Unknown option: x")],
)
def test_wrong_usage(argv: list[str], expected: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(argv) == 255
    complaint, usage, *_ = capsys.readouterr().err.splitlines()
    assert expected == complaint
    assert usage.startswith("Usage: ldirectord [-d|--debug] [--] [CONFIG] start|stop|")


@pytest.mark.parametrize("command", list(COMMANDS))
def test_a_missing_config_is_1_for_every_command(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LDIRECTORD_RUNDIR", str(tmp_path))
    needed = ["web1"] if COMMANDS[command].options.endswith(" NAME...") else []
    assert main([f"{tmp_path}/none.cf", command, *needed]) == 1
    assert f"Config file {tmp_path}/none.cf not found\n" == capsys.readouterr().err


def test_an_oserror_is_1_and_printed_in_words(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LDIRECTORD_RUNDIR", str(tmp_path))
    (tmp_path / "ldirectord.web.cf.lock").symlink_to("elsewhere")
    (tmp_path / "elsewhere").touch()
    assert main([f"{tmp_path}/web.cf", "status"]) == 1
    assert f"{tmp_path}/ldirectord.web.cf.lock: Too many levels of symbolic links\n" == capsys.readouterr().err


def test_an_interrupt_is_130(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "_dispatch", interrupted)
    assert main(["status"]) == 130


@pytest.mark.slow
@pytest.mark.parametrize("words", [["help"], ["-v"], ["show", "--help"]])
def test_a_pipe_that_nobody_reads_is_no_traceback(words: list[str]) -> None:
    read, write = os.pipe()
    os.close(read)
    try:
        done = subprocess.run([sys.executable, "-m", "ldirectord_py", *words], stdout=write, stderr=PIPE, check=False)
    finally:
        os.close(write)
    assert (done.returncode, done.stderr) == (1, b"")


@pytest.mark.slow
def test_a_full_disk_is_told_once() -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run([sys.executable, "-m", "ldirectord_py", "-v"], stdout=full, stderr=PIPE, check=False)
    assert (done.returncode, done.stderr) == (1, b"No space left on device\n")


@pytest.mark.slow
@pytest.mark.parametrize("redirection", [">&-", "2>&-", ">&- 2>&-"])
def test_an_output_that_is_closed_is_no_traceback(redirection: str, tmp_path: Path) -> None:
    (tmp_path / "web.cf").write_text("virtual=192.0.2.2:80\n    real=127.0.0.3:80 masq\n    checktype=on\n")
    command = f"{sys.executable} -m ldirectord_py {tmp_path}/web.cf table {redirection}"
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
