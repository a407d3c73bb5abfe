"""``plan``: the changes as lines and as JSON, the exit status, and what is assumed."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable
from ipaddress import ip_address
from pathlib import Path
from typing import Any, NoReturn

import pytest

from contract.saved_table import parse
from ldirectord_py.cli import main, plan
from ldirectord_py.config.addresses import HostName
from ldirectord_py.daemon.administration import saved_file
from ldirectord_py.daemon.administration.files import read_file, write_file
from ldirectord_py.errors import KernelError, NoTableError
from ldirectord_py.instance.pid_file import Instance
from ldirectord_py.ipvs.kernel import MemoryKernel
from ldirectord_py.ipvs.table import DestinationKey
from ldirectord_py.saved_addresses import addresses_section
from ldirectord_py.saved_state import ADDRESSES, SavedState

CONFIG = """\
virtual = 192.0.2.1:80
    real = 10.0.0.2:80 gate 3
    real = 10.0.0.3:80 gate
    service = http
"""
HELD = """\
-A -t 192.0.2.1:80 -s wrr
-a -t 192.0.2.1:80 -r 10.0.0.2:80 -g -w 3
"""
FOREIGN = "-A -t 192.0.2.9:80 -s rr\n-a -t 192.0.2.9:80 -r 10.0.0.9:80 -g -w 1\n"

Hold = Callable[[str], MemoryKernel]


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LDIRECTORD_RUNDIR", str(tmp_path))
    path = tmp_path / "web.cf"
    path.write_text(CONFIG)
    return path


@pytest.fixture
def hold(monkeypatch: pytest.MonkeyPatch) -> Hold:
    def replace_kernel(text: str) -> MemoryKernel:
        kernel = MemoryKernel(parse(text).values())
        kernel.connected = {key: 5 for key in kernel.table if isinstance(key, DestinationKey)}
        monkeypatch.setattr(plan, "read_only_kernel", lambda: kernel)
        return kernel

    return replace_kernel


def test_no_change_is_0(config: Path, hold: Hold, capsys: pytest.CaptureFixture[str]) -> None:
    kernel = hold(HELD)
    assert main([str(config), "plan"]) == 0
    assert capsys.readouterr().out == "No change.\nAssumed: servers are up that have weight in the kernel\n"
    assert kernel.written == []


def test_changes_are_3(config: Path, hold: Hold, capsys: pytest.CaptureFixture[str]) -> None:
    kernel = hold(HELD.replace("10.0.0.2:80 -g -w 3", "10.0.0.4:80 -g -w 1") + FOREIGN)
    assert main([str(config), "plan"]) == 3
    assert capsys.readouterr().out.splitlines() == [
        "- ipvsadm -d -t 192.0.2.1:80 -r 10.0.0.4:80  # ends 5 connections",
        "0 rows to add, 0 to change, 1 to remove; 5 connections would end, 0 would get no successors.",
        "Assumed: 1 service in the kernel that the file does not name stay as found",
        "Assumed: servers are up that have weight in the kernel",
    ]
    assert kernel.written == []


@pytest.mark.parametrize(("assumed", "added"), [("up", 1), ("down", 0), ("current", 0)])
def test_servers_without_a_row_are_as_assumed(
    assumed: str, added: int, config: Path, hold: Hold, capsys: pytest.CaptureFixture[str]
) -> None:
    hold(HELD)
    assert main([str(config), "plan", "--assume", assumed]) == (3 if added else 0)
    out = capsys.readouterr().out
    assert out.count("+ ipvsadm -a -t 192.0.2.1:80 -r 10.0.0.3:80 -g -w 1\n") == added
    assert out.count("servers that have no row in the kernel are") == (assumed != "current")


def test_servers_that_are_assumed_up_are_in_the_order_of_the_file(
    config: Path, hold: Hold, capsys: pytest.CaptureFixture[str]
) -> None:
    hold("")
    assert main([str(config), "plan", "--assume", "up"]) == 3
    assert capsys.readouterr().out.splitlines()[:3] == [
        "+ ipvsadm -A -t 192.0.2.1:80 -s wrr",
        "+ ipvsadm -a -t 192.0.2.1:80 -r 10.0.0.2:80 -g -w 3",
        "+ ipvsadm -a -t 192.0.2.1:80 -r 10.0.0.3:80 -g -w 1",
    ]


def test_json(config: Path, hold: Hold, capsys: pytest.CaptureFixture[str]) -> None:
    hold(HELD.replace("-w 3", "-w 1"))
    assert main([str(config), "plan", "--json"]) == 3
    shown = json.loads(capsys.readouterr().out)
    assert shown["totals"] == {"add": 0, "edit": 1, "delete": 0, "ends": 0, "starves": 0}
    assert [each["command"] for each in shown["changes"]] == ["ipvsadm -e -t 192.0.2.1:80 -r 10.0.0.2:80 -g -w 3"]
    assert (len(shown["assumed"]), shown["remarks"]) == (1, [])


def test_a_reload_removes_the_services_that_only_the_old_file_has(
    config: Path, tmp_path: Path, hold: Hold, capsys: pytest.CaptureFixture[str]
) -> None:
    old = tmp_path / "old.cf"
    old.write_text(CONFIG + "virtual = 192.0.2.9:80\n    real = 10.0.0.9:80 gate\n    scheduler = rr\n")
    hold(HELD + FOREIGN)
    assert main([str(config), "plan"]) == 0
    assert main([str(config), "plan", "--from", str(old)]) == 3
    assert "- ipvsadm -D -t 192.0.2.9:80  # ends 5 connections\n" in capsys.readouterr().out


def test_the_old_file_has_to_be_there_and_good(
    config: Path, tmp_path: Path, hold: Hold, capsys: pytest.CaptureFixture[str]
) -> None:
    hold(HELD)
    old = tmp_path / "old.cf"
    assert main([str(config), "plan", "--from", str(old)]) == 1
    assert f"Config file {old} not found\n" == capsys.readouterr().err
    old.write_text("bogus\n")
    assert main([str(config), "plan", "--from", str(old)]) == 2


def test_a_reload_that_is_refused_is_1(
    config: Path, tmp_path: Path, hold: Hold, capsys: pytest.CaptureFixture[str]
) -> None:
    hold(HELD)
    new = tmp_path / "new.cf"
    new.write_text("checkinterval = 3\n")
    assert main([str(new), "plan", "--from", str(config)]) == 1
    assert capsys.readouterr().err.startswith(f"A reload refuses this file: {new} has no virtual server any more")


def test_a_daemon_that_runs_is_named(config: Path, hold: Hold, capsys: pytest.CaptureFixture[str]) -> None:
    hold(HELD)
    running = Instance("web.cf", config.parent)
    lock = running.lock()
    with running.pid_written(lock):
        main([str(config), "plan"])
    os.close(lock.descriptor)
    assert "has no services but those of the file" in capsys.readouterr().out


def test_without_a_table_the_plan_is_against_an_empty_one(
    config: Path, hold: Hold, capsys: pytest.CaptureFixture[str]
) -> None:
    hold("").broken = NoTableError("the kernel has no IPVS")
    assert main([str(config), "plan", "--assume", "up"]) == 3
    out, err = capsys.readouterr()
    assert err == "Planned against an empty table: the kernel has no IPVS\n"
    assert "+ ipvsadm -A -t 192.0.2.1:80 -s wrr\n" in out
    assert "Assumed: the kernel's table is empty\n" in out


def test_another_fault_of_the_kernel_is_1(config: Path, hold: Hold, capsys: pytest.CaptureFixture[str]) -> None:
    hold("").broken = KernelError("the table keeps changing")
    assert main([str(config), "plan"]) == 1
    assert capsys.readouterr() == ("", "the table keeps changing\n")


def test_rows_that_the_kernel_refuses_are_remarked(
    config: Path, hold: Hold, capsys: pytest.CaptureFixture[str]
) -> None:
    config.write_text("virtual = 192.0.2.1:0\n    real = 10.0.0.2 gate\n    service = none\n")
    hold("")
    assert main([str(config), "plan"]) == 0
    assert "Kernel refused to add" in capsys.readouterr().err


def test_a_bad_file_is_2(config: Path, hold: Hold, capsys: pytest.CaptureFixture[str]) -> None:
    hold(HELD)
    config.write_text(CONFIG.replace("service = http", "service = htpp"))
    assert main([str(config), "plan"]) == 2
    assert capsys.readouterr().out == ""


def test_the_state_file_is_read_once_and_its_addresses_hold_for_both_files(
    config: Path, tmp_path: Path, hold: Hold, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    reads: list[Path] = []

    def read(path: Path, name: str) -> SavedState:
        reads.append(path)
        return read_file(path, name)

    def unknown(*_: Any, **__: Any) -> NoReturn:
        raise socket.gaierror

    hosts = {HostName("web1", ipv6=False): ip_address("10.0.0.3")}
    write_file(tmp_path / "web.cf.json", SavedState({ADDRESSES: addresses_section(hosts)}), "web.cf")
    monkeypatch.setenv("LDIRECTORD_STATEDIR", str(tmp_path))
    monkeypatch.setattr(saved_file, "read_file", read)
    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    for path in (config, tmp_path / "old.cf"):
        path.write_text(CONFIG.replace("10.0.0.3", "web1"))
    hold(HELD + "-a -t 192.0.2.1:80 -r 10.0.0.3:80 -g -w 7\n")
    assert main([str(config), "plan", "--from", str(tmp_path / "old.cf")]) == 0
    assert reads == [tmp_path / "web.cf.json"]
    assert "web1" in capsys.readouterr().err
