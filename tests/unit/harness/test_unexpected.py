"""What keeps a check that fails of a Python exception from passing unseen, whatever its test looks at."""

from __future__ import annotations

import logging
from ipaddress import ip_address

import pytest

from harness.host import ROOT
from harness.unexpected import in_log, recorded
from ldirectord_py.checks.base import Target
from ldirectord_py.checks.probe import probe
from ldirectord_py.errors import CheckFailed

pytest_plugins = ["pytester"]

CASES = """
import logging
import pytest

def fail():
    try:
        raise KeyError("oops")
    except KeyError:
        logging.getLogger("ldirectord_py.checks.probe").exception("check failed unexpectedly")

def test_with_one(): fail()
@pytest.mark.unexpected
def test_that_asks_for_one(): fail()
@pytest.mark.unexpected
def test_that_asks_in_vain(): pass
"""


async def fails(error: Exception) -> str:
    async def check(_: Target) -> str:
        raise error

    return (await probe(check, Target(ip_address("192.0.2.1"), 80, 5.0))).reason


@pytest.mark.unexpected
async def test_an_exception_without_words_is_recorded() -> None:
    with recorded() as failures:
        assert in_log(await fails(KeyError("oops"))) == ["KeyError in the check (see the log)"]
        await fails(CheckFailed("503"))
    assert failures == ["check of 192.0.2.1 port 80 failed unexpectedly: KeyError('oops')"]


@pytest.mark.unexpected
def test_so_is_one_that_a_worker_tells_of() -> None:
    with recorded() as failures:
        logging.getLogger("ldirectord_py.checks.probe").log(logging.ERROR, "%s", "check of x failed unexpectedly")
    assert failures == ["check of x failed unexpectedly: None"]


def test_a_log_is_searched_for_reasons_and_tracebacks() -> None:
    log = "up\ncheck of 192.0.2.1 failed unexpectedly\nTraceback\n x: KeyError in the check (see the log)\n"
    assert len(in_log(log)) == 2
    assert in_log("connect refused\nthe check failed\n") == []


@pytest.mark.unexpected
def test_no_test_passes_with_one_unless_it_asks_for_it(pytester: pytest.Pytester) -> None:
    pytester.makeconftest((ROOT / "tests" / "conftest.py").read_text())
    pytester.makepyfile(CASES)
    result = pytester.runpytest_inprocess("-p", "no:asyncio")
    result.assert_outcomes(passed=1, failed=2)
    result.stdout.fnmatch_lines(["*check failed unexpectedly: KeyError('oops')*", "*no check failed unexpectedly*"])
