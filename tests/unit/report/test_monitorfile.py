"""Monitorfiles: the format of the original, files that cannot be written, disks that hang."""

from __future__ import annotations

import logging
import os
import re
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from builders import down, real, up, virtual
from ldirectord_py.config.model import CheckType, Forward, Real, Virtual
from ldirectord_py.report import monitorfile
from ldirectord_py.report.events import Probed
from ldirectord_py.report.monitorfile import MonitorFiles, line, real_id
from ldirectord_py.runtime import thread_writer

SERVER = real("10.1.0.1:80")


@pytest.fixture
def files() -> Iterator[MonitorFiles]:
    opened = MonitorFiles()
    yield opened
    opened.close()


def site(path: Path) -> Virtual:
    return virtual("10.0.0.1:80", SERVER, monitorfile=str(path))


def texts(path: Path) -> list[str]:
    """The lines of a file without time and pid."""
    found = [re.fullmatch(r"\[\w{3} \w{3} [ \d]\d [\d:]{8} \d{4}\] \[(\d+)\] (.*)", text) for text in read(path)]
    assert {match and match[1] for match in found} <= {str(os.getpid())}
    return [match[2] for match in found if match]


def read(path: Path) -> list[str]:
    return path.read_text().splitlines()


@pytest.mark.parametrize(
    ("site", "server", "expected"),
    [
        (virtual("10.0.0.1:80"), SERVER, "negotiate http tcp 10.1.0.1 80 1 masq / "),
        (
            virtual("[2001:db8::1]:80", virtualhost="www.example.net", checkport=8080),
            real("[2001:db8::2]:80", Forward.GATE, weight=5, request="/a:b", receive=r"It\.works"),
            "negotiate http tcp [2001 db8 2] 80 www.example.net 8080 5 gate /a b It.works",
        ),
        (virtual(7, checktype=CheckType.PING), real("10.1.0.1:0"), "ping fwm 10.1.0.1 0 1 masq / "),
        (
            virtual("10.0.0.1:80", checktype=CheckType.COMBINED, connects=3),
            SERVER,
            "combined http tcp 10.1.0.1 80 1 masq / ",
        ),
        (
            virtual("10.0.0.1:80", checktype=CheckType.EXTERNAL, checkcommand="/bin/check"),
            SERVER,
            "external /bin/check tcp 10.1.0.1 80 1 masq / ",
        ),
    ],
)
def test_the_id_is_the_originals(site: Virtual, server: Real, expected: str) -> None:
    assert real_id(site, server) == expected


def test_a_message_has_no_separator_and_no_line_break() -> None:
    text = line(0, virtual("10.0.0.1:80"), SERVER, down("a|b\r\n100%"))
    assert text.endswith("[down] a%7cb%0d%0a100%25\n")


def test_a_message_is_never_empty() -> None:
    assert line(0, virtual("10.0.0.1:80"), SERVER, up("")).endswith("[up] -\n")


def test_each_probe_is_a_line(tmp_path: Path, files: MonitorFiles) -> None:
    path = tmp_path / "web"
    for result in (up("200 OK"), down()):
        files(Probed(site(path), SERVER, result))
    files.drain()
    assert texts(path) == [
        "negotiate http tcp 10.1.0.1 80 1 masq /  [up] 200 OK",
        "negotiate http tcp 10.1.0.1 80 1 masq /  [down] connect refused",
    ]


def test_bytes_that_are_not_utf_8_are_written_as_they_are(tmp_path: Path, files: MonitorFiles) -> None:
    server = real("10.1.0.1:80", receive="verf\udcfcgbar\ud800")
    files(Probed(site(tmp_path / "web"), server, up()))
    files.drain()
    assert b"verf\xfcgbar\\ud800 [up]" in (tmp_path / "web").read_bytes()


def test_a_new_file_is_created_after_a_rotation(tmp_path: Path, files: MonitorFiles) -> None:
    path = tmp_path / "web"
    files(Probed(site(path), SERVER, up()))
    files.drain()
    path.rename(tmp_path / "web.1")
    files(Probed(site(path), SERVER, up()))
    files.drain()
    assert (len(read(path)), len(read(tmp_path / "web.1"))) == (1, 1)


def test_a_file_that_cannot_be_written_is_logged_once(
    tmp_path: Path, files: MonitorFiles, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "gone"
    path = folder / "web"
    with caplog.at_level(logging.INFO):
        for _ in range(3):
            files(Probed(site(path), SERVER, up()))
            files.drain()
        folder.mkdir()
        files(Probed(site(path), SERVER, up()))
        files.drain()
    assert caplog.messages == [
        f"Cannot write to monitorfile '{path}': no such file or directory; it is tried again",
        f"Monitorfile '{path}' can be written again; 3 lines are missing",
    ]
    assert len(read(path)) == 1
    assert files.lost == 3


@pytest.mark.difference("A `monitorfile` on a slow disk")
def test_a_disk_that_hangs_delays_nobody_and_lost_lines_are_counted(
    tmp_path: Path, files: MonitorFiles, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    hangs, goes_on = threading.Event(), threading.Event()

    def stuck(path: str, lines: object, writer: object) -> None:
        hangs.set()
        goes_on.wait(60)

    monkeypatch.setattr(monitorfile, "append", stuck)
    files(Probed(site(tmp_path / "web"), SERVER, up()))
    assert hangs.wait(10)
    for _ in range(thread_writer.MAX_QUEUED + 5):
        files(Probed(site(tmp_path / "web"), SERVER, up()))
    with caplog.at_level(logging.INFO):
        goes_on.set()
        files.drain()
    assert caplog.messages == ["5 lines for monitorfiles were lost: the disk was too slow"]
    assert files.lost == 5


def test_without_a_monitorfile_there_is_no_thread(files: MonitorFiles) -> None:
    before = threading.active_count()
    files(Probed(virtual("10.0.0.1:80"), SERVER, up()))
    assert threading.active_count() == before
    files.close()


def test_what_is_queued_is_written_at_the_end(tmp_path: Path, files: MonitorFiles) -> None:
    path = tmp_path / "web"
    for _ in range(1000):
        files(Probed(site(path), SERVER, up()))
    files.close()
    assert len(read(path)) == 1000


def test_lines_that_a_hanging_disk_has_not_taken_at_the_end_are_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    files, entered, go_on = MonitorFiles(), threading.Event(), threading.Event()

    def hang(*_: object) -> None:
        entered.set()
        go_on.wait(30)

    monkeypatch.setattr(monitorfile, "FLUSH_TIMEOUT", 0.05)
    monkeypatch.setattr(files, "_write", hang)
    files(Probed(site(tmp_path / "monitor"), SERVER, up()))
    assert entered.wait(30)
    files.close()
    go_on.set()
    assert caplog.messages == ["1 lines for monitorfiles were lost: not written within 0.05 s"]
