"""The state file of a daemon: written off the loop, at most once a second; its faults are logged once."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from harness.waiting import running_beside
from ldirectord_py.daemon.administration import state_file
from ldirectord_py.daemon.administration.files import read_file, write_file
from ldirectord_py.daemon.administration.state_file import StateFile
from ldirectord_py.saved_state import SavedState

INSTANCE = "web.cf"
SECTION = "administration"


@asynccontextmanager
async def running(path: Path) -> AsyncIterator[StateFile]:
    file = StateFile(path, INSTANCE)
    await file.read()
    async with running_beside(file.run()):
        yield file


def damage(path: Path) -> None:
    path.write_text("{")


def text_of(path: Path | str) -> str:
    return Path(path).read_text()


def exists(path: Path) -> bool:
    return os.path.lexists(path)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "web.cf.json"


async def test_a_change_is_soon_on_the_disk(path: Path) -> None:
    async with running(path) as file:
        assert file.section(SECTION) is None
        file.set_section(SECTION, {"version": 1})
        assert await file.saved(5) == ""
        assert read_file(path, INSTANCE).sections == {SECTION: {"version": 1}}
    async with running(path) as file:
        assert file.section(SECTION) == {"version": 1}
        assert await file.saved(5) == ""


async def test_many_changes_are_few_writes_and_the_last_is_written_at_the_stop(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[object] = []
    monkeypatch.setattr(state_file, "write_file", lambda _, state, __: written.append(state.sections[SECTION]))
    began = time.monotonic()
    async with running(path) as file:
        for number in range(100):
            file.set_section(SECTION, number)
            await asyncio.sleep(0.001)
        writes = len(written)
        assert 1 <= writes <= 1 + (time.monotonic() - began) / state_file.WRITE_INTERVAL  # one, unless the host is busy
    assert await file.write(5)
    assert written[writes:] == [99]
    assert await file.write(5)
    assert len(written) == writes + 1


async def test_sections_that_this_version_does_not_know_are_kept(path: Path) -> None:
    write_file(path, SavedState({"names": {"version": 9}}), INSTANCE)
    async with running(path) as file:
        file.set_section(SECTION, {})
        assert await file.saved(5) == ""
    assert read_file(path, INSTANCE).sections == {"names": {"version": 9}, SECTION: {}}


async def test_a_damaged_file_is_logged_and_kept_aside(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    damage(path)
    async with running(path) as file:
        assert "it is no JSON" in caplog.text
        assert f"it is kept as {path}.damaged" in caplog.text
        file.set_section(SECTION, {})
        assert await file.saved(5) == ""
    assert text_of(f"{path}.damaged") == "{"


async def test_a_file_that_cannot_be_moved_aside_is_never_written(
    path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def read_only(*_: object, **__: object) -> Path:
        raise OSError(30, "Read-only file system")

    damage(path)
    monkeypatch.setattr(state_file, "keep_aside", read_only)
    async with running(path) as file:
        assert "it cannot be kept aside: Read-only file system" in caplog.text
        file.set_section(SECTION, {})
        assert await file.saved(5) == f"{path} is not written, see the log"
        assert await file.write(5)
    assert text_of(path) == "{"


async def test_a_part_that_is_invalid_is_logged_and_the_file_copied(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write_file(path, SavedState({SECTION: 5}), INSTANCE)
    async with running(path) as file:
        await file.report_section(())
        await file.report_section(tuple(f"fault {number}" for number in range(7)))
        assert "fault 0; fault 1; fault 2; fault 3; fault 4; and 2 more faults; it is kept as" in caplog.text
    assert read_file(Path(f"{path}.damaged"), INSTANCE) == read_file(path, INSTANCE)


async def test_a_folder_that_cannot_be_used_is_logged_once_and_so_is_the_end_of_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level("INFO")
    monkeypatch.setattr(state_file, "WRITE_INTERVAL", 0.01)
    monkeypatch.setattr(state_file, "RETRY_INTERVAL", 0.01)
    folder = tmp_path / "one" / "two"
    async with running(folder / "web.cf.json") as file:
        file.set_section(SECTION, {})
        fault = await file.saved(5)
        assert fault == f"{folder}/web.cf.json cannot be written: No such file or directory"
        await asyncio.sleep(0.2)
        folder.parent.mkdir()
        async with asyncio.timeout(5):
            while not (folder / "web.cf.json").exists():
                await asyncio.sleep(0.01)
        file.set_section(SECTION, {"version": 2})
        assert await file.saved(5) == ""
    assert [record.message for record in caplog.records] == [
        f"What lasts over a restart is not saved: {fault}",
        f"What lasts over a restart is saved again: {folder}/web.cf.json is written",
    ]


async def test_a_folder_that_is_a_file_is_logged_and_nothing_is_written(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("kept")
    async with running(tmp_path / "file" / "web.cf.json") as file:
        assert "it cannot be read: Not a directory" in caplog.text
        file.set_section(SECTION, {})
        assert "is not written" in await file.saved(5)
    assert (tmp_path / "file").read_text() == "kept"


async def test_F39_a_disk_that_hangs_delays_nothing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    released = threading.Event()
    monkeypatch.setattr(state_file, "DISK_TIMEOUT", 0.05)
    monkeypatch.setattr(state_file, "write_file", lambda *_: released.wait(10))
    async with running(path) as file:
        file.set_section(SECTION, {})
        assert await file.saved(0.001) == f"{path} was not written within 0.001 s"
        assert "its disk did not answer within 0.05 s" in await file.saved(5)
    began = time.monotonic()
    assert not await file.write(0.1)
    assert time.monotonic() - began < 1
    released.set()


async def test_a_file_that_was_not_read_is_never_written(
    path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    released = threading.Event()
    monkeypatch.setattr(state_file, "DISK_TIMEOUT", 0.05)
    monkeypatch.setattr(state_file, "read_file", lambda *_: released.wait(10))
    async with running(path) as file:
        assert "it cannot be read: its disk did not answer within 0.05 s" in caplog.text
        file.set_section(SECTION, {})
        assert await file.saved(5) == f"{path} is not written, see the log"
    released.set()
    assert not exists(path)


async def test_a_section_with_a_source_is_made_for_each_write_in_its_thread(path: Path) -> None:
    state: list[int] = [1]
    threads: list[int] = []

    def snapshot() -> Callable[[], object]:
        held = list(state)

        def make() -> object:
            threads.append(threading.get_ident())
            return held

        return make

    async with running(path) as file:
        file.add_source("other", snapshot)
        assert not exists(path)
        file.mark_changed()
        assert await file.saved(5) == ""
        assert read_file(path, INSTANCE).sections == {"other": [1]}
        state.append(2)
        file.set_section(SECTION, {})
        assert await file.saved(5) == ""
    assert read_file(path, INSTANCE).sections == {SECTION: {}, "other": [1, 2]}
    assert threading.get_ident() not in threads


async def test_a_fault_in_making_a_section_costs_no_other(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write_file(path, SavedState({"other": 5}), INSTANCE)
    async with running(path) as file:
        file.add_source("other", lambda: lambda: 1 / 0)
        file.set_section(SECTION, {})
        assert await file.saved(5) == ""
    assert read_file(path, INSTANCE).sections == {"other": 5, SECTION: {}}
    assert "The section other of the state file could not be made" in caplog.text


async def test_what_is_dispensable_is_reported_without_a_copy(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write_file(path, SavedState({"other": 5}), INSTANCE)
    async with running(path) as file:
        file.report_left_out(())
        assert caplog.text == ""
        file.report_left_out(tuple(f"fault {number}" for number in range(7)))
    assert "fault 3; fault 4; and 2 more faults; this is left out" in caplog.text
    assert not exists(Path(f"{path}.damaged"))
