"""When so many servers begin to fail together that the fault may be the director's."""

from __future__ import annotations

from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders import service_key
from ldirectord_py.address import Address
from ldirectord_py.ipvs.table import DestinationKey
from ldirectord_py.mass_failure import MassFailure, WatchedServer

WINDOW = 10.0


def address(number: int) -> Address:
    return ip_address(0x0A010000 + number)


def key(number: int, site: str = "10.0.0.1:80") -> DestinationKey:
    return DestinationKey(service_key(site), address(number), 80)


def watching(count: int, *sites: str) -> MassFailure:
    failures = MassFailure()
    servers = [
        WatchedServer(key(n, site), address(n), WINDOW) for n in range(count) for site in sites or ("10.0.0.1:80",)
    ]
    failures.watch(servers)
    return failures


def fail(failures: MassFailure, *numbers: int, now: float = 0.0, passed: int = 0) -> None:
    for number in numbers:
        failures.add_failure(key(number), address(number), now, passed)


@pytest.mark.parametrize(
    ("servers", "failing", "massive"),
    [(4, 4, False), (5, 4, False), (5, 5, True), (10, 8, False), (10, 9, True), (100, 89, False), (100, 90, True)],
)
def test_nine_in_ten_servers_and_five_at_least(servers: int, failing: int, massive: bool) -> None:
    failures = watching(servers)
    fail(failures, *range(failing))
    assert failures.massive(1.0) == ({address(number) for number in range(failing)} if massive else set())


def test_servers_that_began_to_fail_earlier_do_not_count() -> None:
    failures = watching(10)
    fail(failures, *range(4), now=0)
    fail(failures, 4, 5, 6, 7, now=9)
    assert failures.massive(10.0) == set()
    fail(failures, 8, 9, now=11)
    assert failures.massive(12.0) == {address(number) for number in range(4, 10)}  # all that passed before
    assert failures.massive(30.0) == set()


def test_a_server_that_passes_again_counts_no_more() -> None:
    failures = watching(5)
    fail(failures, *range(5))
    failures.end_failure(key(2), address(2))
    assert not failures.massive(1.0)
    assert failures.passing == 1
    assert failures.still_failing(map(address, range(5))) == [address(n) for n in (0, 1, 3, 4)]


def test_an_address_fails_when_all_its_servers_do() -> None:
    failures = watching(5, "10.0.0.1:80", "10.0.0.2:80")
    fail(failures, *range(5))
    assert failures.passing == 5
    for number in range(5):
        failures.add_failure(key(number, "10.0.0.2:80"), address(number), 1.0, 0)
    assert len(failures.massive(1.0)) == 5


def test_another_configuration_keeps_who_fails() -> None:
    failures = watching(9)
    fail(failures, *range(8))
    failures.watch([WatchedServer(key(n), address(n), 20.0) for n in range(1, 8)])
    assert (failures.passing, len(failures.massive(1.0)), failures.window([address(1)])) == (0, 7, 20.0)
    failures.add_failure(key(99), address(99), 1.0, 0)
    assert failures.passing == 0


def test_it_is_suspected_from_the_first_failure_until_a_check_passes() -> None:
    failures = watching(20)
    assert not failures.is_suspected(0.0, 0)
    fail(failures, 0, passed=100)
    assert failures.is_suspected(1.0, 100)
    assert not failures.is_suspected(1.0, 101)
    assert not failures.is_suspected(WINDOW, 100)
    fail(failures, *range(1, 10), now=2.0, passed=101)
    assert failures.is_suspected(3.0, 102)
    assert not failures.is_suspected(3.0, 103)


def test_few_servers_raise_no_suspicion() -> None:
    failures = watching(4)
    fail(failures, *range(4))
    assert not failures.is_suspected(0.0, 0)


moves = st.lists(st.tuples(st.integers(0, 9), st.booleans(), st.floats(0, 3)), max_size=60)


@given(moves)
def test_what_counts_is_what_a_list_of_all_failures_says(steps: list[tuple[int, bool, float]]) -> None:
    failures, began, now = watching(10), dict[int, float](), 0.0
    for number, failing, seconds in steps:
        now += seconds
        if failing:
            fail(failures, number, now=now)
            began.setdefault(number, now)
        else:
            failures.end_failure(key(number), address(number))
            began.pop(number, None)
        recent = {number for number, at in began.items() if now < at + WINDOW}
        passing = 10 - len(began)
        massive = len(recent) >= 5 and len(recent) * 10 >= 9 * (len(recent) + passing)
        assert failures.passing == passing
        assert failures.massive(now) == ({address(number) for number in recent} if massive else set())


def test_a_server_that_fails_again_and_again_takes_no_more_memory() -> None:
    failures = watching(10)
    for second in range(1000):
        fail(failures, 1, now=float(second))
        failures.end_failure(key(1), address(1))
    assert len(failures._ends) <= WINDOW + 1
