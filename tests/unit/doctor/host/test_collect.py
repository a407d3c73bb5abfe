"""The facts of the host that the tests run on, whatever it is."""

from __future__ import annotations

import os
import subprocess
from ipaddress import ip_address
from pathlib import Path

import pytest

from builders import config, real, virtual
from ldirectord_py.config.addresses import HostName, Names
from ldirectord_py.config.model import Config, Forward
from ldirectord_py.doctor.facts import Area, FirewallRules, KernelModules, RouteKind
from ldirectord_py.doctor.host import collect as collecting
from ldirectord_py.doctor.host.collect import NOT_ROOT, collect
from ldirectord_py.doctor.host.routes import Network, read_network
from ldirectord_py.doctor.host.rules import read_firewall
from ldirectord_py.errors import KernelError
from ldirectord_py.ipvs.kernel import MemoryKernel

LOOPBACK = ip_address("127.0.0.1")
OWN = config(virtual("127.0.0.1:80", real("127.0.0.1:80", Forward.GATE)))


def test_links_addresses_and_routes() -> None:
    network = read_network([LOOPBACK, ip_address("::1")], [LOOPBACK])
    assert LOOPBACK in network.links["lo"].addresses
    assert network.links["lo"].mtu > 1500
    assert network.routes[LOOPBACK].kind is RouteKind.LOCAL
    assert network.return_paths == {}


def test_facts_of_this_host(tmp_path: Path) -> None:
    facts = collect(OWN, tmp_path / "web.cf", None)
    assert facts.route(LOOPBACK).kind is RouteKind.LOCAL
    assert facts.links_of(LOOPBACK) == ("lo",)
    assert facts.number("net.ipv4.conf.lo.rp_filter") in {0, 1, 2}
    assert Area.ROUTES not in facts.unseen
    assert Area.SOCKETS not in facts.unseen


def refused(*_: object) -> Network:
    raise PermissionError(1, "Operation not permitted")


def test_what_fails_is_noted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(collecting, "read_network", refused)
    monkeypatch.setattr(collecting, "other_directors", refused)
    monkeypatch.setattr(collecting, "read_modules", lambda: KernelModules(complete=False))
    monkeypatch.setattr(collecting, "read_ipvs_counts", lambda: None)
    unseen = collect(OWN, tmp_path / "web.cf", None).unseen
    assert unseen[Area.ROUTES] == unseen[Area.RETURN_PATHS] == unseen[Area.PROCESSES] == "Operation not permitted"
    assert "/proc/config.gz" in unseen[Area.MODULES]
    assert unseen[Area.SETTINGS] == "ip_vs is not loaded"


@pytest.mark.parametrize(("user", "broken", "fault"), [(0, None, ""), (0, KernelError("no"), "no"), (1000, None, "")])
def test_the_table(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, user: int, broken: KernelError | None, fault: str
) -> None:
    kernel = MemoryKernel()
    kernel.broken = broken
    monkeypatch.setattr(collecting, "read_ipvs_counts", lambda: (4096, 7))
    monkeypatch.setattr(collecting, "read_only_kernel", lambda: kernel)
    monkeypatch.setattr(os, "geteuid", lambda: user)
    facts = collect(OWN, tmp_path / "web.cf", None)
    assert (facts.ipvs.loaded, facts.ipvs.fault, facts.ipvs.table_size, facts.ipvs.connections) == (
        True,
        fault,
        4096,
        7,
    )
    assert facts.unseen.get(Area.TABLE) == (NOT_ROOT if user else None)


@pytest.mark.parametrize(
    ("asked", "user", "expected"),
    [(OWN, 0, None), (OWN, 1000, None), (config(virtual(7)), 1000, NOT_ROOT), (config(virtual(7)), 0, None)],
)
def test_rules_are_read_only_if_they_matter(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, asked: Config, user: int, expected: str | None
) -> None:
    monkeypatch.setattr(collecting, "read_firewall", lambda: FirewallRules(frozenset({7})))
    monkeypatch.setattr(collecting, "read_ipvs_counts", lambda: None)
    monkeypatch.setattr(os, "geteuid", lambda: user)
    facts = collect(asked, tmp_path / "web.cf", None)
    assert facts.unseen.get(Area.FIREWALL) == expected
    assert facts.firewall.marks == (frozenset({7}) if asked is not OWN and user == 0 else frozenset())


def test_names_of_mail_servers(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(collecting, "look_up", resolver)
    mails = config(
        virtual("127.0.0.1:80", smtp="localhost:25"), virtual(8, smtp="127.0.0.1"), smtp="no-such.invalid:25"
    )
    assert collect(mails, tmp_path / "web.cf", None).lost_names == {"no-such.invalid"}


def resolver(hosts: frozenset[HostName], *_: object) -> Names:
    assert {host.name for host in hosts} == {"localhost", "no-such.invalid"}
    return Names({host: LOOPBACK if host == HostName("localhost", ipv6=False) else None for host in hosts})


def program(path: Path, text: str) -> None:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the firewall's programs, none at first."""
    monkeypatch.setattr("ldirectord_py.doctor.host.rules._PATH", str(tmp_path))
    return tmp_path


def test_rules_of_the_programs_that_there_are(tools: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_firewall()
    program(tools / "iptables-save", "echo '-A PREROUTING -j MARK --set-xmark 0x7/0xffffffff'")
    assert read_firewall() == FirewallRules(frozenset({7}))


def test_a_program_that_fails_or_hangs(tools: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(tools / "nft", "echo not permitted >&2; exit 1")
    with pytest.raises(OSError, match="nft failed: not permitted"):
        read_firewall()

    def hangs(argv: list[str], **_: object) -> None:
        raise subprocess.TimeoutExpired(argv, 5)

    monkeypatch.setattr(subprocess, "run", hangs)
    with pytest.raises(TimeoutError, match="did not end within 5 s"):
        read_firewall()
