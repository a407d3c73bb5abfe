"""Each directive of virtuals and servers changes rows in the original and in ours alike."""

from __future__ import annotations

from pathlib import Path

import pytest

from contract import saved_table
from harness.comparison import perl
from harness.comparison.checks import site
from ldirectord_py.config.load import load
from ldirectord_py.config.parse import Parsed
from ldirectord_py.desired import adopt, desired
from ldirectord_py.ipvs.table import Table

pytestmark = perl.needs_original


def parsed(config: str, folder: Path) -> Parsed:
    path = folder / "test.cf"
    path.write_text(config)
    return load(path)


def originals(config: str) -> Table:
    """Return the rows that a start of the original adds."""
    answer = perl.start(config)
    assert (answer.error, answer.died) == (None, None)
    added = (command.removeprefix("/sbin/ipvsadm ") for command in answer.commands)
    return saved_table.parse("\n".join(line for line in added if line.startswith(("-A ", "-a "))))


def ours(config: str, folder: Path) -> Table:
    """Return the rows that a start of ours adds, where no server is checked."""
    held = parsed(config, folder).config
    states = {key: state for virtual in held.virtuals for key, state in adopt(virtual, {}).items()}
    return desired(held, states, {})


FOUR = "virtual = 192.0.2.1:80\n    checktype = on\n"
SIX = "virtual6 = [2001:db8::1]:80\n    checktype = on\n"
MARK = "virtual = 7\n    checktype = on\n    real = 127.0.0.2 gate 3\n"
ONE = f"{FOUR}    real = 127.0.0.2:80 masq 3\n"


@pytest.mark.parametrize(
    ("config", "more"),
    [
        pytest.param(ONE, MARK, id="virtual"),
        pytest.param(ONE, "virtual6 = 7\n    checktype = on\n    real6 = [::1] gate\n", id="virtual6"),
        pytest.param(FOUR, "    real = 127.0.0.2->127.0.0.4:81 masq 3 l:5 u:9\n", id="real"),
        pytest.param(SIX, "    real6 = [::1]:80 ipip 3\n", id="real6"),
        pytest.param(FOUR, "    fallback = 127.0.0.9:81 masq\n", id="fallback"),
        pytest.param(FOUR, "fallback = 127.0.0.9:81 masq\n", id="fallback of all"),
        pytest.param(SIX, "    fallback6 = [::1]:81 masq\n", id="fallback6"),
        pytest.param(SIX, "fallback6 = [::1]:81 masq\n", id="fallback6 of all"),
        pytest.param(ONE, "    protocol = udp\n", id="protocol"),
        pytest.param(ONE, "    scheduler = wlc\n", id="scheduler"),
        pytest.param(f"{ONE}    scheduler = sh\n", "    schedflags = sh-port\n", id="schedflags"),
        pytest.param(ONE, "    persistent = 600\n", id="persistent"),
        pytest.param(f"{ONE}    persistent = 600\n", "    netmask = 255.255.255.0\n", id="netmask"),
        pytest.param(f"{SIX}    persistent = 600\n", "    netmask = 64\n", id="netmask of IPv6"),
        pytest.param(f"{ONE}    protocol = udp\n", "    ops = yes\n", id="ops"),
    ],
)
def test_rows_obey(config: str, more: str, tmp_path: Path) -> None:
    assert originals(config) == ours(config, tmp_path)
    assert originals(config + more) == ours(config + more, tmp_path)
    assert ours(config + more, tmp_path) != ours(config, tmp_path)


def test_load_has_no_effect(tmp_path: Path) -> None:
    config = site(9, "service=http")
    more = f'{config}    load="yes"\n'
    assert perl.start(more).commands == perl.start(config).commands
    read, without = parsed(more, tmp_path), parsed(config, tmp_path)
    assert read.config == without.config
    assert [warning.what for warning in read.warnings] == ["load has no effect"]
