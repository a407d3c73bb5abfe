"""``shadow``: what it prints, its exit status, and that it needs no place of the daemon."""

from __future__ import annotations

import json
import re
import signal
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from contract.fake_linux import FakeLinux
from contract.saved_table import parse
from ldirectord_py.cli import main, shadow
from ldirectord_py.daemon import shadow as daemon_shadow
from ldirectord_py.daemon.reconciler.director import Director
from ldirectord_py.daemon.shadow import Comparison
from ldirectord_py.errors import NoTableError
from ldirectord_py.ipvs.kernel import MemoryKernel
from ldirectord_py.ipvs.netlink.read_only import read_only_kernel
from ldirectord_py.ipvs.table import Table

Hold = Callable[[int], MemoryKernel]
End = Callable[..., None]
SHADOW = ("shadow", "--for", "60")  # a test ends it before


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("LDIRECTORD_RUNDIR", str(tmp_path / "run"))
    monkeypatch.setattr(daemon_shadow, "COMPARE_INTERVAL", 0.05)
    monkeypatch.setattr(daemon_shadow, "SLACK", -0.9)  # a tenth of a second with the interval
    with socket.create_server(("127.0.0.1", 0)) as server:
        path = tmp_path / "web.cf"
        real = f"127.0.0.1:{server.getsockname()[1]}"
        log = tmp_path / "log"
        path.write_text(
            f'checkinterval=1\nlogfile="{log}"\nvirtual=192.0.2.1:80\n    real={real} masq\n    checktype=connect\n'
        )
        yield path


@pytest.fixture
def hold(config: Path, monkeypatch: pytest.MonkeyPatch) -> Hold:
    def replace_kernel(weight: int) -> MemoryKernel:
        real = config.read_text().partition("real=")[2].partition(" ")[0]
        rows = f"-A -t 192.0.2.1:80 -s wrr\n-a -t 192.0.2.1:80 -r {real} -m -w {weight}\n"
        kernel = MemoryKernel(parse(rows).values())
        monkeypatch.setattr(shadow, "read_only_kernel", lambda: kernel)
        return kernel

    return replace_kernel


@pytest.fixture
def end_once(monkeypatch: pytest.MonkeyPatch) -> End:
    """Return what has a signal end the shadow once its comparison has come to something."""

    def replace_compare(found: Callable[[Comparison], bool], number: signal.Signals = signal.SIGINT) -> None:
        compare = Comparison.compare

        async def compare_and_end(self: Comparison, director: Director, own: Callable[[], Table]) -> None:
            await compare(self, director, own)
            if found(self):
                monkeypatch.setattr(Comparison, "compare", compare)
                signal.raise_signal(number)

        monkeypatch.setattr(Comparison, "compare", compare_and_end)

    return replace_compare


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGQUIT])
def test_the_same_all_along_is_0(
    config: Path, hold: Hold, end_once: End, number: signal.Signals, capsys: pytest.CaptureFixture[str]
) -> None:
    kernel = hold(1)
    end_once(lambda comparison: comparison.count == 5, number)
    assert main([str(config), "shadow"]) == 0
    begin, verdict = [line.partition(" ")[2] for line in capsys.readouterr().out.splitlines()]
    assert begin == "comparing 1 service with 1 real server; nothing is written"
    assert re.match(r"the same all along: compared ([5-9]|\d\d+) times in \d+ s$", verdict)
    assert (kernel.written, sorted(path.name for path in config.parent.iterdir())) == ([], ["web.cf"])


def test_a_difference_is_1(config: Path, hold: Hold, end_once: End, capsys: pytest.CaptureFixture[str]) -> None:
    hold(5)
    end_once(lambda comparison: comparison.tracker.count == 1)
    assert main([str(config), *SHADOW]) == 1
    _, difference, verdict = [line.partition(" ")[2] for line in capsys.readouterr().out.splitlines()]
    assert re.match(r"differs since \d+(\.\d)? s: ipvsadm -e ", difference)
    assert "# -m -w 5 -> -m -w 1; up: " in difference
    assert verdict.startswith("1 difference, 1 at the end: compared ")


def test_a_difference_that_is_too_short_is_mentioned(
    config: Path, hold: Hold, end_once: End, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(daemon_shadow, "SLACK", 600.0)
    hold(5)
    end_once(lambda comparison: comparison.count == 5)
    assert main([str(config), *SHADOW]) == 0
    assert capsys.readouterr().out.endswith("; 1 more row at the end, not for long yet\n")


def test_json(config: Path, hold: Hold, end_once: End, capsys: pytest.CaptureFixture[str]) -> None:
    hold(5)
    end_once(lambda comparison: comparison.tracker.count == 1)
    assert main([str(config), *SHADOW, "--json"]) == 1
    begin, difference, verdict = map(json.loads, capsys.readouterr().out.splitlines())
    assert (begin["event"], begin["services"], begin["reals"]) == ("begin", 1, 1)
    assert difference["virtual"] == "tcp:192.0.2.1:80"
    assert (difference["event"], difference["kernel"], difference["ours"]) == ("differs", "-m -w 5", "-m -w 1")
    assert (verdict["same"], verdict["differences"], verdict["ongoing"]) == (False, 1, 1)


def test_no_message_to_the_kernel_writes(
    config: Path, end_once: End, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    real = config.read_text().partition("real=")[2].partition(" ")[0]
    rows = parse(f"-A -t 192.0.2.1:80 -s rr\n-a -t 192.0.2.1:80 -r {real} -m -w 5\n")
    linux = FakeLinux(rows.values())
    monkeypatch.setattr(shadow, "read_only_kernel", lambda: read_only_kernel(linux.open_socket))
    end_once(lambda comparison: comparison.tracker.count == 2)
    assert main([str(config), *SHADOW]) == 1
    assert "2 differences, 2 at the end" in capsys.readouterr().out
    assert (dict(linux.kernel.table), linux.kernel.written) == (dict(rows), [])


def test_a_time_ends_it_with_the_verdict(config: Path, hold: Hold, capsys: pytest.CaptureFixture[str]) -> None:
    hold(1)
    began = time.monotonic()
    main([str(config), "shadow", "--for", "0.5"])  # a slow host may have compared nothing by then
    assert time.monotonic() - began >= 0.5
    assert re.search(r": compared \d+ times? in \d+ s$", capsys.readouterr().out)


def children() -> set[str]:
    """Return the processes that this one has started."""
    return {pid for task in Path("/proc/self/task").iterdir() for pid in (task / "children").read_text().split()}


def test_with_fork_a_worker_checks_and_ends_with_it(
    config: Path, hold: Hold, end_once: End, capsys: pytest.CaptureFixture[str]
) -> None:
    config.write_text("fork=yes\n" + re.sub(r"real=\S+", "real=127.0.0.1:9", config.read_text()))
    before, kernel = children(), hold(1)
    end_once(lambda comparison: comparison.tracker.count == 1)
    assert main([str(config), *SHADOW]) == 1
    output = capsys.readouterr()
    assert "ipvsadm -d -t 192.0.2.1:80 -r 127.0.0.1:9  # -m -w 1 -> no row; down: connect refused\n" in output.out
    assert (output.err, kernel.written, children()) == ("", [], before)


def test_without_a_table_it_fails(config: Path, hold: Hold, capsys: pytest.CaptureFixture[str]) -> None:
    hold(1).broken = NoTableError("no IPVS")
    assert main([str(config), *SHADOW]) == 1
    assert capsys.readouterr() == ("", "no IPVS\n")


@pytest.mark.parametrize("seconds", ["0", "-1", "nan", "x"])
def test_a_wrong_time_is_a_usage_error(seconds: str, config: Path) -> None:
    assert main([str(config), "shadow", "--for", seconds]) == 255
