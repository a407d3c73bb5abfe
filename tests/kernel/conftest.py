"""The kernel tier runs here where this kernel has IPVS, else in virtual machines booted once for all of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.comparison.packaged_host import PackagedHost
from harness.host import has_ipvs
from harness.lab.lab import Lab
from harness.machines.kinds import missing_for_machine
from harness.machines.remote import RemoteTier

TIER = Path(__file__).parent


@pytest.hookimpl(trylast=True)  # after -k and -m have chosen
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    here = [item for item in items if item.path.is_relative_to(TIER)]
    if not here or has_ipvs() or config.option.collectonly:
        return
    if reason := missing_for_machine():
        for item in here:
            item.add_marker(pytest.mark.skip(reason=reason))
        return
    config.pluginmanager.register(RemoteTier(config, here))


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    """A client and a director in network namespaces; real servers are added as a test asks for them."""
    with Lab(tmp_path / "lab") as lab:
        yield lab


@pytest.fixture
def host(lab: Lab, tmp_path: Path) -> Iterator[PackagedHost]:
    """A host in the director's network that has Debian's packages, the original included."""
    with PackagedHost(tmp_path / "host", ("ip", "netns", "exec", lab.director.netns)) as host:
        yield host
