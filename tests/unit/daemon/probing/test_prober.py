"""The prober on a loop whose clock the test sets: no test here waits."""

from __future__ import annotations

import asyncio
import selectors
from collections import Counter, defaultdict
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import replace
from ipaddress import ip_address
from itertools import pairwise
from typing import Any
from unittest.mock import patch

import pytest

from ldirectord_py.checks.base import Check, Checker, Result, Target
from ldirectord_py.checks.limits import MAX_HANDSHAKES
from ldirectord_py.checks.transport.handshakes import Handshake
from ldirectord_py.daemon.probing.prober import FIRST_PROBE_INTERVAL, Prober
from ldirectord_py.errors import CheckFailed
from ldirectord_py.health import Pace, Rules, Verdict
from ldirectord_py.runtime import stalls
from ldirectord_py.runtime.limiter import Limiter, Room
from ldirectord_py.runtime.timer_wheel import TICK


class _Turned(selectors.SelectSelector):
    """Never waits: the clock jumps to when the next timer is due."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if not ready and timeout:
            self.now += timeout
        return ready


def in_fake_time(story: Coroutine[Any, Any, None]) -> None:
    selector = _Turned()
    loop = asyncio.SelectorEventLoop(selector)
    loop.time = lambda: selector.now  # type: ignore[method-assign]
    loop.set_debug(False)
    try:
        with patch.object(stalls, "_SCHEDSTAT", "/nowhere"):  # real waits for a processor are not of this time
            loop.run_until_complete(story)
    finally:
        loop.close()


def checks(count: int, interval: float = 10, timeout: float = 3) -> list[Check]:
    return [Check("http", Target(ip_address(0x0A010000 + n), 80, timeout), interval) for n in range(count)]


def unlimited(_: Check) -> None:
    return None


def suspend(seconds: float) -> None:
    """Let this time pass without a turn of the loop, as while the host sleeps."""
    asyncio.get_running_loop()._selector.now += seconds  # type: ignore[attr-defined]


class Probed:
    """What a prober did: when each check's probes began, and its results."""

    def __init__(
        self,
        behaviour: Callable[[Target], float] = lambda _: 0.0,
        room_for: Callable[[Check], Room | None] = unlimited,
    ) -> None:
        self.began: Mapping[Target, list[float]] = defaultdict(list)
        self.results: list[tuple[Check, Result]] = []
        self.in_flight: Counter[Target] = Counter()
        self._behaviour = behaviour
        self.prober = Prober(lambda check, result: self.results.append((check, result)), self._checker_for, room_for)

    def _checker_for(self, check: Check) -> Checker:
        return self._check

    async def _check(self, target: Target) -> str:
        self.began[target].append(asyncio.get_running_loop().time())
        self.in_flight[target] += 1
        assert self.in_flight[target] == 1
        try:
            await asyncio.sleep(self._behaviour(target))
        finally:
            self.in_flight[target] -= 1
        return "ok"

    async def probe(self, all_checks: list[Check], seconds: float) -> None:
        self.prober.set_checks(all_checks)
        await asyncio.sleep(seconds)


def test_every_check_begins_unlimited_and_goes_on_every_interval() -> None:
    async def story() -> None:
        probed = Probed()
        await probed.probe(checks(100), 60)
        await probed.prober.close()
        firsts = [times[0] for times in probed.began.values()]
        assert (len(firsts), max(firsts) <= 0.5) == (100, True)
        for times in probed.began.values():
            gaps = [after - before for before, after in pairwise(times)]
            assert gaps[0] <= 10 + 1e-6
            assert gaps[1:] == pytest.approx([10] * (len(gaps) - 1))

    in_fake_time(story())


def test_probes_spread_evenly_over_the_interval() -> None:
    async def story() -> None:
        probed = Probed()
        await probed.probe(checks(1000), 40)
        await probed.prober.close()
        seconds = Counter(int(time) for times in probed.began.values() for time in times if 20 <= time < 30)
        assert sum(seconds.values()) == 1000
        assert max(seconds.values()) - min(seconds.values()) <= 5

    in_fake_time(story())


@pytest.mark.parametrize("interval", [0.1, 0.15, 0.7, 1.5])
def test_an_interval_that_is_no_multiple_of_ticks_is_exact_on_average(interval: float) -> None:
    async def story() -> None:
        probed = Probed()
        await probed.probe(checks(10, interval), 60 + interval)
        await probed.prober.close()
        for times in probed.began.values():
            later = [time for time in times[1:] if time < times[1] + 60 - 2 * TICK]
            assert len(later) == pytest.approx(60 / interval, abs=1)
            gaps = [after - before for before, after in pairwise(later)]
            assert max(abs(gap - interval) for gap in gaps) < TICK + 1e-6

    in_fake_time(story())


def test_the_interval_is_short_until_a_verdict_is_settled_and_long_while_a_server_is_down() -> None:
    async def story() -> None:
        down = range(35, 90)
        probed = Probed(lambda _: 60.0 if int(asyncio.get_running_loop().time()) in down else 0.0)
        pace = Pace(fast=1, down=20, rules=Rules(fall=3, rise=2))
        (check,) = (replace(check, pace=pace) for check in checks(1, timeout=0.5))
        await probed.probe([check], 160)
        await probed.prober.close()
        times = probed.began[check.target]
        gaps = [round(after - before) for before, after in pairwise(times)]
        first = next(index for index, time in enumerate(times) if time >= down.start)
        assert gaps[0] == 1  # two successes settle it
        assert set(gaps[2 : first - 1]) == {10}
        assert gaps[first : first + 2] == [1, 1]  # three failures
        assert times[first + 2] <= down.start + 10 + 2 + TICK
        assert gaps[first + 2] == 20
        back = next(index for index, time in enumerate(times) if time >= down.stop)
        assert times[back] <= down.stop + 20
        assert gaps[back] == 1
        assert set(gaps[back + 2 :]) == {10}
        assert (times[-1] - times[first - 1]) % 10 == pytest.approx(0)  # back in its slots

    in_fake_time(story())


def test_it_reports_how_late_each_probe_begins() -> None:
    async def story() -> None:
        turns, lateness = Limiter(1), defaultdict[str, list[float]](list)

        async def check(target: Target) -> str:
            await asyncio.sleep(1.0)
            return "ok"

        all_checks = [Check("script", check.target, 10) for check in checks(3)] + [
            Check("free", checks(1)[0].target, 10)
        ]
        prober = Prober(
            lambda check, result: None,
            lambda _: check,
            lambda check: turns if check.kind == "script" else None,
            lambda check, seconds: lateness[check.kind].append(seconds),
        )
        prober.set_checks(all_checks)
        await asyncio.sleep(3.5)
        await prober.close()
        waits = [0, 1 - FIRST_PROBE_INTERVAL, 2 - 2 * FIRST_PROBE_INTERVAL]
        assert lateness["script"][:3] == pytest.approx(waits, abs=TICK)
        assert max(lateness["free"]) == pytest.approx(0)

    in_fake_time(story())


def test_checks_that_wait_for_long_are_logged_once_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    async def story() -> None:
        turns = Limiter(1)
        probed = Probed(lambda _: 2.0, lambda _: turns)
        await probed.probe(checks(20, interval=10), 100)
        await probed.prober.close()

    in_fake_time(story())
    assert {message.split(" begins ")[0] for message in caplog.messages} == {"A check of kind http"}
    assert len(caplog.messages) == 2


def test_F1_a_slow_server_delays_only_itself() -> None:
    async def story() -> None:
        slow, *others = checks(50, interval=2)
        probed = Probed(lambda target: 60.0 if target == slow.target else 0.0)
        await probed.probe([slow, *others], 20)
        await probed.prober.close()
        assert all(len(probed.began[other.target]) >= 10 for other in others)
        assert {result.verdict for check, result in probed.results if check == slow} == {Verdict.DOWN}

    in_fake_time(story())


@pytest.mark.difference("When")
def test_F2_all_that_go_dark_unlimited_are_found_within_interval_and_timeout() -> None:
    async def story() -> None:
        dark_from = 15.0
        probed = Probed(lambda _: 60.0 if asyncio.get_running_loop().time() >= dark_from else 0.0)
        found: dict[Check, float] = {}

        def record(check: Check, result: Result) -> None:
            if result.verdict is Verdict.DOWN:
                found.setdefault(check, asyncio.get_running_loop().time())

        prober = Prober(record, probed._checker_for, unlimited)
        all_checks = checks(500, interval=2, timeout=3)
        prober.set_checks(all_checks)
        await asyncio.sleep(30)
        await prober.close()
        assert len(found) == 500
        assert max(found.values()) <= dark_from + 2 + 3 + 0.01

    in_fake_time(story())


def test_a_probe_longer_than_its_interval_is_followed_by_one_not_by_a_burst() -> None:
    async def story() -> None:
        (check,) = checks(1, interval=2)
        probed = Probed(lambda _: 2.5)
        await probed.probe([check], 30)
        await probed.prober.close()
        times = probed.began[check.target]
        assert min(after - before for before, after in pairwise(times)) >= 2.5

    in_fake_time(story())


def test_F42_after_this_host_slept_the_checks_are_in_their_slots_again_one_round_and_no_burst() -> None:
    async def story() -> None:
        probed = Probed()
        await probed.probe(checks(1000), 35.1)
        suspend(600)
        await asyncio.sleep(30)
        await probed.prober.close()
        times = [time for times in probed.began.values() for time in times]
        for second in range(30):
            began = sum(635.1 + second <= time < 636.1 + second for time in times)
            assert began == pytest.approx(100, abs=6)

    in_fake_time(story())


def test_checks_that_are_put_off_after_this_host_slept_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    async def story() -> None:
        probed = Probed()
        await probed.probe(checks(10), 35)
        suspend(600)
        await asyncio.sleep(30)
        await probed.prober.close()

    in_fake_time(story())
    (message,) = caplog.messages
    assert message.startswith("A check of kind http begins ")


@pytest.mark.parametrize(("interval", "turn"), [(0.1, 0.2), (1, 5)])
def test_no_check_starves_where_each_turn_of_the_loop_outlasts_the_interval(interval: float, turn: float) -> None:
    async def story() -> None:
        loop = asyncio.get_running_loop()

        def hold_up() -> None:
            suspend(turn)
            loop.call_later(0.001, hold_up)

        probed = Probed()
        loop.call_later(1, hold_up)
        await probed.probe(checks(5, interval), 200)
        await probed.prober.close()
        for times in probed.began.values():
            assert max(after - before for before, after in pairwise([*times, 200])) <= 4 * turn

    in_fake_time(story())


def test_F27_a_check_that_stays_keeps_its_probe_in_flight_and_its_clock() -> None:
    async def story() -> None:
        stays, goes, comes = checks(3)
        probed = Probed(lambda _: 2.0)
        await probed.probe([stays, goes], 1)
        assert probed.in_flight[stays.target] == probed.in_flight[goes.target] == 1
        await probed.probe([comes, stays], 30)
        await probed.prober.close()
        alone = Probed(lambda _: 2.0)
        assert len(probed.began[goes.target]) == 1
        assert probed.results[0][0] == stays
        assert probed.began[stays.target][0] == 0
        await alone.prober.close()

    in_fake_time(story())


def test_F26_no_check_starves_under_reloads_faster_than_the_timeout() -> None:
    async def story() -> None:
        all_checks = checks(20, interval=2, timeout=3)
        probed = Probed(lambda _: 60.0)
        for _ in range(200):
            await probed.probe(list(all_checks), 0.1)
        await probed.prober.close()
        down = Counter(check for check, result in probed.results if result.verdict is Verdict.DOWN)
        assert [down[check] for check in all_checks] == [pytest.approx(6, abs=1)] * 20

    in_fake_time(story())


def test_F34_a_fault_of_the_listener_does_not_end_the_check() -> None:
    async def story() -> None:
        seen: list[Result] = []

        def report(check: Check, result: Result) -> None:
            seen.append(result)
            raise RuntimeError("a fault of ours")

        prober = Prober(report, Probed()._checker_for, unlimited)
        prober.set_checks(checks(1, interval=1))
        await asyncio.sleep(10)
        await prober.close()
        assert len(seen) >= 9

    in_fake_time(story())


def test_F16_scripts_are_limited_while_others_are_on_time_and_no_wait_counts_against_a_deadline() -> None:
    async def story() -> None:
        turns, most = Limiter(10), 0
        scripts = [Check("external", replace(check.target, port=1), 30) for check in checks(100)]
        others = checks(20)

        def behaviour(target: Target) -> float:
            nonlocal most
            most = max(most, turns.acquired)
            return 2.5 if target.port == 1 else 0.0

        probed = Probed(behaviour, lambda check: turns if check.kind == "external" else None)
        await probed.probe([*scripts, *others], 100)
        await probed.prober.close()
        assert (most, turns.acquired) == (10, 0)
        verdicts = {result.verdict for check, result in probed.results if check in scripts}
        assert verdicts == {Verdict.UP}  # each took 2.5 s of its 3
        assert max(probed.began[script.target][0] for script in scripts) <= 100 / 10 * 2.5 + 3
        for other in others:
            gaps = [after - before for before, after in pairwise(probed.began[other.target])]
            assert gaps[1:] == pytest.approx([10] * (len(gaps) - 1))

    in_fake_time(story())


def test_at_the_limit_checks_are_late_but_never_down_and_it_is_logged_once_and_when_it_is_over(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def story() -> None:
        slow = True
        probed = Probed(lambda _: 2.0 if slow else 0.1)
        probed.prober.in_flight.limit = 10
        await probed.probe(checks(100, interval=10), 60)
        all_began = [began for times in probed.began.values() for began in times]
        assert max(sum(began <= at < began + 2 for began in all_began) for at in range(60)) == 10
        slow = False
        await asyncio.sleep(60)
        assert {result.verdict for _, result in probed.results} == {Verdict.UP}
        assert probed.prober.in_flight.waited > 100
        await probed.prober.close()

    with caplog.at_level("WARNING"):
        in_fake_time(story())
    warnings = [message for message in caplog.messages if "kind http" not in message]
    assert [message.split(", ")[0] for message in warnings] == ["10 checks are in flight", "Checks begin on time again"]


def test_a_check_that_waits_for_the_limit_can_be_ended() -> None:
    async def story() -> None:
        first, second, third = checks(3)
        probed = Probed(lambda _: 2.0)
        probed.prober.in_flight.limit = 1
        await probed.probe([first, second, third], 1)
        await probed.probe([first, third], 30)
        assert not probed.began[second.target]
        assert len(probed.began[third.target]) >= 3
        await probed.prober.close()

    in_fake_time(story())


@pytest.mark.slow
def test_servers_that_hang_in_tls_hold_up_nobody_else() -> None:
    async def story() -> None:
        late, limiter = Counter[Target](), Limiter(MAX_HANDSHAKES)
        hung, well = checks(2000, interval=2), [replace(check, kind="imaps") for check in checks(2000, interval=2)]
        probed = Probed(lambda _: 0.01, lambda _: Handshake(limiter))

        def checker_for(check: Check) -> Checker:
            return hang if check.kind == "http" else probed._check

        async def hang(_: Target) -> str:
            await asyncio.Event().wait()
            return ""

        def record(check: Check, seconds: float) -> None:
            if check.kind == "imaps" and asyncio.get_running_loop().time() > 20:
                late[check.target] = max(late[check.target], seconds)  # type: ignore[assignment]

        prober = Prober(lambda check, result: None, checker_for, lambda _: Handshake(limiter), record)
        prober.set_checks([*hung, *well])
        await asyncio.sleep(40)
        await prober.close()
        assert (len(late), max(late.values()) < 0.25, limiter.acquired) == (2000, True, 0)

    in_fake_time(story())


@pytest.mark.slow
def test_no_room_for_a_handshake_expires_while_its_check_waits_for_room_in_flight() -> None:
    async def story() -> None:
        most, limiter = 0, Limiter(MAX_HANDSHAKES)

        def behaviour(_: Target) -> float:
            nonlocal most
            most = max(most, sum(probed.in_flight.values()))
            assert limiter.acquired == sum(probed.in_flight.values())  # each that begins has its turn
            return 0.05

        probed = Probed(behaviour, lambda _: Handshake(limiter))
        probed.prober.in_flight.limit = 10
        await probed.probe(checks(5000, interval=10), 30)
        await probed.prober.close()
        assert (most, limiter.acquired) == (10, 0)
        assert {result.verdict for _, result in probed.results} == {Verdict.UP}

    in_fake_time(story())


def test_a_pause_is_not_logged_as_a_lack_of_room(caplog: pytest.LogCaptureFixture) -> None:
    async def story() -> None:
        probed = Probed()
        probed.prober.in_flight.limit = 0
        await probed.probe(checks(3), 5)
        assert not probed.began
        probed.prober.in_flight.limit = 3
        await asyncio.sleep(20)
        assert len(probed.began) == 3
        await probed.prober.close()

    in_fake_time(story())
    assert caplog.messages == []


class Stalling:
    """A checker during which this process stands still for ``seconds`` of each probe of the first so many."""

    def __init__(self, stalls: int, seconds: float = 1.5) -> None:
        self.probes = 0
        self._stalls = stalls
        self._seconds = seconds

    async def __call__(self, _: Target) -> str:
        self.probes += 1
        await asyncio.sleep(0.1)
        if self.probes <= self._stalls:
            suspend(self._seconds)
        await asyncio.sleep(0.1)
        raise CheckFailed("closed by server")


@pytest.mark.parametrize(
    ("stalls", "probes", "verdict"),
    [(0, 1, Verdict.DOWN), (1, 2, Verdict.DOWN), (3, 4, Verdict.DOWN), (4, 4, Verdict.NONE)],
)
def test_F43_a_failure_while_this_process_stood_still_is_probed_again_unlimited(
    stalls: int, probes: int, verdict: Verdict
) -> None:
    async def story() -> None:
        results = list[tuple[int, Verdict]]()
        checker = Stalling(stalls)

        def record(_: Check, result: Result) -> None:
            results.append((checker.probes, result.verdict))

        prober = Prober(record, lambda _: checker, unlimited)
        prober.set_checks(checks(1, interval=100))
        await asyncio.sleep(30)
        await prober.close()
        assert results == [(probes, verdict)]
        assert prober.counts.repeated == probes - 1
        assert (prober.counts.stalls > 0, prober.counts.stalled_seconds > 1) == (stalls > 0, stalls > 0)

    in_fake_time(story())


def test_a_check_that_is_to_be_probed_again_can_be_ended() -> None:
    async def story() -> None:
        checker = Stalling(1)
        prober = Prober(lambda check, result: None, lambda _: checker, unlimited)
        held = list[Callable[[], None]]()

        def hold(begin: Callable[[], None], *, first: bool = False) -> None:
            held.append(begin)

        prober.admission.admit = hold  # type: ignore[method-assign]
        prober.set_checks(checks(1, interval=100))
        await asyncio.sleep(1)
        held.pop()()
        await asyncio.sleep(5)
        await prober.close()
        assert (checker.probes, len(held)) == (1, 1)
        held.pop()()
        await asyncio.sleep(5)
        assert checker.probes == 1

    in_fake_time(story())


def test_a_probe_out_of_turn_is_neither_reported_nor_does_it_move_the_slots() -> None:
    async def story() -> None:
        probed = Probed(lambda _: 1.0)
        (check,) = checks(1)
        probed.prober.set_checks([check])
        await asyncio.sleep(12)
        began = list(probed.began[check.target])
        result = await asyncio.create_task(probed.prober.probe_once(check))
        assert (result.verdict, result.seconds > 0) == (Verdict.UP, True)
        assert len(probed.results) == len(began)
        await asyncio.sleep(20)
        scheduled = [time for time in probed.began[check.target] if time != 12]
        assert all(later - earlier == pytest.approx(10, abs=TICK) for earlier, later in pairwise(scheduled[1:]))
        await probed.prober.close()

    in_fake_time(story())
