"""``table`` with the real ipvsadm: what it prints restores the table that it describes."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.lab.fresh_namespace import fresh_namespace
from harness.own_process import run_here

CONFIG = """\
virtual = 192.0.2.1:80
    real = 10.0.0.2:8080 masq 3
    real = 10.0.0.3:8081 gate
    fallback = 127.0.0.1:80
    persistent = 60
    netmask = 255.255.255.0
    checktype = connect
virtual6 = [2001:db8::1]:443
    real6 = [2001:db8::10]:443 masq
    scheduler = sh
    schedflags = "sh-port"
    checktype = connect
virtual = 192.0.2.1:53
    protocol = udp
    ops = yes
    real = 10.0.0.3 ipip
    checktype = ping
virtual = 7
    real = 10.0.0.3 ipip
    checktype = on
"""


@pytest.fixture(autouse=True)
def _namespace() -> Iterator[None]:
    with fresh_namespace():
        yield


def ipvsadm(*arguments: str, given: str = "") -> str:
    return subprocess.run(["ipvsadm", *arguments], check=True, capture_output=True, text=True, input=given).stdout


def table(config: Path, *options: str) -> str:
    shown = run_here(str(config), "table", *options)
    assert shown.status == 0
    return shown.text


def test_the_table_is_restored_and_read_live(tmp_path: Path) -> None:
    config = tmp_path / "web.cf"
    config.write_text(CONFIG)
    shown = table(config)
    ipvsadm("--restore", given=shown)
    assert shown == ipvsadm("-Sn")
    assert shown == table(config, "--live")
    ipvsadm("-d", "-t", "192.0.2.1:80", "-r", "10.0.0.2:8080")
    assert table(config, "--live") == ipvsadm("-Sn")
