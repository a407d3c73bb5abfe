"""pytest's part on the host when tests run in virtual machines: their outcomes are reported as if run here.

The guests run the tests with the plugin ``harness.machines.worker``, which tells every report as it is made.
"""

from __future__ import annotations

import compileall
import os
import sys
from collections.abc import Sequence
from typing import Any, Final

import pytest

from harness.host import ROOT
from harness.machines.kinds import usable
from harness.machines.pool import Job, Outcome, Pool

TEST_SECONDS: Final = 60.0
"""What a test may take at the speed of an ordinary host, until it fails; its machine has twice the time."""

PASSED_ON: Final = ("CI", "KILL_ROUNDS")


class RemoteTier:
    """A plugin that runs tests in machines, booted when the first of the tests is due."""

    def __init__(self, config: pytest.Config, items: Sequence[pytest.Item]) -> None:
        self._config = config
        self._light = frozenset(item.nodeid for item in items if item.get_closest_marker("original"))
        self._nodeids = [item.nodeid for item in sorted(items, key=self._turn)]
        self._pool: Pool | None = None

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> bool | None:
        """Report the outcome that ``item`` has in a machine; leave other tiers' items alone."""
        if item.nodeid not in self._nodeids:
            return None
        item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
        self._pool = self._pool or Pool(self._job(), self._nodeids, usable())
        outcome = self._pool.outcome(item.nodeid)
        for report in self._reports(item, outcome):
            item.ihook.pytest_runtest_logreport(report=report)
        item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
        return True

    def pytest_sessionfinish(self) -> None:
        """End the machines."""
        if self._pool is not None:
            self._pool.close()

    def _turn(self, item: pytest.Item) -> tuple[bool, float]:
        """Return the place of a test in the order: the longest first, so that none ends alone; the light ones last."""
        takes = item.get_closest_marker("takes")
        return item.nodeid in self._light, -takes.args[0] if takes else 0.0

    def _job(self) -> Job:
        for place in ("ldirectord_py", "tests/harness"):  # or every process in a machine would compile all, in each run
            compileall.compile_dir(str(ROOT / place), quiet=2)
        plugin = ("-p", "no:cacheprovider", "-p", "no:faulthandler", "-p", "harness.machines.worker", "--quiet")
        limit = ("-o", f"test_seconds={TEST_SECONDS}")
        command = (sys.executable, "-m", "pytest", *plugin, *limit, f"--rootdir={ROOT}", *self._nodeids)
        environment = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
        return Job(command, environment, 2 * TEST_SECONDS, self._light)

    def _reports(self, item: pytest.Item, outcome: Outcome) -> list[pytest.TestReport]:
        reports = [self._report(data) for data in outcome.reports]
        if outcome.lost:
            reports.append(pytest.TestReport(item.nodeid, item.location, {}, "failed", outcome.lost, "call"))
        return reports

    def _report(self, data: dict[str, Any]) -> pytest.TestReport:
        if isinstance(data["longrepr"], list):
            data["longrepr"] = tuple(data["longrepr"])  # where and why it was skipped; JSON has no tuples
        report = self._config.hook.pytest_report_from_serializable(config=self._config, data=data)
        assert isinstance(report, pytest.TestReport)
        return report
