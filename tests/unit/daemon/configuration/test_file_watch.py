"""A disk that does not answer keeps one thread busy, and is polled again once it answers."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import pytest

from ldirectord_py.config.include import Contents
from ldirectord_py.daemon.configuration import file_watch
from ldirectord_py.daemon.configuration.file_watch import FileWatch
from ldirectord_py.daemon.configuration.snapshot import Fingerprint, fingerprint, is_readable


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "ldirectord.cf"
    path.write_text("one")
    return path


async def test_a_disk_that_hangs_keeps_one_thread_busy_and_is_polled_again(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers, calls = threading.Event(), []

    def hanging(path: Path, contents: Contents) -> Fingerprint:
        calls.append(path)
        answers.wait(20)
        return fingerprint(path, contents)

    monkeypatch.setattr(file_watch, "DISK_TIMEOUT", 0.01)
    monkeypatch.setattr(file_watch, "fingerprint", hanging)
    watch = FileWatch(path, Contents({str(path): b"one"}))
    assert [await watch.poll() for _ in range(10)] == [None] * 10
    assert calls == [path]
    monkeypatch.setattr(file_watch, "DISK_TIMEOUT", 20)
    answers.set()
    await asyncio.to_thread(path.write_text, "two")
    async with asyncio.timeout(20):
        while (file := await watch.poll()) is None:
            await asyncio.sleep(0.01)
    assert (file, watch.contents.texts) == (str(path), {str(path): b"two"})


async def test_a_file_that_cannot_be_read_in_time_is_unreadable(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = threading.Event()
    monkeypatch.setattr(file_watch, "DISK_TIMEOUT", 0.05)
    monkeypatch.setattr(file_watch, "read_again", lambda *_: answers.wait(20))
    watch = FileWatch(path, Contents({str(path): b"one"}))
    await watch.read()
    assert not is_readable(watch.contents)
    answers.set()
