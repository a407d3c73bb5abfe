"""When nearly all servers fail together: what is said, and what is mailed; by a clock that tests turn."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from builders import KINDS, config, down, fallback, up, virtual
from harness.director_site import administer
from ldirectord_py.administration import AdministrativeState
from ldirectord_py.checks.base import Result
from ldirectord_py.config.model import AlertStatus, Virtual
from ldirectord_py.daemon.reconciler.compiled_config import compile_config
from ldirectord_py.daemon.reconciler.director import Director
from ldirectord_py.daemon.self_doubt import SelfDoubt
from ldirectord_py.ipvs.kernel import MemoryKernel
from ldirectord_py.report.events import Event, SelfDoubted
from ldirectord_py.report.mail.alerts import MailAlerts
from ldirectord_py.report.mail.message import Alert, Host, MailMessage

OPS = "ops@example.net"
ALL = [f"10.1.0.{number}" for number in range(1, 11)]
BEGAN = "servers began to fail within one interval: the fault may be this director's or its network's"


class Place:
    """A director of ten servers, its doubt, what it says, and the mails."""

    def __init__(self, *virtuals: Virtual) -> None:
        self.now = 0.0
        self.doubts: list[SelfDoubted] = []
        self.mails: list[str] = []
        site = config(*virtuals)
        listeners: list[Callable[[Event], None]] = [self._listen]
        self.director = Director(MemoryKernel(), compile_config(site, KINDS), listeners)
        self.doubt = SelfDoubt(self.director, lambda: self.now)
        host, clock = Host("director", "root"), lambda: self.now
        self.mail = MailAlerts(site, host, self._dispatch, self.doubt, clock)
        listeners += [self.doubt, self.mail]

    def _listen(self, event: Event) -> None:
        if isinstance(event, SelfDoubted):
            self.doubts.append(event)

    def _dispatch(self, message: MailMessage, holds: Callable[[Alert], bool]) -> None:
        self.mails += [f"{message.recipients[0]}: {alert.subject}" for alert in message.alerts]

    async def check(self, result: Result, *addresses: str, seconds: float = 0.1) -> None:
        for address in addresses:
            self.now += seconds
            for check in self.director.compiled.plan:
                if str(check.target.address) == address:
                    self.director.observe(check, result)
            await self.director.reconcile()
            self.tick()

    def tick(self, seconds: float = 0.0) -> None:
        self.now += seconds
        self.doubt.tick()
        self.mail.tick()

    def new_mails(self) -> list[str]:
        mails, self.mails = self.mails, []
        return mails


def web(*addresses: str, **directives: Any) -> Virtual:
    reals = [f"{address}:80" for address in addresses or ALL]
    return virtual("10.0.0.1:80", *reals, **{"emailalert": OPS, "negotiatetimeout": 5, **directives})


async def started(*virtuals: Virtual) -> Place:
    place = Place(*(virtuals or (web(fallback=fallback("127.0.0.1:80")),)))
    await place.director.start()
    await place.check(up(), *ALL)
    place.mails.clear()
    return place


@pytest.mark.difference("Nearly all servers fail together")
async def test_F10_one_mail_stands_for_all_and_one_when_they_pass_again() -> None:
    place = await started()
    await place.check(down(), *ALL)
    assert place.doubts == [SelfDoubted(9, 10)]
    assert place.new_mails() == [f"{OPS}: 9 of 10 {BEGAN}"]
    assert not any(state.up for state in place.director.health.values())
    await place.check(up(), *ALL)
    assert place.doubts[1:] == [SelfDoubted(10, 10, over=True)]
    assert place.new_mails() == [f"{OPS}: Of 10 servers that began to fail together, 10 pass again"]
    assert all(state.up for state in place.director.health.values())
    await place.check(down(), ALL[0])
    await place.check(up(), ALL[1])
    assert place.new_mails() == [f"{OPS}: Deleted real server: 10.1.0.1:80 (10.0.0.1:80)"]


async def test_a_server_that_fails_alone_is_mailed_as_soon_as_another_passes() -> None:
    place = await started()
    await place.check(down(), ALL[0])
    assert place.new_mails() == []
    await place.check(up(), ALL[1])
    assert place.new_mails() == [f"{OPS}: Deleted real server: 10.1.0.1:80 (10.0.0.1:80)"]
    assert place.doubts == []


async def test_a_mail_waits_for_an_interval_at_most() -> None:
    place = await started()
    await place.check(down(), ALL[0])
    place.tick(14.8)
    assert place.new_mails() == []
    place.tick(0.2)
    assert len(place.new_mails()) == 1


async def test_half_of_the_servers_are_mailed_each() -> None:
    place = await started()
    await place.check(down(), *ALL[:5])
    await place.check(up(), *ALL[5:])
    assert (len(place.new_mails()), place.doubts) == (5, [])


async def test_four_servers_are_never_doubted_and_mailed_at_once() -> None:
    place = await started(web(*ALL[:4]))
    await place.check(down(), *ALL[:3])
    assert (len(place.new_mails()), place.doubts) == (3, [])


async def test_servers_that_do_not_pass_again_are_named_when_the_others_have() -> None:
    place = await started()
    await place.check(down(), *ALL)
    place.mails.clear()
    await place.check(up(), *ALL[:7])
    assert place.doubts[1:] == []
    place.tick(15)
    still = ("10.1.0.10", "10.1.0.8", "10.1.0.9")
    assert place.doubts[1:] == [SelfDoubted(10, 10, over=True, still=still)]
    assert place.new_mails() == [
        f"{OPS}: Of 10 servers that began to fail together, 7 pass again; still failing: {', '.join(still)}"
    ]
    await place.check(up(), ALL[7])
    assert place.new_mails() == [f"{OPS}: Added real server: 10.1.0.8:80 (10.0.0.1:80) (Weight set to 1)"]


async def test_a_network_that_comes_and_goes_keeps_the_doubt() -> None:
    place = await started()
    await place.check(down(), *ALL)
    await place.check(up(), ALL[0])
    place.tick(5)
    await place.check(down(), ALL[0])
    place.tick(100)
    assert len(place.doubts) == 1
    await place.check(up(), *ALL)
    assert len(place.doubts) == 2


async def test_one_that_passes_of_many_ends_no_doubt() -> None:
    many = [f"10.1.1.{number}" for number in range(1, 51)]
    place = await started(web(*many))
    await place.check(up(), *many)
    await place.check(down(), *many)
    await place.check(up(), many[0])
    place.tick(100)
    place.tick(100)
    assert len(place.doubts) == 1


async def test_a_start_at_which_all_fail_is_one_mail() -> None:
    place = Place(web())
    await place.director.start()
    await place.check(down(), *ALL)
    assert place.new_mails() == [f"{OPS}: 9 of 10 {BEGAN}"]


async def test_virtuals_of_the_same_servers_are_one_doubt_and_all_recipients_get_one_mail() -> None:
    other = virtual("10.0.0.2:80", *(f"{each}:80" for each in ALL), emailalert="web@example.net", servicename="Shop")
    third = virtual("10.0.0.3:80", f"{ALL[0]}:80", emailalert=OPS)
    place = await started(web(), other, third)
    await place.check(down(), *ALL)
    assert len(place.doubts) == 1
    assert sorted(place.new_mails()) == [f"{OPS}: 9 of 10 {BEGAN}", f"web@example.net: 9 of 10 {BEGAN}"]


async def test_panic_is_no_mail_of_its_own_while_the_director_doubts_itself() -> None:
    place = await started(web(panic=50))
    await place.check(down(), *ALL)
    assert place.new_mails() == [f"{OPS}: 9 of 10 {BEGAN}"]
    await place.check(up(), *ALL)
    assert len(place.new_mails()) == 1


async def test_a_reload_keeps_the_doubt_and_servers_that_leave_end_it() -> None:
    place = await started()
    await place.check(down(), *ALL)
    await place.director.reload(compile_config(config(web(scheduler="rr")), KINDS))
    place.tick(30)
    assert len(place.doubts) == 1
    await place.check(up(), *ALL)
    assert [doubt.over for doubt in place.doubts] == [False, True]


async def test_maintenance_is_no_failure() -> None:
    place = await started()
    place.director.set_maintenance(set(place.director.health))
    await place.director.reconcile()
    place.tick()
    assert place.doubts == []


async def test_what_is_held_is_sent_at_the_end() -> None:
    place = await started()
    await place.check(down(), ALL[0])
    place.mail.flush()
    assert len(place.new_mails()) == 1


async def test_what_an_operator_does_meanwhile_is_mailed() -> None:
    place = await started(web(quiescent=True))
    await place.check(down(), *ALL[:9])
    await place.check(down(), ALL[0])
    place.mails.clear()
    administer(place.director, {9: AdministrativeState.DRAIN})
    await place.director.reconcile()
    assert place.new_mails() == [f"{OPS}: Quiescent real server: 10.1.0.10:80 (10.0.0.1:80) (Weight set to 0)"]


async def test_a_server_that_fails_long_after_the_others_is_mailed_though_the_doubt_lasts() -> None:
    place = await started(web(fallback=fallback("127.0.0.1:80")))
    await place.check(down(), *ALL[:9])
    await place.check(up(), ALL[9])
    place.mails.clear()
    place.tick(3600)
    await place.check(down(), ALL[9])
    place.tick(15)
    assert place.new_mails() == [f"{OPS}: Deleted real server: 10.1.0.10:80 (10.0.0.1:80)"]
    assert len(place.doubts) == 1


async def test_a_server_that_passed_again_alone_and_fails_anew_is_mailed_though_the_doubt_lasts() -> None:
    many = [f"10.1.1.{number}" for number in range(1, 51)]
    place = await started(web(*many))
    await place.check(up(), *many)
    await place.check(down(), *many)
    await place.check(up(), many[0])
    place.tick(15)
    place.tick(100)
    place.mails.clear()
    await place.check(down(), many[0])
    place.tick(15)
    assert place.new_mails() == [f"{OPS}: Deleted real server: 10.1.1.1:80 (10.0.0.1:80)"]
    assert len(place.doubts) == 1
    await place.check(up(), *many)
    assert place.doubts[1:] == [SelfDoubted(50, 50, over=True)]


async def test_servers_that_a_reload_removes_end_the_doubt() -> None:
    place = await started()
    await place.check(down(), *ALL)
    await place.director.reload(compile_config(config(web("10.1.0.11")), KINDS))
    place.tick()
    place.tick()
    assert [doubt.over for doubt in place.doubts] == [False, True]


async def test_who_wants_no_mails_of_the_running_daemon_gets_each_of_the_start() -> None:
    place = Place(web(emailalertstatus=frozenset({AlertStatus.STARTING})))
    await place.director.start()
    await place.check(down(), *ALL)
    assert len(place.new_mails()) == 10
    assert len(place.doubts) == 1
