"""What holds for every test.

Under ``CI=true`` a skipped test has failed, and Hypothesis keeps no clock. No check fails of a Python exception unless
the test is marked ``unexpected``; in the first two tiers our code does not hold the event loop (``guarded_loops``)
unless the test is marked ``holds_loop``.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Generator

import pytest
from hypothesis import HealthCheck, settings

from harness.forks import ForkedRun
from harness.guarded_loops import GuardedLoops
from harness.unexpected import recorded

settings.register_profile("project", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True)
settings.register_profile("quick", settings.get_profile("project"), max_examples=10)
settings.load_profile("project")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--forks", type=int, metavar="COUNT", help="run the tests in so many forked processes")


def pytest_configure(config: pytest.Config) -> None:
    if count := config.getoption("--forks"):
        config.pluginmanager.register(ForkedRun(count))
    config.pluginmanager.register(GuardedLoops())


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection() -> Generator[None, object, object]:
    """Keep the garbage collector away from the tests, which live long: it takes half the time of collecting them."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, None, None]:
    with recorded() as failures:
        yield
    marked = item.get_closest_marker("unexpected") is not None
    if marked is not bool(failures):
        pytest.fail("no check failed unexpectedly" if marked else "\n".join(failures[:20]), pytrace=False)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if not hasattr(report, "wasxfail"):
        _fail_if_skipped(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    _fail_if_skipped(report)
    return report


def _fail_if_skipped(report: pytest.TestReport | pytest.CollectReport) -> None:
    if report.skipped and os.environ.get("CI") == "true":
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"CI skips nothing: {reason}"
