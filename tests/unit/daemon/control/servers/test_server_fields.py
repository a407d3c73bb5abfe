"""What is said of a server: four columns, and where two of them disagree."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest

from builders import KINDS, config, down, fallback, real, service_key, unjudged, up, virtual
from harness.director_site import WEB, destination
from ldirectord_py.administration import AdministrativeState, Decision, by_identity, entry_of
from ldirectord_py.checks.base import Result
from ldirectord_py.config.model import CheckType, Forward, Virtual
from ldirectord_py.daemon.control.servers.kernel_usage import KernelReading
from ldirectord_py.daemon.control.servers.knowledge import Knowledge, Moment, knowledge
from ldirectord_py.daemon.control.servers.observed_fields import past_results, past_transitions
from ldirectord_py.daemon.control.servers.server_fields import VirtualView
from ldirectord_py.daemon.history.transitions import TransitionHistory
from ldirectord_py.daemon.reconciler.compiled_config import compile_config
from ldirectord_py.daemon.reconciler.director import Director
from ldirectord_py.ipvs.diff import Op, Verb
from ldirectord_py.ipvs.kernel import MemoryKernel
from ldirectord_py.ipvs.table import Row, Service

ONE, TWO = "10.1.0.1", "10.1.0.2"


class Known:
    """A director whose servers are described."""

    def __init__(self, kernel: MemoryKernel, site: Virtual) -> None:
        self.kernel = kernel
        self.transitions = TransitionHistory()
        self.director = Director(kernel, compile_config(config(site), KINDS), [self.transitions])
        self.later = 0.0
        self.error: str | None = None

    async def check(self, result: Result, address: str = "") -> None:
        for check in self.director.compiled.plan:
            if address in {"", str(check.target.address)}:
                self.director.observe(check, result)
        await self.director.reconcile()

    async def view(self) -> VirtualView:
        (compiled,) = self.director.compiled.virtuals.values()
        return VirtualView(compiled, await self.knowledge())

    async def knowledge(self) -> Knowledge:
        director = self.director
        usage = {} if self.error else await self.kernel.usage(director.compiled.virtuals)
        reading = KernelReading(time.monotonic(), usage, self.error)
        now = Moment(time.monotonic() + self.later, time.time())
        return replace(knowledge(director, director.health, self.transitions, reading), now=now)

    async def real(self, address: str = ONE) -> dict[str, Any]:
        view = await self.view()
        return next(view.real(*each) for each in view.reals() if str(each[0].real.server) == address)


async def known(site: Virtual, kernel: Iterable[Row] = ()) -> Known:
    place = Known(MemoryKernel(kernel), site)
    await place.director.start()
    return place


def web(**directives: Any) -> Virtual:
    return virtual(
        WEB, real(f"{ONE}:80", name="web1", weight=2), f"{TWO}:80", fallback=fallback("127.0.0.1:80"), **directives
    )


async def test_the_four_columns_of_a_server_that_is_well() -> None:
    place = await known(web())
    await place.check(up("200 OK"))
    place.kernel.connected[destination(WEB, f"{ONE}:80").key] = 7
    found = await place.real()
    observed = found.pop("observed")
    assert found == {
        "virtual": "tcp:10.0.0.1:80",
        "real": "10.1.0.1:80",
        "row": "10.1.0.1:80",
        "name": "web1",
        "configured": {
            "weight": 2,
            "forward": "masq",
            "lower": 0,
            "upper": 0,
            "service": "http",
            "checktype": "negotiate",
            "checkinterval": 10,
            "fastinterval": None,
            "downinterval": None,
        },
        "administrative": {"state": "ready", "who": None, "since": None, "why": None, "until": None},
        "kernel": {"weight": 2, "active": 7, "inactive": 0, "persistent": 0},
        "disagrees": [],
        "trouble": [],
    }
    assert (observed["up"], observed["verdict"], observed["code"], observed["reason"]) == (True, "up", "L7OK", "200 OK")
    assert observed["latency"] == 0.01
    assert observed["age"] < 1
    assert not observed["overdue"]
    assert observed["at"].endswith("Z")
    assert observed["since"] is not None


async def test_a_virtual_and_its_fallback() -> None:
    place = await known(web(servicename="shop"))
    await place.check(up())
    fields = (await place.view()).fields()
    assert (fields["virtual"], fields["servicename"], fields["up"], fields["total"]) == (
        "tcp:10.0.0.1:80",
        "shop",
        2,
        2,
    )
    assert (fields["trouble"], fields["others"]) == ([], [])
    assert fields["fallback"] == {"server": "127.0.0.1:80", "used": False, "kernel": None, "disagrees": []}
    await place.check(down())
    fields = (await place.view()).fields()
    assert (fields["up"], fields["trouble"]) == (0, ["outage"])
    assert fields["fallback"]["used"]
    assert fields["fallback"]["kernel"]["weight"] == 1


async def test_a_server_that_is_down_says_why_and_since_when() -> None:
    place = await known(web())
    await place.check(up())
    await place.check(down(), ONE)
    found = await place.real()
    assert (found["observed"]["up"], found["observed"]["code"], found["kernel"]) == (False, "L4CON", None)
    assert found["observed"]["transition_count"] == 2
    assert (found["disagrees"], found["trouble"]) == ([], ["down"])
    (transition, former) = past_transitions(await place.knowledge(), destination(WEB, f"{ONE}:80").key)
    assert (transition["up"], transition["reason"], former["up"]) == (False, "connect refused", True)


async def test_failures_below_failurecount_are_counted() -> None:
    place = await known(web(failurecount=3))
    await place.check(up())
    await place.check(down())
    observed = (await place.real())["observed"]
    assert (observed["up"], observed["failures"], observed["failurecount"]) == (True, 1, 3)
    assert (await place.real())["trouble"] == ["failing"]


async def test_a_result_without_a_verdict_changes_nothing_but_is_told() -> None:
    place = await known(web())
    await place.check(up())
    await place.check(unjudged())
    found = await place.real()
    assert (found["observed"]["up"], found["observed"]["verdict"], found["trouble"]) == (True, "none", ["no-verdict"])


async def test_a_server_that_nothing_is_known_of_yet_is_neither_up_nor_down() -> None:
    row = destination(WEB, f"{ONE}:80", 2)
    place = await known(web(), [Service(service_key(WEB), "wrr"), row])
    found = await place.real()
    observed = found["observed"]
    assert (observed["up"], observed["age"], observed["code"], observed["since"]) == (None, None, None, None)
    assert (found["kernel"]["weight"], found["disagrees"], found["trouble"]) == (2, [], ["unknown"])
    place.later = 60
    assert (await place.real())["trouble"] == ["overdue", "unknown"]


async def test_a_check_that_is_late_is_marked() -> None:
    place = await known(web(checkinterval=10, negotiatetimeout=5))
    await place.check(up())
    place.later = 15
    assert not (await place.real())["observed"]["overdue"]
    place.later = 17
    found = await place.real()
    assert (found["observed"]["overdue"], found["trouble"]) == (True, ["overdue"])
    assert found["observed"]["age"] == pytest.approx(17, abs=0.5)


async def test_a_server_without_a_check_is_as_the_configuration_says() -> None:
    place = await known(web(checktype=CheckType.ON))
    found = await place.real()
    observed = found["observed"]
    assert (observed["up"], observed["code"], observed["reason"]) == (True, "NOCHECK", "checktype = on")
    assert (observed["overdue"], found["trouble"]) == (False, [])


async def test_maintenance_is_administrative_and_hides_no_result() -> None:
    place = await known(web())
    await place.check(up())
    place.director.set_maintenance({destination(WEB, f"{ONE}:80").key})
    await place.check(up())
    found = await place.real()
    assert (found["administrative"]["state"], found["administrative"]["who"]) == ("maintenance", "maintenancedir")
    assert (found["observed"]["up"], found["kernel"]) == (True, None)
    assert (found["disagrees"], found["trouble"]) == ([], ["maintenance"])


async def test_a_drained_server_shows_who_why_and_until_when() -> None:
    place = await known(web())
    await place.check(up())
    (site,) = (each.virtual for each in place.director.compiled.virtuals.values())
    decision = Decision("alice", 1796000000.0, "new disk", 1796003600.0)
    entry = entry_of(site, site.reals[0], AdministrativeState.DRAIN, decision)
    place.director.set_administration(by_identity([entry]))
    await place.director.reconcile()
    found = await place.real()
    assert found["administrative"] == {
        "state": "drain",
        "who": "alice",
        "since": "2026-11-30T00:53:20.000Z",
        "why": "new disk",
        "until": "2026-11-30T01:53:20.000Z",
    }
    assert (found["kernel"]["weight"], found["disagrees"], found["trouble"]) == (0, [], ["drain"])
    assert (await place.view()).up == 1


@pytest.mark.parametrize(
    ("op", "words"),
    [
        (Op(Verb.EDIT, destination(WEB, f"{ONE}:80", 9)), "weight 9 in the kernel, not 2"),
        (Op(Verb.DELETE, destination(WEB, f"{ONE}:80")), "not in the kernel"),
    ],
)
async def test_a_row_that_somebody_else_changed_disagrees(op: Op, words: str) -> None:
    place = await known(web())
    await place.check(up())
    assert await place.kernel.apply([op]) == []
    found = await place.real()
    assert (found["disagrees"], found["trouble"]) == ([words], ["disagrees"])


async def test_a_weight_that_was_set_by_hand_and_stays_disagrees_too() -> None:
    place = await known(web())
    await place.check(up())
    assert await place.kernel.apply([Op(Verb.EDIT, destination(WEB, f"{ONE}:80", 9))]) == []
    await place.director.reconcile(resync=True)
    assert (await place.real())["disagrees"] == ["weight 9 in the kernel, not 2 (set by hand)"]


async def test_a_row_that_should_not_be_there_disagrees() -> None:
    place = await known(web())
    await place.check(up())
    await place.check(down(), ONE)
    assert await place.kernel.apply([Op(Verb.ADD, destination(WEB, f"{ONE}:80", 3))]) == []
    assert (await place.real())["disagrees"] == ["in the kernel with weight 3, but should not be there"]


async def test_rows_of_no_server_are_listed() -> None:
    place = await known(web())
    await place.check(up())
    assert await place.kernel.apply([Op(Verb.ADD, destination(WEB, "10.1.0.9:80", 0))]) == []
    (other,) = (await place.view()).fields()["others"]
    kernel = {"weight": 0, "active": 0, "inactive": 0, "persistent": 0}
    assert other == {"real": "10.1.0.9:80", "administrative": None, "leaving": None, "kernel": kernel}


async def test_a_server_that_is_being_removed_is_listed_as_such() -> None:
    place = await known(web(drainremoved=60))
    await place.check(up())
    (site,) = (each.virtual for each in place.director.compiled.virtuals.values())
    await place.director.reload(compile_config(config(replace(site, reals=site.reals[1:])), KINDS))
    (other,) = (await place.view()).fields()["others"]
    assert (other["real"], other["leaving"], other["kernel"]["weight"]) == (f"{ONE}:80", "removed", 0)
    assert json.loads(json.dumps(other)) == other


async def test_a_drained_server_that_left_the_configuration_still_says_who_and_why() -> None:
    place = await known(web())
    await place.check(up())
    (site,) = (each.virtual for each in place.director.compiled.virtuals.values())
    entry = entry_of(site, site.reals[0], AdministrativeState.DRAIN, Decision("alice", 1796000000.0, "new disk"))
    place.director.set_administration(by_identity([entry]))
    await place.director.reconcile()
    await place.director.reload(compile_config(config(replace(site, reals=site.reals[1:])), KINDS))
    place.director.set_administration(by_identity([replace(entry, absent=1796000009.0)]))
    (other,) = (await place.view()).fields()["others"]
    assert (other["real"], other["kernel"]["weight"]) == (str(site.reals[0]), 0)
    assert (other["administrative"]["who"], other["administrative"]["why"]) == ("alice", "new disk")


async def test_of_servers_at_one_address_that_left_each_row_has_its_own_entry() -> None:
    place = await known(web())
    await place.check(up())
    (site,) = (each.virtual for each in place.director.compiled.virtuals.values())
    for port, why in ((81, "first"), (82, "second")):
        row = destination(WEB, f"10.1.0.9:{port}", 0)
        assert await place.kernel.apply([Op(Verb.ADD, row)]) == []
        entry = entry_of(site, real(f"10.1.0.9:{port}"), AdministrativeState.DRAIN, Decision("alice", 1.0, why))
        place.director.set_administration({**place.director.entries, entry.identity: replace(entry, absent=2.0)})
    others = (await place.view()).fields()["others"]
    shown = {other["real"]: other["administrative"]["why"] for other in others}
    assert shown == {"10.1.0.9:81": "first", "10.1.0.9:82": "second"}


async def test_where_the_kernel_cannot_be_read_nothing_is_said_of_it() -> None:
    place = await known(web())
    await place.check(up())
    place.error = "no IPVS"
    found = await place.real()
    assert (found["kernel"], found["disagrees"], found["trouble"]) == (None, [], [])


async def test_no_secret_is_told() -> None:
    place = await known(web(service="imap", login="bob", passwd="hunter2", secret="s3cret", database="vault"))
    await place.check(up())
    text = str([await place.real(), (await place.view()).fields()])
    assert not [word for word in ("bob", "hunter2", "s3cret", "vault") if word in text]


async def test_the_last_results_are_listed_and_the_oldest_of_all_is_found() -> None:
    place = await known(web())
    await place.check(up())
    await place.check(down())
    knowledge = await place.knowledge()
    first = next(iter(place.director.compiled.plan))
    results = past_results(knowledge, first)
    assert [(each["verdict"], each["code"]) for each in results] == [("down", "L4CON"), ("up", "L7OK")]
    assert past_results(knowledge, None) == []


async def test_the_row_of_a_gate_has_the_port_of_its_virtual() -> None:
    place = await known(virtual("10.0.0.1:80", real("10.1.0.1:8080", Forward.GATE)))
    found = await place.real()
    assert (found["real"], found["row"]) == ("10.1.0.1:8080", "10.1.0.1:80")


async def test_a_server_is_taken_for_well_only_if_it_has_no_trouble() -> None:
    place = await known(web(failurecount=2))
    assert not await are_well(place)
    for result, well in ((up(), True), (down(), False), (up(), True), (unjudged(), False), (down(), False)):
        await place.check(result)
        assert await are_well(place) is well
    await place.check(up())
    place.later = 60
    assert not await are_well(place)
    place.later = 0
    assert await place.kernel.apply([Op(Verb.EDIT, destination(WEB, f"{ONE}:80", 9))]) == []
    assert not await are_well(place)
    place.error = "no IPVS"
    assert await are_well(place)
    place.director.set_maintenance({destination(WEB, f"{ONE}:80").key})
    assert not await are_well(place)


async def are_well(place: Known) -> bool:
    """Return whether all servers are well, at a glance as by their fields."""
    view = await place.view()
    at_a_glance = [view.is_well(*each) for each in view.reals()]
    assert at_a_glance == [not view.real(*each)["trouble"] for each in view.reals()]
    return all(at_a_glance)


async def test_a_weight_that_rises_is_told_and_is_what_should_be_there() -> None:
    place = await known(web(slowstart=90.0))
    now = 1000.0
    place.director.tracker.slow_starts._clock = lambda: now
    for result in (up(), down(), up()):
        await place.check(result)
    found = await place.real()
    assert (found["observed"]["rising"], found["kernel"]["weight"], found["configured"]["weight"]) == (1, 1, 2)
    assert (found["disagrees"], found["trouble"]) == ([], [])
    assert (await place.real(TWO))["observed"]["rising"] is None
    now += 90
    await place.director.reconcile()
    found = await place.real()
    assert (found["observed"]["rising"], found["kernel"]["weight"], found["trouble"]) == (None, 2, [])
