"""``table``: the rows of a configuration, as ipvsadm saves them."""

from __future__ import annotations

from pathlib import Path

import pytest

from contract.saved_table import parse
from ldirectord_py.cli import main, table
from ldirectord_py.cli.table import healthy_table, live_table
from ldirectord_py.config.load import load
from ldirectord_py.ipvs.ipvsadm import save
from ldirectord_py.ipvs.kernel import MemoryKernel

CONFIG = """\
virtual = 192.0.2.1:80
    real = 127.0.0.2:8080 masq 3
    real = 10.0.0.3:8081 gate
    fallback = 127.0.0.1:80
    persistent = 60
    service = http
virtual = 7
    real = 10.0.0.3 ipip
    checktype = on
"""
ALL_UP = """\
-A -f 7 -s wrr
-a -f 7 -r 10.0.0.3:0 -i -w 1 --tun-type ipip
-A -t 192.0.2.1:80 -s wrr -p 60
-a -t 192.0.2.1:80 -r 10.0.0.3:80 -g -w 1
-a -t 192.0.2.1:80 -r 127.0.0.2:8080 -m -w 3
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "web.cf"
    path.write_text(CONFIG)
    return path


def test_all_servers_are_up(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(config), "table"]) == 0
    assert sorted(ALL_UP.splitlines()) == sorted(capsys.readouterr().out.splitlines())
    assert parse(ALL_UP) == dict(healthy_table(load(config).config))


@pytest.mark.parametrize("held", ["", "-A -t 192.0.2.1:80 -s rr\n-a -t 192.0.2.1:80 -r 127.0.0.2:8080 -m -w 1\n"])
def test_live_servers_are_up_that_have_weight_in_the_kernel(
    held: str, config: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(table, "NetlinkKernel", lambda: MemoryKernel(parse(held).values()))
    assert main([str(config), "table", "--live"]) == 0
    down, fallback = "10.0.0.3:80 -g -w 1", "127.0.0.1:80 -g -w 1"
    shown = capsys.readouterr().out
    assert ("127.0.0.2:8080 -m -w 3" in shown, down in shown, fallback in shown) == (bool(held), False, not held)


def test_live_values_that_the_configuration_leaves_open_are_kept(config: Path) -> None:
    engine = "-A -t 192.0.2.1:80 -s wrr -p 60 --pe sip\n"
    tunnel = "-a -f 7 -r 10.0.0.3:0 -i -w 1 --tun-type gue --tun-port 6080 --tun-nocsum\n"
    shown = save(live_table(load(config).config, parse(engine + tunnel)))
    assert (engine in shown, tunnel in shown) == (True, True)


def test_a_bad_file_has_no_table(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config.write_text(CONFIG.replace("service = http", "service = htpp"))
    assert main([str(config), "table"]) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)


def test_an_unknown_option_is_a_usage_error(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(config), "table", "--alive"]) == 255
    assert capsys.readouterr().err.startswith("table: unrecognized arguments: --alive\n")
