"""Settings of the kernel, read and written as files."""

from __future__ import annotations

from pathlib import Path

import pytest

from ldirectord_py.runtime import sysctl
from ldirectord_py.runtime.sysctl import sysctl_path, write_sysctl


def test_a_slash_is_the_dot_of_the_name_of_a_link() -> None:
    assert sysctl_path("net.ipv4.ip_forward") == Path("/proc/sys/net/ipv4/ip_forward")
    assert sysctl_path("net.ipv4.conf.eth0/5.rp_filter") == Path("/proc/sys/net/ipv4/conf/eth0.5/rp_filter")


def test_a_setting_is_written_only_if_it_has_another_value(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sysctl, "sysctl_path", lambda name: tmp_path / name)
    file = tmp_path / "vs.expire"
    file.write_text("0\n")
    assert write_sysctl("vs.expire", 1)
    assert file.read_text() == "1\n"
    file.write_text("1")
    assert not write_sysctl("vs.expire", 1)
    assert file.read_text() == "1"
    with pytest.raises(FileNotFoundError):
        write_sysctl("vs.missing", 1)
