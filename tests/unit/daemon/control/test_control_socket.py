"""The control socket of a daemon: what it answers, who may ask, and that it is no reason to fail."""

from __future__ import annotations

import asyncio
import os
import socket
from pathlib import Path

import pytest

from harness.controlled_daemon import WEB, ask, running
from harness.waiting import until
from ldirectord_py.daemon.control import control_socket
from ldirectord_py.daemon.run import Daemon


async def test_status_is_the_daemon_and_its_configuration(tmp_path: Path) -> None:
    async with running(tmp_path) as daemon:
        answer = await ask(daemon, "status")
        assert answer["summary"] == "1 virtual server, 1 of 1 real servers up"
        known = {"pid": os.getpid(), "version": "1.2.3", "instance": "web.cf", "config": str(tmp_path / "web.cf")}
        assert answer.items() >= known.items()
        assert answer["started"] <= answer["in_force_since"] <= answer["as_of"]
        assert answer["generation"] == 1


async def test_each_configuration_in_force_is_counted_and_has_its_hash(tmp_path: Path) -> None:
    async with running(tmp_path) as daemon:
        first = await ask(daemon, "status")
        await daemon.reloader.reload()
        same = await ask(daemon, "status")
        assert (same["generation"], same["config_hash"]) == (2, first["config_hash"])
        (tmp_path / "web.cf").write_text(f"{WEB}#\n")
        await daemon.reloader.reload()
        other = await ask(daemon, "status")
        assert other["generation"] == 3
        assert other["config_hash"] != first["config_hash"]
        (tmp_path / "web.cf").write_text("nonsense")
        await daemon.reloader.reload()
        kept = await ask(daemon, "status")
        assert (kept["generation"], kept["config_hash"]) == (3, other["config_hash"])


async def test_the_socket_is_gone_when_the_daemon_has_ended(tmp_path: Path) -> None:
    async with running(tmp_path):
        assert (tmp_path / "ldirectord.web.cf.sock").is_socket()
    assert not (tmp_path / "ldirectord.web.cf.sock").exists()


async def test_a_daemon_without_its_socket_goes_on(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "ldirectord.web.cf.sock").mkdir()
    async with running(tmp_path) as daemon:
        assert await daemon.kernel.read()
    (line,) = [each for each in caplog.messages if "control socket" in each]
    path = tmp_path / "ldirectord.web.cf.sock"
    assert line == f"No command can ask this daemon: its control socket {path} fails: it is not a socket; move it away"


@pytest.mark.parametrize("stays_away", [False, True])
async def test_a_socket_that_somebody_removes_is_made_again_and_logged_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, stays_away: bool
) -> None:
    monkeypatch.setattr(control_socket, "LOOK_INTERVAL", 0.05)
    path = tmp_path / "ldirectord.web.cf.sock"
    async with running(tmp_path, f"controlgroup=4712\n{WEB}") as daemon:
        assert await groups_of(daemon) == [4712]
        mode = path.stat().st_mode
        path.unlink()
        if stays_away:
            path.mkdir()
            await asyncio.sleep(0.3)
            path.rmdir()
        await until(path.is_socket, 10)
        assert (await ask(daemon, "status"))["pid"] == os.getpid()
        assert await groups_of(daemon) == [4712]
        await asyncio.sleep(0.2)
        assert path.stat().st_mode == mode
    assert not path.exists()
    lines = [each for each in caplog.messages if "control socket" in each]
    assert lines.pop() == f"The control socket {path} was missing, and is there again"
    assert len(lines) == stays_away


async def test_a_socket_of_somebody_else_at_the_path_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(control_socket, "LOOK_INTERVAL", 0.05)
    path = tmp_path / "ldirectord.web.cf.sock"
    with socket.socket(socket.AF_UNIX) as other:  # it listens until the daemon has ended, however long that takes
        async with running(tmp_path):
            path.unlink()
            other.bind(str(path))
            other.listen()
            inode = path.stat().st_ino
            await asyncio.sleep(0.3)
            assert path.stat().st_ino == inode
    assert path.stat().st_ino == inode
    (line,) = [each for each in caplog.messages if "control socket" in each]
    assert line == f"No command can ask this daemon: its control socket {path} fails: another process listens there"


async def groups_of(daemon: Daemon) -> list[int]:
    await asyncio.sleep(0.1)
    return daemon.control._server.access.gids


async def test_groups_have_rights_from_the_start_and_change_with_a_reload(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with running(tmp_path, f"controlgroup=daemon\nstatusgroup=4712\n{WEB}") as daemon:
        assert await groups_of(daemon) == [1, 4712]
        (tmp_path / "web.cf").write_text(f"statusgroup=4713\n{WEB}")
        await daemon.reloader.reload()
        assert await groups_of(daemon) == [4713]
        (tmp_path / "web.cf").write_text(f"controlgroup=nosuchgroup\n{WEB}")
        await daemon.reloader.reload()
        assert await groups_of(daemon) == []
    assert "There is no group nosuchgroup; it has no right to the control socket" in caplog.messages


async def test_groups_that_cannot_be_looked_up_are_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    failures = iter([OSError(5, "the directory service is gone")] * 2)
    look_up = control_socket._gid

    def failing(name: str) -> int | None:
        for error in failures:
            raise error
        return look_up(name)

    monkeypatch.setattr(control_socket, "_gid", failing)
    monkeypatch.setattr(control_socket, "RETRY_INTERVAL", 0.1)
    async with running(tmp_path, f"controlgroup=daemon\n{WEB}") as daemon:
        assert await groups_of(daemon) == []
        await asyncio.sleep(0.3)
        assert await groups_of(daemon) == [1]
    reason = "the directory service is gone"
    assert caplog.messages.count(f"Only root may use the control socket: its groups fail: {reason}") == 1
    assert caplog.messages.count("All groups have their rights to the control socket") == 1


async def test_a_group_that_there_is_not_is_logged_once_for_each_configuration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(control_socket, "RETRY_INTERVAL", 0.02)
    absent = "There is no group nosuchgroup; it has no right to the control socket"
    async with running(tmp_path, f"controlgroup=nosuchgroup\n{WEB}") as daemon:
        assert await groups_of(daemon) == []
        assert caplog.messages.count(absent) == 1
        (tmp_path / "web.cf").write_text(f"controlgroup=nosuchgroup\nstatusgroup=4713\n{WEB}")
        await daemon.reloader.reload()
        assert await groups_of(daemon) == [4713]
        assert caplog.messages.count(absent) == 2
