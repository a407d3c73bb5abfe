"""A new configuration comes into force as a whole or not at all."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import threading
from pathlib import Path

import pytest

from builders import KINDS, config
from ldirectord_py.config.load import load
from ldirectord_py.daemon.configuration.reload import Reloader, ReloadOutcome
from ldirectord_py.daemon.reconciler.compiled_config import CompiledConfig, compile_config
from ldirectord_py.daemon.reconciler.director import Director
from ldirectord_py.instance.sd_notify import SdNotify
from ldirectord_py.ipvs.kernel import MemoryKernel
from ldirectord_py.report.events import Event, ReloadRefused

GOOD = "virtual=10.0.0.1:80\n    real=10.1.0.1:80 masq\n"
BETTER = "virtual=10.0.0.2:80\n    real=10.1.0.1:80 masq\n"
BAD = "virtual=10.0.0.2:80\n    real=10.1.0.1:80 maskerade\n"


class Reloads:
    """A file, a reloader of it, and what it put in force."""

    def __init__(self, path: Path, text: str = GOOD) -> None:
        self.path = path
        self.write(text)
        self.events: list[Event] = []
        self.director = Director(MemoryKernel(), compile_config(load(path).config, KINDS), [self.events.append])
        self.reloader = Reloader(path, load(path), self.director, self._put_in_force, SdNotify())
        self.virtuals: list[list[str]] = []

    def write(self, text: str) -> None:
        """Write the file, with a time that no earlier write had."""
        self.path.write_text(text)
        self._seconds = getattr(self, "_seconds", 1_000_000_000) + 1
        os.utime(self.path, (self._seconds, self._seconds))

    async def _put_in_force(self, new: CompiledConfig) -> None:
        self.virtuals.append([virtual.id for virtual in new.config.virtuals])
        await self.director.reload(new)


@pytest.fixture
def reloads(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> Reloads:
    caplog.set_level(logging.INFO)
    return Reloads(tmp_path / "ldirectord.cf")


async def test_a_good_file_is_put_in_force(reloads: Reloads) -> None:
    reloads.write(BETTER)
    await reloads.reloader.reload()
    assert reloads.virtuals == [["tcp:10.0.0.2:80"]]


async def test_F25_a_bad_file_changes_nothing_and_every_error_is_logged(
    reloads: Reloads, caplog: pytest.LogCaptureFixture
) -> None:
    reloads.write(BAD + "    sheduler=rr\n")
    await reloads.reloader.reload()
    assert reloads.virtuals == []
    assert [message.split(": ")[0] for message in caplog.messages] == [
        f"{reloads.path}:2:22",
        f"{reloads.path}:3:5",
        "Kept the old configuration",
    ]
    assert caplog.messages[-1] == f"Kept the old configuration: fix {reloads.path} and reload"
    assert reloads.events == [ReloadRefused(tuple(caplog.messages[:-1]))]


@pytest.mark.parametrize("text", ["", "# nothing\n", "checkinterval = 5\n"])
async def test_a_file_without_virtuals_does_not_empty_the_table(
    reloads: Reloads, caplog: pytest.LogCaptureFixture, text: str
) -> None:
    reloads.write(text)
    await reloads.reloader.reload()
    assert reloads.virtuals == []
    assert "has no virtual server any more; to take all of them out, stop the daemon" in caplog.text


async def test_F25_a_missing_file_changes_nothing(reloads: Reloads, caplog: pytest.LogCaptureFixture) -> None:
    reloads.path.unlink()
    await reloads.reloader.reload()
    assert reloads.virtuals == []
    assert "No such file" in caplog.messages[0]


async def test_a_host_that_cannot_start_a_thread_changes_nothing(
    reloads: Reloads, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    reloads.write(BETTER)
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", none)
        await reloads.reloader.reload()
    assert (reloads.virtuals, caplog.records[0].exc_info) == ([], None)
    assert caplog.messages == [
        f"{reloads.path} was not read: can't start new thread; raise the limit of processes",
        f"Kept the old configuration: fix {reloads.path} and reload",
    ]
    await reloads.reloader.reload()
    assert reloads.virtuals == [["tcp:10.0.0.2:80"]]


async def test_an_empty_file_replaces_an_empty_configuration(tmp_path: Path) -> None:
    reloads = Reloads(tmp_path / "empty.cf", "")
    await reloads.reloader.reload()
    assert reloads.director.compiled.config.virtuals == config().virtuals
    assert reloads.virtuals == [[]]


@pytest.mark.difference("`autoreload` and a file being written")
async def test_F25_autoreload_waits_until_the_file_no_longer_changes(tmp_path: Path) -> None:
    reloads = Reloads(tmp_path / "auto.cf", "autoreload=yes\n" + GOOD)
    await reloads.reloader.files.read()
    await reloads.reloader.poll()
    reloads.write("autoreload=yes\n")
    await reloads.reloader.poll()
    reloads.write("autoreload=yes\n" + BETTER)
    await reloads.reloader.poll()
    assert reloads.virtuals == []
    await reloads.reloader.poll()
    await reloads.reloader.poll()
    assert reloads.virtuals == [["tcp:10.0.0.2:80"]]


async def test_a_file_in_yaml_is_reloaded_as_others_are(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    text = "autoreload: yes\nvirtuals:\n  - virtual: 10.0.0.1:80\n    reals: [10.1.0.1:80 masq]\n"
    reloads = Reloads(tmp_path / "ldirectord.yaml", text)
    reloads.write(text.replace("10.0.0.1", "10.0.0.2"))
    for _ in range(3):
        await reloads.reloader.poll()
    assert reloads.virtuals == [["tcp:10.0.0.2:80"]]
    reloads.write(text.replace("masq", "mask"))
    await reloads.reloader.reload()
    assert reloads.virtuals == [["tcp:10.0.0.2:80"]]
    assert f"{reloads.path}:4:25: the forwarding method cannot be" in caplog.text


async def test_a_new_modification_time_alone_is_no_change(tmp_path: Path) -> None:
    reloads = Reloads(tmp_path / "auto.cf", "autoreload=yes\n" + GOOD)
    await reloads.reloader.files.read()
    reloads.write("autoreload=yes\n" + GOOD)
    for _ in range(3):
        await reloads.reloader.poll()
    assert reloads.virtuals == []


async def test_another_path_of_the_same_file_is_no_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    reloads = Reloads(tmp_path / "auto.cf", "autoreload=yes\n" + GOOD)
    monkeypatch.chdir(tmp_path)
    reloader = Reloader(reloads.path, load("auto.cf"), reloads.director, reloads._put_in_force, SdNotify())
    assert [await reloader.poll() for _ in range(3)] == [False, False, False]
    reloads.write("autoreload=yes\n" + BETTER)
    assert [await reloader.poll() for _ in range(3)] == [False, True, False]
    assert reloads.virtuals == [["tcp:10.0.0.2:80"]]


async def test_without_autoreload_a_change_is_logged_and_ignored(
    reloads: Reloads, caplog: pytest.LogCaptureFixture
) -> None:
    await reloads.reloader.files.read()
    reloads.write(BETTER)
    for _ in range(3):
        await reloads.reloader.poll()
    assert reloads.virtuals == []
    assert caplog.messages == [
        f"Configuration file '{reloads.path}' has changed on disk",
        " - ignore new configuration",
    ]


def virtuals(virtuals: int, reals: int) -> str:
    """Return a file of so many virtuals with so many servers each."""
    servers = "".join(f"    real=10.1.0.{number}:80 masq\n" for number in range(1, reals + 1))
    return "autoreload=yes\n" + "".join(f"virtual=10.0.0.{number}:80\n{servers}" for number in range(1, virtuals + 1))


@pytest.mark.difference("`autoreload` and a file that has lost more than half of its servers")
async def test_autoreload_refuses_a_file_that_lost_more_than_half_until_a_reload_is_requested(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.ERROR)
    reloads = Reloads(tmp_path / "auto.cf", virtuals(10, 4))
    assert [await reloads.reloader.poll() for _ in range(2)] == [False, False]
    reloads.write(virtuals(4, 4))
    assert [await reloads.reloader.poll() for _ in range(4)] == [False, True, False, False]
    reloads.write(virtuals(4, 4))  # the same content again
    assert [await reloads.reloader.poll() for _ in range(3)] == [False] * 3
    assert reloads.virtuals == []
    refusal = (
        f"{reloads.path} leaves out 6 of 10 virtual servers and 24 of 40 real servers: autoreload does not remove"
        f" more than half, as the file may be half written; if it is complete, run: ldirectord {reloads.path} reload"
    )
    assert caplog.messages == [refusal, f"Kept the old configuration: fix {reloads.path} and reload"]
    await reloads.reloader.reload()
    assert [len(each) for each in reloads.virtuals] == [4]


async def test_autoreload_compares_with_the_configuration_in_force_and_not_with_a_refused_one(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.ERROR)
    reloads = Reloads(tmp_path / "auto.cf", virtuals(10, 1))
    await reloads.reloader.poll()
    for count in (1, 2, 9, 10):
        reloads.write(virtuals(count, 1))
        await reloads.reloader.poll()
        await reloads.reloader.poll()
    assert [len(each) for each in reloads.virtuals] == [9, 10]
    assert [message.split()[3] for message in caplog.messages[::2]] == ["9", "8"]


@pytest.mark.parametrize(
    ("before", "after", "applied"),
    [
        ((2, 1), virtuals(1, 1), True),  # exactly half
        ((3, 1), virtuals(1, 1), False),
        ((1, 2), virtuals(1, 1), True),
        ((1, 3), virtuals(1, 1), False),
        ((1, 1), virtuals(1, 0), False),
        ((1, 2), "virtual=1\n", False),
        ((1, 1), BETTER, True),  # another in its place
        ((3, 2), virtuals(3, 2).replace("10.0.0", "10.9.0"), True),
        ((3, 2), virtuals(2, 2).replace("10.0.0", "10.9.0"), False),
        ((1, 2), virtuals(1, 2).replace("10.1.0", "10.1.9"), True),
        ((1, 3), virtuals(1, 0) + "    real=web1:80 masq\n    real=web2:80 masq\n    real=web3:80 masq\n", True),
    ],
)
async def test_which_files_have_lost_more_than_half(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, before: tuple[int, int], after: str, applied: bool
) -> None:
    def unknown(*_: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "unknown")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    reloads = Reloads(tmp_path / "auto.cf", virtuals(*before))
    await reloads.reloader.poll()
    reloads.write(after)
    await reloads.reloader.poll()
    await reloads.reloader.poll()
    assert bool(reloads.virtuals) is applied
    await reloads.reloader.reload()
    assert reloads.virtuals


class Included(Reloads):
    """A configuration that includes a file and all of a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "conf.d"
        self.folder.mkdir()
        self.other = folder / "other.cf"
        self.other.write_text("checkinterval=5\n")
        super().__init__(folder / "main.cf", f"autoreload=yes\ninclude=other.cf\ninclude=conf.d/*.cf\n{GOOD}")

    async def poll(self) -> list[bool]:
        return [await self.reloader.poll() for _ in range(4)]


@pytest.fixture
async def included(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> Included:
    caplog.set_level(logging.INFO)
    found = Included(tmp_path)
    assert await found.poll() == [False] * 4
    return found


CHANGED = [False, True, False, False]


async def test_a_change_of_an_included_file_is_loaded(included: Included, caplog: pytest.LogCaptureFixture) -> None:
    included.other.write_text("checkinterval=17\n")
    assert await included.poll() == CHANGED
    assert included.director.compiled.config.settings.checkinterval == 17
    assert caplog.messages[0] == f"Configuration file '{included.other}' has changed on disk"


async def test_included_files_that_appear_and_disappear_are_loaded(
    included: Included, caplog: pytest.LogCaptureFixture
) -> None:
    shop = included.folder / "shop.cf"
    shop.write_text(BETTER)
    assert await included.poll() == CHANGED
    shop.unlink()
    assert await included.poll() == CHANGED
    assert included.virtuals == [["tcp:10.0.0.2:80", "tcp:10.0.0.1:80"], ["tcp:10.0.0.1:80"]]
    shown = [line for line in caplog.messages if line.startswith("Configuration")]
    assert shown == [f"Configuration file '{shop}' has changed on disk"] * 2


async def test_a_mistake_in_an_included_file_is_fixed_there(
    included: Included, caplog: pytest.LogCaptureFixture
) -> None:
    shop = included.folder / "shop.cf"
    shop.write_text("include=deeper.cf\n")
    assert await included.poll() == CHANGED
    absent = "cannot read the file: No such file or directory; check its path and permissions"
    assert f"{shop}:1:9: cannot include {included.folder}/deeper.cf: {absent}" in caplog.messages
    (included.folder / "deeper.cf").write_text("autoreload=ja\n")
    assert await included.poll() == CHANGED
    (included.folder / "deeper.cf").write_text("autoreload=yes\n")
    assert await included.poll() == CHANGED
    assert included.virtuals == [["tcp:10.0.0.1:80"]]


async def test_a_folder_that_cannot_be_listed_changes_nothing(
    included: Included, monkeypatch: pytest.MonkeyPatch
) -> None:
    def denied(_: object) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(os, "scandir", denied)
        assert await included.poll() == CHANGED
    assert included.virtuals == []
    assert await included.poll() == CHANGED
    assert included.virtuals == [["tcp:10.0.0.1:80"]]


async def running(reloads: Reloads) -> asyncio.Task[None]:
    task = asyncio.create_task(reloads.reloader.run())
    await asyncio.sleep(0)
    return task


async def test_who_asks_is_told_what_came_of_it(reloads: Reloads) -> None:
    task = await running(reloads)
    reloads.write(BETTER)
    assert await reloads.reloader.reload_soon() == ReloadOutcome(taken=True)
    reloads.write(BAD)
    bad = await reloads.reloader.reload_soon()
    assert (bad.taken, [problem.line for problem in bad.problems]) == (False, [2])
    reloads.write("")
    empty = await reloads.reloader.reload_soon()
    assert (empty.taken, empty.problems, len(empty.reasons)) == (False, (), 1)
    task.cancel()


async def test_requests_during_a_reload_share_the_next_one_which_reads_what_was_there_then(reloads: Reloads) -> None:
    gate = asyncio.Event()
    put_in_force = reloads.reloader._put_in_force

    async def gated(new: CompiledConfig) -> None:
        await gate.wait()
        await put_in_force(new)

    reloads.reloader._put_in_force = gated
    task = await running(reloads)
    first = asyncio.create_task(reloads.reloader.reload_soon())
    while not reloads.reloader._replacing.locked():
        await asyncio.sleep(0.01)
    reloads.write(BAD)
    later = [asyncio.create_task(reloads.reloader.reload_soon()) for _ in range(3)]
    await asyncio.sleep(0)
    later[0].cancel()
    gate.set()
    assert (await first).taken
    assert [(await each).taken for each in later[1:]] == [False, False]
    assert reloads.virtuals == [["tcp:10.0.0.1:80"]]
    task.cancel()
