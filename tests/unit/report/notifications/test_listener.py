"""Which events become notifications, who gets them, and that nothing waits for them."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from builders import config, real, verdict_on, virtual
from ldirectord_py.administration import AdministrativeState, Decision, entry_of
from ldirectord_py.config.model import Config, Virtual
from ldirectord_py.health import HealthState, Transition
from ldirectord_py.ipvs.diff import Op, Verb
from ldirectord_py.ipvs.table import Service
from ldirectord_py.report.event_fields import EVENTS, MINOR
from ldirectord_py.report.events import (
    Administered,
    ConfigInForce,
    KernelFound,
    Outage,
    Phase,
    ReloadRefused,
    Role,
    Written,
)
from ldirectord_py.report.notifications.listener import Notifications, Recipient, recipients
from ldirectord_py.report.notifications.queue import MAX_GROUP
from ldirectord_py.report.notifications.webhook import signature
from ldirectord_py.runtime.garbage import gc_paused

from .conftest import WEB, Endpoint, fell


async def resolve(host: str, port: int) -> Sequence[str]:
    raise OSError("no such name")


def writer(folder: Path, name: str = "events") -> str:
    """Return a command that appends its input to a file."""
    return f"/bin/sh -c 'cat >> \"$0\"' {folder / name}"


def events(folder: Path, name: str = "events") -> list[dict[str, Any]]:
    path = folder / name
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def site(served: Virtual, **settings: Any) -> Config:
    """Return the configuration of a virtual that has these settings from the daemon."""
    return config(replace(served, **settings), **settings)


def notifications(loaded: Config) -> Notifications:
    return Notifications(loaded, "director", resolve)


async def test_steps_and_rows_are_quiet_and_all_other_events_are_not(tmp_path: Path) -> None:
    assert set(EVENTS) > MINOR
    notify = notifications(site(WEB, notify=writer(tmp_path)))
    soft = Transition(HealthState(up=True), HealthState(up=True, failures=1))
    notify(verdict_on(WEB, real("10.1.0.1:80"), soft, "timeout"))
    notify(Written(Op(Verb.ADD, Service(WEB.key, "rr")), None, Role.UNKNOWN, Phase.START))
    for event in (fell(), Outage(WEB, began=True), KernelFound(), ConfigInForce(site(WEB, notify=writer(tmp_path)))):
        notify(event)
    await notify.close(10)
    names = ["server-down", "outage-began", "kernel-found", "configuration-in-force"]
    assert [each["event"] for each in events(tmp_path)] == names
    assert {each["host"] for each in events(tmp_path)} == {"director"}


async def test_a_virtual_has_its_own_recipients_or_those_of_the_daemon_or_none(tmp_path: Path) -> None:
    everyone, own = writer(tmp_path), writer(tmp_path, "own")
    web = virtual("10.0.0.1:80", notify=own)
    mail = virtual("10.0.0.2:80", notify=everyone)
    quiet = virtual("10.0.0.3:80", notify="")
    notify = notifications(config(web, mail, quiet, notify=everyone))
    for each in (web, mail, quiet):
        notify(Outage(each, began=True))
    notify(KernelFound())
    await notify.close(10)
    assert [each["virtual"] for each in events(tmp_path, "own")] == ["tcp:10.0.0.1:80"]
    assert [each.get("virtual") for each in events(tmp_path)] == ["tcp:10.0.0.2:80", None]


async def test_a_webhook_and_a_command_both_get_an_event(tmp_path: Path, endpoint: Endpoint) -> None:
    notify = notifications(site(WEB, notify=writer(tmp_path), notifyurl=await endpoint.url()))
    notify(fell("refused"))
    await notify.close(10)
    assert endpoint.reasons == [["refused"]]
    assert [each["reason"] for each in events(tmp_path)] == ["refused"]


async def test_a_reload_changes_the_recipients(tmp_path: Path) -> None:
    notify = notifications(config(WEB))
    notify(fell("nobody"))
    notify(ConfigInForce(site(WEB, notify=writer(tmp_path))))
    notify(fell("somebody"))
    notify(ConfigInForce(config(WEB)))
    notify(fell("nobody again"))
    await notify.close(10)
    assert [each.get("reason") for each in events(tmp_path)] == [None, "somebody"]
    assert len(notify._queues) == 1
    notify(ConfigInForce(config(WEB)))
    assert notify._queues == {}


async def test_a_virtual_signs_with_its_own_secret_or_that_of_the_daemon(tmp_path: Path, endpoint: Endpoint) -> None:
    all_of_them, own = tmp_path / "all", tmp_path / "own"
    all_of_them.write_text("one")
    own.write_text("two")
    url = await endpoint.url()
    web = virtual("10.0.0.1:80", notifyurl=url, notifysecretfile=str(own))
    mail = virtual("10.0.0.2:80", notifyurl=url, notifysecretfile=str(all_of_them))
    notify = notifications(config(web, mail, notifyurl=url, notifysecretfile=str(all_of_them)))
    for each in (web, mail):
        notify(Outage(each, began=True))
    await notify.close(10)
    keys = {b"two": "tcp:10.0.0.1:80", b"one": "tcp:10.0.0.2:80"}
    for raw, head in zip(endpoint.raw, endpoint.heads, strict=True):
        (key,) = (key for key, name in keys.items() if name.encode() in raw)
        assert signature(key, raw) in head
    assert len(endpoint.heads) == 2


async def test_no_secret_of_a_url_reaches_the_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    url = "http://ops:hunter2@127.0.0.1:1/token?key=hunter2"
    notify = notifications(site(WEB, notifyurl=url))
    notify(fell())
    await notify.close(10)
    assert any("http://127.0.0.1:1 fail" in message for message in caplog.messages)
    assert "hunter2" not in caplog.text
    assert "token" not in caplog.text
    assert "hunter2" not in repr(recipients(site(WEB, notifyurl=url).settings))
    assert "hunter2" not in repr(site(WEB, notifyurl=url))
    assert Recipient(url, is_url=True).name == "http://127.0.0.1:1"


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # the command goes on
async def test_a_command_that_hangs_holds_nothing_up_and_the_stop_is_in_time() -> None:
    notify = notifications(site(WEB, notify="/bin/sleep 20"))
    began = time.monotonic()
    for _ in range(10_000):
        notify(fell())
    assert time.monotonic() - began < 15
    await asyncio.sleep(0.1)
    began = time.monotonic()
    await notify.close(0.3)
    assert time.monotonic() - began < 15


@pytest.mark.slow
async def test_F45_a_flood_through_real_recipients_holds_up_nothing(tmp_path: Path, endpoint: Endpoint) -> None:
    notify = notifications(site(WEB, notify=writer(tmp_path), notifyurl=await endpoint.url()))
    turns: list[float] = []

    async def measure() -> None:
        while True:
            before = time.thread_time()  # not the clock: others use this machine too
            await asyncio.sleep(0.001)
            turns.append(time.thread_time() - before)

    measuring = asyncio.create_task(measure())
    with gc_paused():  # a collection goes through all that earlier tests have left
        for number in range(10_000):
            notify(fell(str(number)))
            if number % 100 == 0:
                await asyncio.sleep(0)
        async with asyncio.timeout(60):
            while not all(queue.is_idle for queue in notify._queues.values()):
                await asyncio.sleep(0.01)
    measuring.cancel()
    await notify.close(10)
    print(f"CPU time between turns: {max(turns) * 1000:.0f} ms at most, {sorted(turns)[len(turns) // 2] * 1000:.1f} ms")
    expected = [str(number) for number in range(10_000)]
    assert [reason for reasons in endpoint.reasons for reason in reasons] == expected
    assert [each["reason"] for each in events(tmp_path)] == expected
    assert max(map(len, endpoint.reasons)) == MAX_GROUP
    assert max(turns) < 0.2


async def test_what_an_operator_does_is_told_of(tmp_path: Path) -> None:
    notify = notifications(site(WEB, notify=writer(tmp_path)))
    drained = entry_of(WEB, WEB.reals[0], AdministrativeState.DRAIN, Decision("root", 0.0, "new kernel"))
    notify(Administered(WEB, WEB.reals[0], None, drained))
    notify(ReloadRefused(("web.cf:1:1: odd; correct it",)))
    await notify.close(10)
    found = events(tmp_path)
    assert [each["event"] for each in found] == ["server-drained", "configuration-refused"]
    assert (found[0]["who"], found[0]["why"], found[0]["real"]) == ("root", "new kernel", "10.1.0.1:80")


async def test_what_was_lost_is_counted_although_its_recipient_has_left() -> None:
    notify = notifications(site(WEB, notify="/bin/false"))
    for reason in ("one", "two"):
        notify(fell(reason))
    await notify.close(10)
    assert notify.lost == 2
    notify(ConfigInForce(config(WEB)))
    assert (notify.lost, notify._queues) == (2, {})
