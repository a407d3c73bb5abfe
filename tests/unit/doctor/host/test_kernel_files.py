"""What the kernel's files say."""

from __future__ import annotations

import os
import resource
import socket
from pathlib import Path

import pytest

from ldirectord_py.doctor.facts import KernelModules
from ldirectord_py.doctor.host import kernel_files
from ldirectord_py.doctor.host.kernel_files import (
    file_limit,
    read_ipvs_counts,
    read_modules,
    read_sockets,
    read_sysctls,
)
from ldirectord_py.runtime.file_limit import WANTED_FILES


@pytest.fixture
def files(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The files that there are."""
    there: dict[str, str] = {}
    monkeypatch.setattr(kernel_files, "_contents", lambda path: there.get(str(path)))
    return there


def test_sysctls_of_all_links_and_of_one_with_a_dot(files: dict[str, str]) -> None:
    files["/proc/sys/net/ipv4/ip_forward"] = "1\n"
    files["/proc/sys/net/ipv4/conf/eth0.5/rp_filter"] = "2\n"
    files["/proc/sys/net/ipv6/conf/eth0.5/forwarding"] = "0\n"
    assert read_sysctls(["eth0.5"]) == {
        "net.ipv4.ip_forward": "1",
        "net.ipv4.conf.eth0/5.rp_filter": "2",
        "net.ipv6.conf.eth0/5.forwarding": "0",
    }


def test_sysctls_of_this_host() -> None:
    assert read_sysctls(["lo"])["net.ipv4.conf.lo.rp_filter"] in {"0", "1", "2"}


@pytest.fixture
def _no_config(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(_: object) -> bytes:
        raise OSError

    monkeypatch.setattr("gzip.decompress", absent)


@pytest.mark.usefixtures("_no_config")
def test_modules_by_the_configuration_of_the_kernel(files: dict[str, str]) -> None:
    assert not read_modules().complete
    files[f"/boot/config-{os.uname().release}"] = "CONFIG_IP_VS=y\nCONFIG_IP_VS_RR=m\n# CONFIG_IP_VS_SH is not set\n"
    found = read_modules()
    assert found == KernelModules(frozenset({"ip_vs"}), frozenset({"ip_vs_rr"}))


@pytest.mark.usefixtures("_no_config")
def test_modules(files: dict[str, str]) -> None:
    folder = f"/lib/modules/{os.uname().release}"
    files["/proc/modules"] = "ip_vs_wrr 16384 0 - Live 0x0\nip_vs 16384 1 ip_vs_wrr, Live 0x0\n"
    assert not read_modules().complete
    files[f"{folder}/modules.builtin"] = "kernel/net/netfilter/ipvs/ip_vs_rr.ko\n"
    files[f"{folder}/modules.dep"] = "kernel/net/ipvs/ip_vs_pe_sip.ko.xz: kernel/net/ipvs/ip_vs.ko.xz\nkernel/a-b.ko:\n"
    found = read_modules()
    assert found.present == {"ip_vs", "ip_vs_wrr", "ip_vs_rr"}
    assert found.loadable == {"ip_vs_pe_sip", "a_b"}
    assert found.complete
    files["/proc/sys/kernel/modules_disabled"] = "1\n"
    assert read_modules().loadable == frozenset()


def test_counts_of_ipvs(files: dict[str, str]) -> None:
    assert read_ipvs_counts() is None
    files["/proc/net/ip_vs"] = (
        "IP Virtual Server version 1.2.1 (size=4096)\nProt LocalAddress:Port Scheduler Flags\n"
        "  -> RemoteAddress:Port Forward Weight ActiveConn InActConn\n"
        "TCP  C0000201:0050 wrr  \n  -> 0A000001:0050      Masq    1      3          4\n"
    )
    assert read_ipvs_counts() == (4096, 7)


def test_sockets_that_listen() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as here,
        socket.create_server(("::1", 0), family=socket.AF_INET6) as six,
        socket.create_server(("", 0)) as everywhere,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams,
    ):
        datagrams.bind(("127.0.0.1", 0))
        assert {
            ("tcp", "127.0.0.1", here.getsockname()[1]),
            ("tcp", "::1", six.getsockname()[1]),
            ("tcp", "", everywhere.getsockname()[1]),
            ("udp", "127.0.0.1", datagrams.getsockname()[1]),
        } <= read_sockets()


def test_the_limit_of_files(monkeypatch: pytest.MonkeyPatch, files: dict[str, str]) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (1024, 4096))
    assert file_limit(None) == 4096
    files["/proc/7/limits"] = "Limit  Soft Limit  Hard Limit  Units\nMax open files            1024    2048     files\n"
    assert file_limit(7) == 2048
    files["/proc/7/limits"] = "Max open files            1024    unlimited     files\n"
    assert file_limit(7) == WANTED_FILES
    monkeypatch.setattr(resource, "getrlimit", lambda _: (1024, resource.RLIM_INFINITY))
    assert file_limit(8) == WANTED_FILES


def test_a_file_that_is_not_there() -> None:
    assert kernel_files._contents(Path("/proc/no-such-file")) is None
