"""docs/operating.md: its examples are what a daemon prints; times, latencies and ports differ."""

from __future__ import annotations

import re
import shlex
import time
from collections.abc import Iterator
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from textwrap import dedent
from threading import Thread

import pytest

from harness.memory_daemon import MemoryDaemon, memory_daemon

pytestmark = pytest.mark.slow

PAGE = (Path(__file__).parents[2] / "docs/operating.md").read_text()
BLOCKS = [dedent(block) for block in re.findall(r"(?:^ {4}.*\n)+", PAGE, flags=re.MULTILINE)]
(CONFIG,) = (block for block in BLOCKS if block.startswith("checkinterval"))
LOG = next(block for block in BLOCKS if block.startswith("["))
PROMPT = "# ldirectord-py web.cf "
EXAMPLES = [block.removeprefix(PROMPT).partition("\n")[::2] for block in BLOCKS if block.startswith(PROMPT)]
PLACES = ("127.0.0.11", "127.0.0.12", "127.0.0.13")
SICK = "127.0.0.12"
IN_PART = ("events", "plan")
"""Commands that print more here: earlier events, and what this host has no IPVS for."""

VARYING = {
    r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d": "TIME",
    r"\d{4}-\d\d-\d\d \d\d:\d\d": "MINUTE",
    r"\[\w{3} \w{3} [\d: ]+\|web.cf\|\d+\]": "LOG",
    r"by \w+( \(sudo: \w+\))?": "by WHO",
    r"\[[\w: ()]+\](?= Real)": "WHO",
    r"[\d.]+ ?ms": "LATENCY",
    r"\d+s (ago|old)": "AGE",
    r"^ *\d+  TIME": "NUMBER",
    r"\S*/web\.cf(?=[: ])": "web.cf",
    r"(?<=web\.cf:)\d+": "LINE",
    r" +": " ",
}


class Site(ThreadingHTTPServer):
    """A web server, which answers 503 while it is sick."""

    sick = False


class Answer(BaseHTTPRequestHandler):
    """Answers 200 or 503."""

    def do_GET(self) -> None:
        assert isinstance(self.server, Site)
        self.send_response(503 if self.server.sick else 200)
        self.end_headers()

    def log_request(self, code: object = "-", size: object = "-") -> None:
        """Print nothing."""


@pytest.fixture
def sites() -> Iterator[dict[str, Site]]:
    with ExitStack() as stack:
        found = {place: stack.enter_context(Site((place, 0), Answer)) for place in PLACES}
        for site in found.values():
            Thread(target=site.serve_forever, args=(0.05,), daemon=True).start()
        yield found
        for site in found.values():
            site.shutdown()


def plain(text: str) -> list[str]:
    """Return the lines without what differs from run to run."""
    text = re.sub(r"127\.0\.0\.(\d+):\d+", r"10.0.0.\1:80", text)
    for pattern, word in VARYING.items():
        text = re.sub(pattern, word, text, flags=re.MULTILINE)
    return [line.strip() for line in text.splitlines()]


def printed(daemon: MemoryDaemon, command: str) -> list[str]:
    words = shlex.split(command.replace("10.0.0.", "127.0.0."))
    _, out, err = daemon.run(*words)
    return plain(err + out)


def shown_at_last(daemon: MemoryDaemon, wanted: list[str]) -> list[str]:
    """Return what ``show`` prints, once it is what is wanted or 60 s have passed: rows may be half a second old."""
    end = time.monotonic() + 60
    while (found := printed(daemon, "show")) != wanted and time.monotonic() < end:
        time.sleep(0.2)
    return found


def test_a_day(tmp_path: Path, sites: dict[str, Site]) -> None:
    text = CONFIG
    for place, site in sites.items():
        text = text.replace(f"{place.replace('127.', '10.')}:80", f"{place}:{site.server_port}")
    examples = [(command, shown) for command, shown in EXAMPLES if shown]
    with memory_daemon(tmp_path, text) as daemon:
        good = daemon.config.read_text()
        for command, shown in examples:
            wanted = plain(shown)
            if command == "reload":
                daemon.config.write_text(good.replace("scheduler", "sheduler"))
            if command.startswith("show") and "L7STS" in shown:
                sites[SICK].sick = True
            if command.startswith("check-now"):
                sites[SICK].sick = False
            if command.startswith(IN_PART):
                got = printed(daemon, command.partition(" --since")[0])
                assert [line for line in wanted if line not in got] == []
                continue
            found = shown_at_last(daemon, wanted) if command == "show" else printed(daemon, command)
            assert found == wanted
            if command == "reload":
                daemon.config.write_text(good)
        log = plain((tmp_path / "log").read_text())
    assert [line for line in plain(LOG) if line not in log] == []
