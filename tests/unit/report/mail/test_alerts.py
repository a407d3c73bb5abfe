"""Which changes become mails, when, and to whom: a director on a kernel in memory, and a clock that tests turn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from builders import KINDS, config, down, fallback, real, up, virtual
from harness.later_calls import LaterCalls
from ldirectord_py.address import Address
from ldirectord_py.checks.base import Result
from ldirectord_py.config.load import load
from ldirectord_py.config.model import AlertStatus, CheckType, Globals, Virtual
from ldirectord_py.daemon.reconciler.compiled_config import compile_config
from ldirectord_py.daemon.reconciler.director import Director
from ldirectord_py.errors import KernelError
from ldirectord_py.ipvs.diff import Op, Verb
from ldirectord_py.ipvs.kernel import MemoryKernel
from ldirectord_py.ipvs.table import Destination
from ldirectord_py.report.mail.alerts import MailAlerts
from ldirectord_py.report.mail.message import Alert, Host, MailMessage, Route

OPS = "ops@example.net"
WEB = "10.0.0.1:80"
ADDED = "Added real server: 10.1.0.{}:80 (10.0.0.1:80) (Weight set to 1)"
DELETED = "Deleted real server: 10.1.0.{}:80 (10.0.0.1:80)"
GONE = "Inaccessible real server: 10.1.0.{}:80 (10.0.0.1:80)"


class NoDoubt:
    def is_suspected(self) -> bool:
        return False

    def is_doubted(self, address: Address) -> bool:
        return False


class Site:
    """A director, the messages that it causes, and the clock."""

    def __init__(self, *virtuals: Virtual, kernel: MemoryKernel | None = None, **settings: Any) -> None:
        self.kernel = kernel or MemoryKernel()
        self.now = 1000.0
        self.messages: list[MailMessage] = []
        self.config = config(*virtuals, **settings)
        self.mail = MailAlerts(self.config, Host("director", "root"), self._dispatch, NoDoubt(), lambda: self.now)
        self.director = Director(self.kernel, compile_config(self.config, KINDS), [self.mail])

    def _dispatch(self, message: MailMessage, holds: Callable[[Alert], bool]) -> None:
        assert all(map(holds, message.alerts))
        self.messages.append(message)

    async def check(self, result: Result, *servers: str) -> list[str]:
        """Pass in a result for these servers (without any: for all); return the new messages."""
        for check in self.director.compiled.plan:
            if not servers or str(check.target.address).rpartition(".")[2] in servers:
                self.director.observe(check, result)
        await self.director.reconcile()
        return self.new_messages()

    async def reload(self, *virtuals: Virtual, **settings: Any) -> list[str]:
        await self.director.reload(compile_config(config(*virtuals, **settings), KINDS))
        return self.new_messages()

    def after(self, seconds: float) -> list[str]:
        self.now += seconds
        self.mail.tick()
        return self.new_messages()

    def new_messages(self) -> list[str]:
        """Return ``STATUS SUBJECT`` of each message since the last call."""
        sent = [f"{message.alerts[0].status} {message.subject}" for message in self.messages]
        self.messages.clear()
        return sent


async def started(*virtuals: Virtual, **settings: Any) -> Site:
    site = Site(*virtuals, **{"emailalert": OPS, **settings})
    await site.director.start()
    return site


def web(*servers: str, **directives: Any) -> Virtual:
    reals = [real(f"10.1.0.{server}:80") for server in servers]
    return virtual(WEB, *reals, **{"emailalert": OPS, **directives})


async def test_the_first_verdicts_belong_to_the_start_and_later_ones_do_not() -> None:
    site = await started(web("1", "2"))
    assert site.new_messages() == []
    assert await site.check(up(), "1") == [f"starting {ADDED.format(1)}"]
    assert await site.check(down(), "2") == [f"starting {GONE.format(2)}"]
    assert await site.check(down(), "1") == [f"running {DELETED.format(1)}"]


async def test_a_server_that_goes_down_is_mailed_with_the_reason() -> None:
    site = await started(web("1", servicename="Shop"))
    await site.check(up())
    site.director.observe(next(iter(site.director.compiled.plan)), down("connect refused"))
    await site.director.reconcile()
    (message,) = site.messages
    assert message.subject == f"[Shop] {DELETED.format(1)}"
    assert (message.alerts[0].reason, message.recipients, message.route.server) == ("connect refused", (OPS,), None)


async def test_the_cause_of_a_flap_that_was_never_written_stands_in_no_later_mail() -> None:
    site = await started(web("1"))
    await site.check(up())
    site.messages.clear()
    (check,) = site.director.compiled.plan
    site.director.observe(check, down("connect refused"))
    site.director.observe(check, up())
    await site.director.reconcile()
    assert site.messages == []
    (row,) = (row for row in site.kernel.table.values() if isinstance(row, Destination))
    await site.kernel.apply([Op(Verb.DELETE, row)])
    await site.director.reconcile(resync=True)
    assert [(message.subject, message.alerts[0].reason) for message in site.messages] == [(ADDED.format(1), "")]


async def test_a_cause_waits_for_its_row_while_the_kernel_does_not_take_it() -> None:
    site = await started(web("1"))
    await site.check(up())
    site.messages.clear()
    (check,) = site.director.compiled.plan
    site.kernel.broken = KernelError("it is away")
    site.director.observe(check, down("connect refused"))
    await site.director.reconcile()
    assert site.messages == []
    site.kernel.broken = None
    await site.director.reconcile(resync=True)
    (message,) = site.messages
    assert (message.subject, message.alerts[0].reason) == (DELETED.format(1), "connect refused")


async def test_sender_recipients_and_server_are_those_of_the_configuration() -> None:
    site = await started(web("1", smtp="mail.example.net"), emailalertfrom="lvs@example.net")
    (check,) = site.director.compiled.plan
    routes = [Route("mail.example.net", "lvs@example.net", OPS)]
    site.director.observe(check, up())
    await site.director.reconcile()
    assert [message.route for message in site.messages] == routes
    site.messages.clear()
    await site.reload(web("1"))
    site.director.observe(check, down())
    await site.director.reconcile()
    assert [message.route for message in site.messages] == [Route(None, None, OPS)]


async def test_a_quiescent_server_and_its_fallback_are_mailed_in_the_words_of_the_original() -> None:
    site = await started(web("1", quiescent=True, fallback=fallback("127.0.0.1:80")))
    assert site.new_messages() == ["starting Added fallback server: 127.0.0.1:80 (10.0.0.1:80) (Weight set to 1)"]
    assert await site.check(up()) == [
        "starting Restored real server: 10.1.0.1:80 (10.0.0.1:80) (Weight set to 1)",
        "starting Deleted fallback server: 127.0.0.1:80 (10.0.0.1:80)",
    ]
    assert sorted(await site.check(down())) == [
        "running Added fallback server: 127.0.0.1:80 (10.0.0.1:80) (Weight set to 1)",
        "running Quiescent real server: 10.1.0.1:80 (10.0.0.1:80) (Weight set to 0)",
    ]


async def test_a_stop_mails_what_it_removes() -> None:
    site = await started(web("1"))
    await site.check(up())
    await site.director.stop()
    assert site.new_messages() == ["stopping Purged real server (stop): 10.1.0.1:80 (10.0.0.1:80)"]


async def test_a_reload_mails_its_changes_and_the_first_verdicts_of_new_servers() -> None:
    site = await started(web("1"))
    await site.check(up())
    assert await site.reload(web("2")) == ["reloading Purged real server (reload): 10.1.0.1:80 (10.0.0.1:80)"]
    assert await site.check(up()) == [f"reloading {ADDED.format(2)}"]
    assert await site.reload() == ["reloading Purged real server (reload): 10.1.0.2:80 (10.0.0.1:80)"]


async def test_what_a_reload_could_not_remove_is_mailed_when_it_is_removed_at_last() -> None:
    site = await started(web("1"))
    await site.check(up())
    site.messages.clear()
    site.kernel.broken = KernelError("ip_vs is gone")
    assert await site.reload() == []
    await site.director.reconcile()
    assert site.new_messages() == []
    site.kernel.broken = None
    await site.director.reconcile()
    assert site.new_messages() == ["running Purged real server (run): 10.1.0.1:80 (10.0.0.1:80)"]


@pytest.mark.parametrize(
    ("statuses", "expected"),
    [((AlertStatus.RUNNING,), [f"running {DELETED.format(1)}"]), ((AlertStatus.STARTING,), []), ((), [])],
)
async def test_only_the_states_of_emailalertstatus_are_mailed(
    statuses: tuple[AlertStatus, ...], expected: list[str]
) -> None:
    site = await started(web("1", emailalertstatus=statuses))
    await site.check(up())
    site.messages.clear()
    assert await site.check(down()) == expected


async def test_without_an_address_there_is_no_mail() -> None:
    site = await started(web("1", emailalert=""), emailalert="")
    assert await site.check(up()) + await site.check(down()) == []


@pytest.mark.difference("Reminders (`emailalertfreq`)")
async def test_reminders_come_while_a_server_is_down_and_not_when_it_is_up() -> None:
    site = await started(web("1", emailalertfreq=60))
    await site.check(up())
    await site.check(down())
    assert site.after(59) == []
    assert site.after(1) == [f"running {GONE.format(1)}"]
    assert site.after(59) == []
    assert site.after(61) == [f"running {GONE.format(1)}"]
    await site.check(up())
    assert site.after(600) == []


async def test_a_server_that_never_came_up_is_mailed_once_and_reminded_of() -> None:
    site = await started(web("1", emailalertfreq=60))
    assert await site.check(down()) == [f"starting {GONE.format(1)}"]
    assert await site.check(down()) == []
    assert site.after(60) == [f"running {GONE.format(1)}"]


@pytest.mark.difference("Reminders (`emailalertfreq`)")
async def test_a_reload_keeps_the_reminders_of_servers_that_stay() -> None:
    site = await started(web("1", "2", emailalertfreq=60))
    await site.check(down())
    site.after(50)
    assert await site.reload(web("2", emailalertfreq=60, comment="new")) == []
    assert site.after(10) == [f"running {GONE.format(2)}"]


async def test_a_server_that_a_reload_takes_for_up_is_not_reminded_of() -> None:
    site = await started(web("1", emailalertfreq=60))
    await site.check(down())
    await site.reload(web("1", emailalertfreq=60, checktype=CheckType.ON))
    assert site.after(600) == []


async def test_changes_within_emailalertgroup_are_one_mail() -> None:
    site = await started(web("1", "2", emailalertgroup=10))
    assert await site.check(up()) == []
    assert site.after(9) == []
    assert site.after(1) == [f"starting 2 alerts: {ADDED.format(2)}"]
    assert site.after(100) == []


async def test_only_mails_outside_of_groups_may_be_merged() -> None:
    for seconds, alone in ((0, False), (10, True)):
        site = await started(web("1", emailalertgroup=seconds))
        site.director.observe(next(iter(site.director.compiled.plan)), up())
        await site.director.reconcile()
        site.now += seconds
        site.mail.tick()
        assert [message.standalone for message in site.messages] == [alone]


async def test_a_group_omits_alerts_that_are_no_longer_true() -> None:
    site = await started(web("1", emailalertgroup=10))
    await site.check(down())
    await site.check(up())
    assert site.after(10) == [f"running {ADDED.format(1)}"]


async def test_groups_do_not_mix_recipients_and_end_at_the_stop() -> None:
    night = virtual("10.0.0.2:80", "10.1.0.1:80", emailalert="night@example.net", emailalertgroup=10)
    site = await started(web("1", emailalertgroup=10), night)
    await site.check(up())
    site.mail.flush()
    assert sorted(message.recipients for message in site.messages) == [("night@example.net",), (OPS,)]


async def test_what_a_start_takes_over_is_not_mailed() -> None:
    before = await started(web("1", quiescent=True))
    await before.check(up())
    after = Site(web("1", quiescent=True), kernel=before.kernel)
    await after.director.start()
    assert await after.check(up()) == []
    assert await after.check(down()) == ["running Quiescent real server: 10.1.0.1:80 (10.0.0.1:80) (Weight set to 0)"]


FILE = """
emailalert = "ops@example.net"
emailalertfrom = lvs@example.net
emailalertfreq = 60
emailalertstatus = running
smtp = mail.example.net
virtual = 10.0.0.1:80
    real = 10.1.0.1:80 masq
    servicename = Shop
    comment = ask Ada
"""


async def test_a_file_says_which_mails_go_to_whom_from_whom_and_by_what(tmp_path: Path) -> None:
    path = tmp_path / "web.cf"
    path.write_text(FILE)
    read = load(path).config
    site = await started(
        *read.virtuals, **{field.name: getattr(read.settings, field.name) for field in fields(Globals)}
    )
    assert await site.check(up()) == []
    (check,) = site.director.compiled.plan
    site.director.observe(check, down())
    await site.director.reconcile()
    (message,) = site.messages
    assert message.route == Route("mail.example.net", "lvs@example.net", OPS)
    assert b"Comment: ask Ada\r\n" in message.encode()
    assert site.new_messages() == [f"running [Shop] {DELETED.format(1)}"]
    assert site.after(60) == [f"running [Shop] {GONE.format(1)}"]


async def test_a_server_that_flaps_is_mailed_once() -> None:
    site = await started(web("1", "2", flapthreshold=3))
    await site.check(up())
    assert await site.check(down(), "1") == [f"running {DELETED.format(1)}"]
    assert await site.check(up(), "1") == [f"running {ADDED.format(1)}"]
    flaps = (
        "Real server 10.1.0.1:80 (tcp:10.0.0.1:80) flaps, 3 changes in 60 s: it stays out until it was good for 60 s"
    )
    said = [f"running {flaps}, unless no other server is up", f"running {DELETED.format(1)}"]
    assert await site.check(down(), "1") == said
    for _ in range(5):
        assert await site.check(up(), "1") == []
        assert await site.check(down(), "1") == []


async def test_a_weight_that_rises_is_mailed_once() -> None:
    site = await started(virtual(WEB, real("10.1.0.1:80", weight=20), emailalert=OPS, slowstart=90.0))
    site.director.tracker.slow_starts._clock = lambda: site.now
    await site.check(up())
    await site.check(down())
    added = ADDED.format(1).replace("set to 1", "set to 2")
    assert await site.check(up()) == [f"running {added}"]
    for _ in range(10):
        site.now += 10
        await site.director.reconcile()
    assert [row.weight for row in site.kernel.table.values() if isinstance(row, Destination)] == [20]
    assert site.new_messages() == []


async def test_a_panic_is_mailed_once_however_often_its_servers_come_and_go() -> None:
    site = await started(web("1", panic=50))
    later = site.director.tracker.panics._call_later = LaterCalls()
    await site.check(up())
    mails = list[str]()
    for _ in range(5):
        for result in (down(), up()):
            mails += await site.check(result)
            later.let_pass(10)
    (mail,) = mails
    assert mail.startswith("running Panic: only 0 of 1 real server of tcp:10.0.0.1:80 would stay in; ")
    later.let_pass(60)
    assert site.new_messages() == []
    assert len(await site.check(down())) == 1
