"""A command that waits outlives its daemon, and asks the next one."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from harness.memory_daemon import memory_daemon
from ldirectord_py.cli.invocation.arguments import Invocation
from ldirectord_py.cli.invocation.patient_client import PatientClient
from ldirectord_py.control import client as client_module
from ldirectord_py.control.client import NotReachable
from ldirectord_py.control.listening import listening_socket
from ldirectord_py.control.protocol import RequestError

WEB = "virtual=192.0.2.2:80\n    real=127.0.0.3:80 masq\n    checktype=on\n"


@pytest.mark.slow
def test_the_next_daemon_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LDIRECTORD_RUNDIR", str(tmp_path))
    with memory_daemon(tmp_path, WEB) as daemon:
        invocation = Invocation("drain", str(daemon.config), "web.cf")
        with closing(PatientClient(invocation)) as client:
            first = client.ask("status")["pid"]
            with pytest.raises(RequestError, match="there is no request"):
                client.ask("nonsense")
            daemon.stop()
            for _ in range(2):
                with pytest.raises(NotReachable):
                    client.ask("status")
            daemon.start()
            assert client.ask("status")["pid"] != first


def test_an_answer_that_comes_late_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LDIRECTORD_RUNDIR", str(tmp_path))
    monkeypatch.setattr(client_module.ControlClient.ask, "__defaults__", (0.05,))
    with (
        listening_socket(tmp_path / "ldirectord.web.cf.sock") as listening,
        closing(PatientClient(Invocation("drain", "web.cf", "web.cf"))) as client,
    ):
        with pytest.raises(RequestError, match="has not answered in time"):
            client.ask("status")
        accepted = listening.accept()[0]
        with accepted:
            assert accepted.recv(100).startswith(b'{"v":1')
            assert accepted.recv(100) == b""
