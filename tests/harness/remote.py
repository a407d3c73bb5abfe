"""pytest's part on the host when tests run in the virtual machine: their outcomes are reported as if run here.

The guest runs the same selection with the plugin ``harness.reports``, which writes every report as it is made.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections import defaultdict
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any

import pytest

from harness.host import ROOT
from harness.machine import Machine, MachineError, machine

TIER_SECONDS = 1500.0
PASSED_ON = ("CI",)


class RemoteTier:
    """A plugin that runs the tests ``nodeids`` in one machine, booted when the first of them is due."""

    def __init__(self, config: pytest.Config, nodeids: Sequence[str]) -> None:
        self._config = config
        self._nodeids = nodeids
        self._stack = ExitStack()
        self._guest: Machine | None = None
        self._lost: str | None = None
        self._offset = 0
        self._reports: dict[str, list[pytest.TestReport]] = defaultdict(list)
        self._finished: set[str] = set()

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> bool | None:
        """Report the outcome that ``item`` has in the machine; leave other tiers' items alone."""
        if item.nodeid not in self._nodeids:
            return None
        item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
        for report in self._outcome(item):
            item.ihook.pytest_runtest_logreport(report=report)
        item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
        return True

    def pytest_sessionfinish(self) -> None:
        """End the machine."""
        self._stack.close()

    def _outcome(self, item: pytest.Item) -> list[pytest.TestReport]:
        try:
            while item.nodeid not in self._finished:
                self._wait(item.nodeid)
        except MachineError as error:
            self._lost = self._lost or "the virtual machine was lost in an earlier test"
            return [*self._reports[item.nodeid], _failure(item, str(error))]
        return self._reports[item.nodeid]

    def _wait(self, nodeid: str) -> None:
        """Take in what the machine wrote since the last call; MachineError when ``nodeid`` will never finish."""
        if self._lost is not None:
            raise MachineError(self._lost)
        guest = self._guest = self._guest or self._boot()
        over = self._over(guest)  # asked first, so that nothing written before the end is missed below
        self._read(guest)
        if nodeid in self._finished:
            return
        if over:
            raise MachineError(over)
        time.sleep(0.1)

    def _over(self, guest: Machine) -> str:
        """Return why no more reports will come, or an empty text."""
        try:
            ended = guest.status() is not None
        except MachineError as error:
            return str(error)
        if ended:
            return f"pytest ended in the machine without running this test{guest.evidence()}"
        if time.monotonic() - guest.started > TIER_SECONDS:
            return f"the tier is not done after {TIER_SECONDS:.0f} s{guest.evidence()}"
        return ""

    def _boot(self) -> Machine:
        options = ["-p", "no:cacheprovider", "-p", "harness.reports", "-o", "faulthandler_timeout=120", "--quiet"]
        command = [sys.executable, "-m", "pytest", *options, f"--rootdir={ROOT}", *self._nodeids]
        environment = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
        return self._stack.enter_context(machine(command, environment))

    def _read(self, guest: Machine) -> None:
        path = guest.out / "reports"
        text = path.read_bytes() if path.exists() else b""
        complete = text.rfind(b"\n") + 1
        for line in text[self._offset : complete].splitlines():
            self._take(json.loads(line))
        self._offset = complete

    def _take(self, data: dict[str, Any]) -> None:
        if "finished" in data:
            self._finished.add(data["finished"])
            return
        if isinstance(data["longrepr"], list):
            data["longrepr"] = tuple(data["longrepr"])  # where and why it was skipped; JSON has no tuples
        report = self._config.hook.pytest_report_from_serializable(config=self._config, data=data)
        self._reports[report.nodeid].append(report)


def _failure(item: pytest.Item, text: str) -> pytest.TestReport:
    return pytest.TestReport(item.nodeid, item.location, {}, "failed", text, "call")
