"""Host names of addresses are looked up once, refreshed when they are old, and kept if a look-up fails."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from ipaddress import IPv4Address

import pytest

from builders import real
from ldirectord_py.address import Address
from ldirectord_py.daemon.maintenance import reverse_names
from ldirectord_py.daemon.maintenance.reverse_names import ReverseNames


class Resolver:
    """Returns names by address; raises OSError for an unknown address."""

    def __init__(self, **names: str) -> None:
        self.names = names
        self.lookups: list[str] = []

    def __call__(self, address: Address) -> str:
        self.lookups.append(str(address))
        if str(address) not in self.names:
            raise OSError("no resolver")
        return self.names[str(address)]


def found(names: ReverseNames) -> dict[str, str]:
    return {str(address): name for address, name in names.names.items()}


async def test_names_are_looked_up_once_until_they_are_old(monkeypatch: pytest.MonkeyPatch) -> None:
    resolver = Resolver(**{"10.1.0.1": "one", "10.1.0.2": "two"})
    wanted = {real("10.1.0.1:80").server, real("10.1.0.2:80").server, real("10.1.0.3:80").server}
    names = ReverseNames(lambda: wanted, resolver)
    await names.look_up()
    assert found(names) == {"10.1.0.1": "one", "10.1.0.2": "two"}
    resolver.lookups.clear()
    await names.look_up()
    assert resolver.lookups == ["10.1.0.3"]
    monkeypatch.setattr(reverse_names, "MAX_AGE", 0.0)
    resolver.names = {"10.1.0.1": "", "10.1.0.3": "three"}
    await names.look_up()
    assert found(names) == {"10.1.0.1": "", "10.1.0.2": "two", "10.1.0.3": "three"}


async def test_a_lookup_that_hangs_times_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reverse_names, "LOOKUP_TIMEOUT", 0.02)
    resume = threading.Event()

    def hang(_: Address) -> str:
        resume.wait(10)
        return "late"

    names = ReverseNames(lambda: {real(f"10.1.0.{n}:80").server for n in range(20)}, hang)
    await names.look_up()
    assert found(names) == {}
    resume.set()


async def test_lookups_that_hang_keep_a_limited_number_of_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reverse_names, "LOOKUP_TIMEOUT", 0.01)
    resume = threading.Event()
    names = ReverseNames(lambda: {real(f"10.1.0.{n}:80").server for n in range(20)}, lambda _: str(resume.wait(10)))
    for _ in range(3):
        await names.look_up()
    assert sum(thread.name == "reverse" for thread in threading.enumerate()) == reverse_names.MAX_LOOKUPS
    resume.set()


async def test_names_of_unwanted_addresses_are_dropped() -> None:
    wanted = {real(f"10.1.0.{n}:80").server for n in range(4)}
    names = ReverseNames(lambda: wanted, str)
    await names.look_up()
    wanted = {real("10.1.0.3:80").server}
    await names.look_up()
    assert found(names) == {"10.1.0.3": "10.1.0.3"}


@pytest.mark.slow
async def test_names_are_published_in_batches() -> None:
    wanted = {IPv4Address(number) for number in range(2000)}
    seen: list[Mapping[Address, str]] = []

    def name(address: Address) -> str:
        if not seen or seen[-1] is not names.names:
            seen.append(names.names)
        return str(address)

    names = ReverseNames(lambda: wanted, name)
    began = time.monotonic()
    await names.look_up()
    assert len(names.names) == 2000
    assert len(seen) <= 3 + (time.monotonic() - began) / reverse_names.PUBLISH_INTERVAL


def test_the_name_of_loopback() -> None:
    assert reverse_names.name_of(real("127.0.0.1:80").server).startswith("localhost")
