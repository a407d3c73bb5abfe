"""The state file as commands read it that change nothing."""

from __future__ import annotations

import os
from ipaddress import ip_address
from pathlib import Path

import pytest

from builders import real, virtual
from ldirectord_py.administration import AdministrativeState, Decision, by_identity, entry_of
from ldirectord_py.config.addresses import HostName
from ldirectord_py.daemon.administration.files import write_file
from ldirectord_py.daemon.administration.saved_file import read_saved_file
from ldirectord_py.instance.pid_file import Instance
from ldirectord_py.saved_addresses import addresses_section
from ldirectord_py.saved_state import ADDRESSES, ADMINISTRATION, SavedState, administration_section, with_section

SITE = virtual("10.0.0.1:80", "10.1.0.1:80", "10.1.0.2:80")
LATER = 2_000.0


@pytest.fixture
def web(tmp_path: Path) -> Instance:
    return Instance("web", tmp_path, tmp_path)


def test_entries_whose_time_is_not_over(web: Instance) -> None:
    drained, over = (
        entry_of(SITE, real(f"10.1.0.{number}:80"), AdministrativeState.DRAIN, Decision("ada", 1_000.0, until=until))
        for number, until in ((1, None), (2, 1_500.0))
    )
    state = with_section(SavedState(), ADMINISTRATION, administration_section(by_identity((drained, over))))
    write_file(web.state_file, state, "web")
    before = web.state_file.read_bytes()
    assert read_saved_file(web).entries(LATER) == (by_identity((drained,)), ())
    assert (os.listdir(web.folder), web.state_file.read_bytes()) == ([web.state_file.name], before)  # noqa: PTH208


def test_without_a_file_there_are_none(web: Instance) -> None:
    assert read_saved_file(web).entries(LATER) == ({}, ())


@pytest.mark.parametrize(
    ("content", "fault"),
    [(b"{", "State file {}: "), (None, "State file {}: it cannot be read: ")],
)
def test_a_file_that_cannot_be_used_is_named_and_left(web: Instance, content: bytes | None, fault: str) -> None:
    if content is None:
        web = Instance("web", web.folder, web.folder / "file")
        (web.folder / "file").touch()
    else:
        web.state_file.write_bytes(content)
    entries, (text,) = read_saved_file(web).entries(LATER)
    assert (entries, text.startswith(fault.format(web.state_file))) == ({}, True)
    assert content is None or web.state_file.read_bytes() == content


def test_the_last_addresses_of_names(web: Instance) -> None:
    hosts = {HostName("web1", ipv6=False): ip_address("10.1.0.1")}
    assert read_saved_file(web).hosts == {}
    write_file(web.state_file, SavedState({ADDRESSES: addresses_section(hosts)}), "web")
    assert read_saved_file(web).hosts == hosts
    assert read_saved_file(web).entries(LATER) == ({}, ())
    web.state_file.write_bytes(b"{")
    assert read_saved_file(web).hosts == {}
    assert read_saved_file(Instance("web", web.folder, web.state_file)).hosts == {}
