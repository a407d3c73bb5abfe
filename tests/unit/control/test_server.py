"""Strangers and crowds are refused, and the event loop goes on meanwhile (fault F49)."""

from __future__ import annotations

import asyncio
import errno
import gc
import os
import socket
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from harness.control import ControlledServer, control_server, route
from ldirectord_py.control import server
from ldirectord_py.control.listening import listening_socket
from ldirectord_py.control.protocol import Answer, ControlRequest, Lazy
from ldirectord_py.control.rights import Access, Right
from ldirectord_py.control.server import MAX_CLIENTS, MAX_LOOKING

MAX_LAG = 0.02
"""Seconds of CPU time of the loop's thread: what the loop is late by on a machine that has nothing else to do."""

BEAT = 0.005

STRANGER = 65534

ASK_AS = """
import os, socket, sys
path, uid, gid, *groups = sys.argv[1:]
os.setgroups([int(group) for group in groups])
os.setgid(int(gid))
os.setuid(int(uid))
with socket.socket(socket.AF_UNIX) as client:
    client.connect(path)
    try:
        client.sendall(b'{"request":"echo"}\\n')
    except BrokenPipeError:
        pass
    print(client.makefile().readline())
"""


async def ask_as(path: Path, uid: int, gid: int, *groups: int) -> str:
    """Return what a process of that user and those groups gets: an answer, or the error of its connection."""
    command = (sys.executable, "-I", "-S", "-c", ASK_AS, str(path), *map(str, (uid, gid, *groups)))
    process = await asyncio.create_subprocess_exec(*command, stdout=-1, stderr=-1)
    output, errors = await process.communicate()
    return (output or errors).decode().strip().splitlines()[-1]


ASK_TOGETHER = """
import socket, sys
clients = [socket.socket(socket.AF_UNIX) for _ in range(20)]
for client in clients:
    client.connect(sys.argv[1])
sys.stdin.readline()
for client in clients:
    client.sendall(b'{"request":"%s"}\\n' % sys.argv[2].encode())
print(min(len(client.makefile().readline()) for client in clients))
"""


@asynccontextmanager
async def twenty_clients(path: Path, request: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """Yield a process of clients that ask together when it is told to; it prints the length of an answer."""
    command = (sys.executable, "-c", ASK_TOGETHER, str(path), request)
    process = await asyncio.create_subprocess_exec(*command, stdin=-1, stdout=-1)
    try:
        yield process
    finally:
        await process.wait()


@asynccontextmanager
async def measured_lag() -> AsyncIterator[list[float]]:
    """Yield the list of seconds of work by which a timer of this event loop was late, every 5 ms."""
    lags: list[float] = []

    async def measure() -> None:
        while True:
            before = time.thread_time()
            await asyncio.sleep(BEAT)
            lags.append(time.thread_time() - before - BEAT)

    gc.collect()
    gc.freeze()  # as the daemon does
    task = asyncio.create_task(measure())
    try:
        yield lags
    finally:
        gc.unfreeze()
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def p99(lags: list[float]) -> float:
    return sorted(lags)[len(lags) * 99 // 100]


async def give(served: ControlledServer, access: Access) -> None:
    served.server.permit(access)
    served.server.set_access(access)


@pytest.fixture
def open_path() -> Iterator[Path]:
    """A folder that every user may enter."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may become other users")


@needs_root
async def test_the_kernel_keeps_strangers_out(open_path: Path) -> None:
    async with control_server(open_path) as served:
        assert "Permission denied" in await ask_as(served.path, STRANGER, STRANGER)
        assert '"ok":true' in await ask_as(served.path, 0, 0)
        assert served.clients == 0


@needs_root
async def test_members_of_a_group_are_let_in_by_any_of_their_groups(open_path: Path) -> None:
    async with control_server(open_path) as served:
        await give(served, Access(0, frozenset({4711}), frozenset({4712})))
        assert '"ok":true' in await ask_as(served.path, STRANGER, 4711)
        assert '"ok":true' in await ask_as(served.path, STRANGER, STRANGER, 4700, 4712)
        assert "Permission denied" in await ask_as(served.path, STRANGER, STRANGER, 4713)
        await give(served, Access())
        assert "Permission denied" in await ask_as(served.path, STRANGER, 4711)


@needs_root
async def test_F49_the_server_refuses_strangers_that_the_kernel_lets_in(open_path: Path) -> None:
    async with control_server(open_path) as served:
        served.path.chmod(0o666)
        answer = await ask_as(served.path, STRANGER, STRANGER)
        assert '"code":"forbidden"' in answer
        assert served.clients == 0


async def test_a_client_without_rights_any_more_is_disconnected(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with control_server(tmp_path) as served:
        client = await served.connect()
        await client.ask({"request": "echo"})
        monkeypatch.setattr(Access, "allows", lambda *_: False)
        served.server.set_access(Access())
        assert await client.ended()


async def test_the_next_client_beyond_the_limit_is_refused(tmp_path: Path) -> None:
    async with control_server(tmp_path) as served:
        for _ in range(MAX_CLIENTS):
            await (await served.connect()).ask({"request": "echo"})
        late = await served.connect()
        answer = await late.answer()
        assert answer["error"] == {
            "code": "busy",
            "message": f"{MAX_CLIENTS} clients are connected; close some of them",
        }
        assert await late.ended()
        served.connected[0].close()
        await asyncio.sleep(0.05)
        assert (await (await served.connect()).ask({"request": "echo"}))["ok"]


async def test_those_who_may_only_look_leave_room_for_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with control_server(tmp_path) as served:
        monkeypatch.setattr(Access, "allows", lambda _, peer, right: right is Right.LOOK)
        for _ in range(MAX_LOOKING):
            await (await served.connect()).ask({"request": "echo"})
        assert (await (await served.connect()).answer())["error"]["code"] == "busy"
        monkeypatch.setattr(served.server, "access", _LookOnly(steering=served.clients))
        assert (await (await served.connect()).ask({"request": "echo"}))["ok"]


class _LookOnly:
    """Lets everybody look, and after so many answers steer."""

    def __init__(self, steering: int) -> None:
        self.left = steering

    def allows(self, _: object, right: Right) -> bool:
        if right is Right.STEER:
            self.left -= 1
        return right is Right.LOOK or self.left < 0


THOUSAND_CLIENTS = """
import resource, socket, sys
resource.setrlimit(resource.RLIMIT_NOFILE, (1100, max(1100, resource.getrlimit(resource.RLIMIT_NOFILE)[1])))
sys.stdin.readline()
clients = [socket.socket(socket.AF_UNIX) for _ in range(1000)]
for client in clients:
    client.connect(sys.argv[1])
refused = sum(b'"busy"' in client.recv(4096) for client in clients[int(sys.argv[2]):])
print(refused, flush=True)
"""


@pytest.mark.slow
async def test_F49_a_thousand_clients_do_not_delay_the_loop(tmp_path: Path) -> None:
    command = (sys.executable, "-c", THOUSAND_CLIENTS)
    async with control_server(tmp_path) as served:
        process = await asyncio.create_subprocess_exec(
            *command, str(served.path), str(MAX_CLIENTS), stdin=-1, stdout=-1
        )
        async with measured_lag() as lags:
            output, _ = await process.communicate(b"\n")
        assert int(output) == 1000 - MAX_CLIENTS
        await asyncio.sleep(0.1)
        assert served.clients == 0
        assert (await (await served.connect()).ask({"request": "echo"}))["ok"]
        assert p99(lags) < MAX_LAG


@pytest.mark.slow
async def test_floods_of_requests_and_long_answers_do_not_delay_the_loop(tmp_path: Path) -> None:
    async def servers(_: ControlRequest) -> Answer:
        fields = {"weight": 1, "forward": "masq", "service": "http", "checktype": "negotiate"}
        row = {"virtual": "tcp:192.0.2.1:80", "configured": fields, "observed": fields, "kernel": fields}
        return {"servers": Lazy({**row, "real": number} for number in range(5000))}

    async with (
        control_server(tmp_path, servers=route(servers)) as served,
        twenty_clients(served.path, "servers") as clients,
    ):
        while served.clients < 20:
            await asyncio.sleep(0.01)
        flood = await served.connect()
        async with measured_lag() as lags:
            flood.send(b"\n" * 100_000, b"{}\n" * 1000)
            output, _ = await clients.communicate(b"\n")
        assert int(output) > 1_000_000
        assert p99(lags) < MAX_LAG


async def test_a_host_without_descriptors_is_asked_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(server, "RETRY_INTERVAL", 0.1)

    class Exhausted(socket.socket):
        left = 2

        def accept(self) -> tuple[socket.socket, object]:
            if Exhausted.left:
                Exhausted.left -= 1
                raise OSError(errno.EMFILE, "Too many open files")
            return super().accept()

    monkeypatch.setattr(server, "listening_socket", lambda path: Exhausted(fileno=listening_socket(path).detach()))
    async with control_server(tmp_path) as served:
        assert (await (await served.connect()).ask({"request": "echo"}))["ok"]
    assert caplog.messages == [
        "The control socket accepts no connection: Too many open files",
        "The control socket accepts connections again",
    ]


async def test_closing_removes_the_socket_and_disconnects(tmp_path: Path) -> None:
    async with control_server(tmp_path) as served:
        client = await served.connect()
        await client.ask({"request": "echo"})
        await served.server.close()
        assert not served.path.exists()
        assert await client.ended()


async def test_closing_leaves_the_socket_of_another_daemon(tmp_path: Path) -> None:
    async with control_server(tmp_path) as served:
        served.path.unlink()
        served.path.write_text("another")
        await served.server.close()
        assert served.path.exists()
