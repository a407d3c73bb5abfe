"""The limit of open files, and how many checks it allows."""

from __future__ import annotations

import resource
from collections.abc import Iterator

import pytest

from ldirectord_py.runtime.file_limit import max_checks, raise_limit


@pytest.fixture
def soft_limit() -> Iterator[int]:
    """Lower the limit for the time of the test."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (512, hard))
    yield hard
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_the_limit_is_raised_as_far_as_wanted(soft_limit: int) -> None:
    assert raise_limit(700) == 700
    assert resource.getrlimit(resource.RLIMIT_NOFILE) == (700, soft_limit)


def test_the_limit_is_never_lowered(soft_limit: int) -> None:
    assert raise_limit(100) == 512
    assert resource.getrlimit(resource.RLIMIT_NOFILE) == (512, soft_limit)


def test_what_the_host_allows_is_taken_where_more_is_wanted(soft_limit: int) -> None:
    if soft_limit == resource.RLIM_INFINITY:
        pytest.skip("this host allows any number")
    assert raise_limit(soft_limit + 1) == soft_limit


@pytest.mark.parametrize(
    ("wanted", "limit", "expected"),
    [(None, 65536, 65280), (None, 1024, 768), (None, 64, 32), (None, 1, 1), (100, 65536, 100), (5000, 1024, 768)],
)
def test_checks_leave_room_for_the_rest_of_the_daemon(wanted: int | None, limit: int, expected: int) -> None:
    assert max_checks(wanted, limit) == expected
