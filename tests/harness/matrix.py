"""Run the unit tests on each supported Python, with the oldest and the newest dependencies, and print a table.

``python -m harness.matrix [PYTHON ...]``: all of PYTHONS by default. Environments are made by uv in .cache/matrix. A
Python that this machine neither has nor can get is a row of the table that says so.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).parents[2]
HOME = PROJECT / ".cache/matrix"
UV = Path(sys.prefix) / "bin/uv"
UV_CACHE = {"UV_CACHE_DIR": str(PROJECT / ".cache/uv")}
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
RESOLUTIONS = {"oldest": "lowest-direct", "newest": "highest"}
TEST_OPTIONS = ("--numprocesses", "4", "--dist", "worksteal", "--hypothesis-profile", "quick", "-m", "not slow")
ANOTHER_ENVIRONMENT = "tests/unit/packages"
"""Tests of what the Debian packages carry, which is what the lock file says."""


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    python: str
    dependencies: str
    seconds: float
    outcome: str
    passed: bool

    @property
    def text(self) -> str:
        return f"{self.python:<10}{self.dependencies:<14}{self.seconds:>6.0f} s  {self.outcome}"


def _run(*command: str | Path, log: Path) -> bool:
    environment = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"} | UV_CACHE
    with log.open("a") as output:
        print("$", *command, file=output, flush=True)
        done = subprocess.run(
            command, check=False, cwd=PROJECT, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output
        )
    return done.returncode == 0


def find_python(version: str) -> Path | None:
    """Return an interpreter of this version: on PATH, of pyenv, or one that uv can download."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    candidates = sorted(pyenv.glob(f"versions/{version}.*/bin/python3"), key=_number)
    if candidates:
        return candidates[-1]
    for arguments in (("find", version), ("install", version), ("find", version)):
        done = subprocess.run(
            [UV, "python", *arguments], check=False, capture_output=True, text=True, cwd="/", stdin=subprocess.DEVNULL
        )
        if arguments[0] == "find" and done.returncode == 0:
            return Path(done.stdout.strip())
    return None


def _number(path: Path) -> list[int]:
    return [int(part) for part in re.findall(r"\d+", str(path))]


def install(python: Path, place: Path, resolution: str, log: Path) -> bool:
    """Make an environment: the dependencies by `resolution`, the test tools as new as these allow."""
    pins, target = place / "pins.txt", place / "bin/python"
    extras = [f"--extra={name}" for name in _extras()]
    compile_pins: list[str | Path] = [
        "pip",
        "compile",
        "--quiet",
        "--resolution",
        resolution,
        *extras,
        "--output-file",
        pins,
    ]
    return (
        _run(UV, "venv", "--quiet", "--clear", "--python", python, place, log=log)
        and _run(UV, *compile_pins, "--python", target, "pyproject.toml", log=log)
        and _run(
            *(UV, "pip", "install", "--quiet", "--python", target, "--constraint", pins),
            *("--editable", f".[{','.join(_extras())},dev]"),
            log=log,
        )
    )


def _extras() -> list[str]:
    """Return what users may ask for: all optional dependencies, without the tools of development."""
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    return [name for name in project["optional-dependencies"] if name not in {"all", "dev"}]


def measure(version: str, dependencies: str) -> Row:
    """Install and test one combination."""
    began = time.monotonic()
    place, log = HOME / f"{version}-{dependencies}", HOME / f"{version}-{dependencies}.log"
    log.unlink(missing_ok=True)
    python = find_python(version)
    if python is None:
        outcome, passed = "not available on this machine", True
    elif not install(python, place, RESOLUTIONS[dependencies], log):
        outcome, passed = f"FAILED to install: {log.relative_to(PROJECT)}", False
    else:
        tests = ("tests/unit", "--ignore", ANOTHER_ENVIRONMENT)
        passed = _run(place / "bin/pytest", "-p", "no:cacheprovider", *TEST_OPTIONS, *tests, log=log)
        outcome = _summary(log) + ("" if passed else f" {log.relative_to(PROJECT)}")
    return Row(version, dependencies, time.monotonic() - began, outcome, passed)


def _summary(log: Path) -> str:
    """Return the last line of pytest's output, without its frame."""
    return log.read_text(errors="replace").rstrip().rpartition("\n")[2].strip("= ")


def rows(versions: list[str]) -> Iterator[Row]:
    for version in versions:
        for dependencies in RESOLUTIONS:
            print(f"Python {version}, {dependencies} dependencies", flush=True)
            yield measure(version, dependencies)


def main(versions: list[str]) -> int:
    """Run what is asked for, or all; return 1 if a combination fails."""
    HOME.mkdir(parents=True, exist_ok=True)
    table = list(rows(versions or list(PYTHONS)))
    print(f"\n{'python':<10}{'dependencies':<14}{'':>8}  result")
    for row in table:
        print(row.text)
    return 0 if all(row.passed for row in table) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
