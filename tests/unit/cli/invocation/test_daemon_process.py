"""A daemon is loaded with the last addresses of its host names: a start without a resolver serves them (F41)."""

from __future__ import annotations

import socket
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest

from ldirectord_py.cli.invocation.arguments import Invocation
from ldirectord_py.cli.invocation.daemon_process import load_daemon
from ldirectord_py.config.addresses import HostName
from ldirectord_py.config.model import Real
from ldirectord_py.config.parse import Parsed
from ldirectord_py.daemon.administration.files import write_file
from ldirectord_py.errors import ConfigError
from ldirectord_py.saved_addresses import addresses_section
from ldirectord_py.saved_state import ADDRESSES, SavedState

TEXT = "virtual=site:80\n    real=web1:80 masq\n    real=web2:80 masq\n"
SAVED = {HostName("web1", ipv6=False): ip_address("10.1.0.7"), HostName("site", ipv6=False): ip_address("10.0.0.1")}


class Start:
    """The folder of an instance, and the answers of its resolver."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.answers: dict[str, list[str]] = {}
        (folder / "web.cf").write_text(TEXT)
        for variable in ("LDIRECTORD_RUNDIR", "LDIRECTORD_STATEDIR"):
            monkeypatch.setenv(variable, str(folder))
        monkeypatch.setattr(socket, "getaddrinfo", self._answer)

    def _answer(self, host: str, *_: Any) -> list[tuple[Any, ...]]:
        if host not in self.answers:
            raise socket.gaierror(socket.EAI_AGAIN, "no answer")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 0)) for address in self.answers[host]]

    def save(self) -> None:
        write_file(self.folder / "web.cf.json", SavedState({ADDRESSES: addresses_section(SAVED)}), "web.cf")

    def load(self) -> Parsed:
        return load_daemon(Invocation("run", str(self.folder / "web.cf"), "web.cf")).loaded


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Start:
    return Start(tmp_path, monkeypatch)


def servers(loaded: Parsed) -> list[str]:
    return [str(real) for virtual in loaded.config.virtuals for real in virtual.reals]


def test_F41_a_start_without_a_resolver_has_the_last_addresses(
    start: Start, capsys: pytest.CaptureFixture[str]
) -> None:
    start.save()
    loaded = start.load()
    assert (loaded.config.virtuals[0].id, servers(loaded)) == ("tcp:10.0.0.1:80", ["10.1.0.7:80"])
    assert [real.name for real in loaded.config.virtuals[0].unresolved if isinstance(real, Real)] == ["web2"]
    assert loaded.hosts == SAVED
    assert 'web1" does not resolve now; its last address 10.1.0.7 is kept' in capsys.readouterr().err


def test_an_answer_counts_before_the_last_address_which_is_preferred_if_it_is_one_of_several(start: Start) -> None:
    start.save()
    start.answers = {"site": ["10.0.0.1"], "web1": ["10.1.0.1", "10.1.0.7"], "web2": ["10.1.0.2"]}
    assert servers(start.load()) == ["10.1.0.7:80", "10.1.0.2:80"]
    start.answers["web1"] = ["10.1.0.1"]
    assert servers(start.load()) == ["10.1.0.1:80", "10.1.0.2:80"]


@pytest.mark.parametrize("content", [None, b"{", b"\xff"])
def test_without_a_file_that_can_be_read_there_are_none(start: Start, content: bytes | None) -> None:
    if content is not None:
        (start.folder / "web.cf.json").write_bytes(content)
    with pytest.raises(ConfigError, match="site"):
        start.load()
    start.answers = {"site": ["10.0.0.1"]}
    assert servers(start.load()) == []
    assert content is None or (start.folder / "web.cf.json").read_bytes() == content
