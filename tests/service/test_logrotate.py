"""Debian's logrotate rotates a log while lines are written: no line is lost, and no signal is needed."""

from __future__ import annotations

import gzip
import logging
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from harness.host import ROOT
from harness.lab.namespace import eventually
from harness.servers.server_process import program
from ldirectord_py.config.model import Globals
from ldirectord_py.report.log.logfile import open_log

LOGGER = logging.getLogger("ldirectord_py.rotation")
ROTATIONS = 4
OURS = ROOT / "etc" / "logrotate.d" / "ldirectord"
DEBIANS = Path("/etc/logrotate.d/ldirectord")
DEBIANS_DEFAULTS = "weekly\nrotate 6\ncreate\n"  # of /etc/logrotate.conf


@contextmanager
def counting() -> Iterator[list[int]]:
    """Log ``line NUMBER``, a thousand a second or so, until the block ends; then the list has how many there were."""
    done, count = threading.Event(), [0]

    def count_up() -> None:
        while not done.wait(0.001):
            LOGGER.info("line %d", count[0])
            count[0] += 1

    thread = threading.Thread(target=count_up)
    thread.start()
    try:
        yield count
    finally:
        done.set()
        thread.join()


def lines(path: Path) -> list[str]:
    """Return the texts of a log, be it compressed."""
    text = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    return [line.split("] ", 1)[1] for line in text.decode().splitlines()]


@pytest.mark.parametrize(("rules", "defaults"), [(OURS, ""), (DEBIANS, DEBIANS_DEFAULTS)], ids=["ours", "Debian's"])
def test_no_line_is_lost(tmp_path: Path, rules: Path, defaults: str) -> None:
    logrotate = program("logrotate", "logrotate")
    if not rules.exists():
        pytest.skip("apt-get install ldirectord")
    log, config = tmp_path / "ldirectord.log", tmp_path / "logrotate.conf"
    config.write_text(defaults + rules.read_text().replace("/var/log/ldirectord.log", str(log)))
    config.chmod(0o600)  # logrotate reads none that others may write
    with open_log(Globals(logfile=str(log)), "web"), counting() as count:
        for _ in range(ROTATIONS):
            eventually(lambda: log.exists() and log.stat().st_size > 0, 10, lambda: "nothing is logged")
            command = [logrotate, "--force", f"--state={tmp_path / 'state'}", str(config)]
            subprocess.run(command, check=True, capture_output=True, timeout=60)
        eventually(lambda: log.exists() and log.stat().st_size > 0, 10, lambda: "nothing is logged")
    assert len(list(tmp_path.glob("ldirectord.log.*"))) == ROTATIONS
    # Where we make the new file before logrotate does, it puts ours aside as a .backup and makes its own.
    texts = [text for file in tmp_path.glob("ldirectord.log*") for text in lines(file)]
    assert [f"line {number}" for number in range(count[0])] == sorted(texts, key=lambda text: int(text.split()[1]))
