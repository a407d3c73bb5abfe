"""The kernel tier works: there is an IPVS, and this process may change it."""

from __future__ import annotations

from pathlib import Path


def test_the_kernel_has_ipvs() -> None:
    assert Path("/proc/net/ip_vs").read_text().startswith("IP Virtual Server version")
