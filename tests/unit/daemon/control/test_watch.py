"""``watch`` over the socket of a whole daemon: whoever applies its answers knows what ``show`` says."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path
from typing import Any

import pytest

from builders import down, unjudged, up
from harness.director_site import destination
from harness.followed import follow, rows
from harness.running_daemon import RunningDaemon, running_daemon
from harness.waiting import until
from ldirectord_py.daemon.control.feed import counts, server_feed, updates
from ldirectord_py.daemon.history import results
from ldirectord_py.errors import KernelError
from ldirectord_py.ipvs.diff import Op, Verb
from ldirectord_py.ipvs.table import Destination

WEB = """\
checkinterval = 10
failurecount = 2
virtual = 192.0.2.1:80
    real = 10.1.0.1:80 masq 2
    real = 10.1.0.2:80 masq
    real = 10.1.0.3:80 masq
    fallback = 127.0.0.1:80 masq
    service = http
virtual = 192.0.2.2:53
    real = 10.1.0.2:53 masq
    protocol = udp
    checktype = on
"""
MORE = f"""{WEB}virtual = 192.0.2.3:80
    real = 10.1.0.3:80 masq
    real = 10.1.0.4:80 masq
    service = http
    failurecount = 1
    successcount = 2
    flapthreshold = 2
    flapwindow = 3
"""
PANIC = MORE.replace("checkinterval", "panic = 60\ncheckinterval").replace("failurecount = 1", "failurecount = 3")
ADDRESSES = ("10.1.0.1", "10.1.0.2", "10.1.0.3", "10.1.0.4")
ONE = "tcp:192.0.2.1:80/10.1.0.1:80"


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    for module, name in ((server_feed, "UPDATE_INTERVAL"), (counts, "COUNTS_INTERVAL")):
        monkeypatch.setattr(module, name, 0.05)
    for module, name in ((server_feed, "EVENT_DELAY"), (counts, "WRITES_INTERVAL")):
        monkeypatch.setattr(module, name, 0.02)
    monkeypatch.setattr(counts, "COUNTS_REST", 0)
    monkeypatch.setattr(counts, "WRITES_REST", 0)


async def test_the_first_answer_has_everything_and_the_others_what_changes(tmp_path: Path) -> None:
    async with running_daemon(tmp_path, WEB) as place:
        await place.observe(up("200 OK"))
        follower = await follow(place)
        assert rows(follower.replica.answer) == rows(await place.ask("show"))
        changes = await follower.update()
        assert (changes.reals, changes.results, changes.connections) == ([], [], [])
        assert follower.replica.answer
        assert 0 <= follower.replica.answer["oldest_result"] < 5
        await place.observe(up("200 OK"))
        changes = await follower.update_with("results")
        assert (changes.results, changes.reals) == ([0, 1, 2], [])
        await place.observe(down("500 Oops"), ADDRESSES[0])
        changes = await follower.update_with("reals")
        assert (changes.reals, changes.results, changes.virtuals) == ([0], [], ["tcp:192.0.2.1:80"])
        assert rows(follower.replica.answer)[ONE]["observed"]["reason"] == "500 Oops"


async def test_another_certificate_comes_with_its_row(tmp_path: Path) -> None:
    async with running_daemon(tmp_path, WEB) as place:
        await place.observe(up("200 OK")._replace(certificate_end=1.8e9))
        follower = await follow(place)
        assert rows(follower.replica.answer)[ONE]["observed"]["certificate_end"] == "2027-01-15T08:00:00.000Z"
        await place.observe(up("200 OK")._replace(certificate_end=1.9e9), ADDRESSES[0])
        changes = await follower.update_with("reals")
        assert changes.reals == [0]
        assert rows(follower.replica.answer)[ONE]["observed"]["certificate_end"] == "2030-03-17T17:46:40.000Z"
        await follower.agrees()


async def test_connections_come_without_the_rows(tmp_path: Path) -> None:
    async with running_daemon(tmp_path, WEB) as place:
        await place.observe(up())
        follower = await follow(place)
        place.kernel.connected[destination("192.0.2.1:80", f"{ADDRESSES[0]}:80").key] = 7
        changes = await follower.update_with("connections")
        assert (changes.connections, changes.reals) == ([0], [])
        assert follower.replica.reals[0]["kernel"] == {"weight": 2, "active": 7, "inactive": 0, "persistent": 0}


async def test_only_what_is_in_trouble_comes_and_goes(tmp_path: Path) -> None:
    async with running_daemon(tmp_path, WEB) as place:
        await place.observe(up())
        follower = await follow(place, "trouble")
        assert len(rows(follower.replica.answer)) == 2  # the virtuals
        await place.observe(down(), ADDRESSES[1])
        await follower.agrees()
        assert "tcp:192.0.2.1:80/10.1.0.2:80" in rows(follower.replica.answer)
        await place.observe(up(), ADDRESSES[1])
        await follower.agrees()
        assert len(rows(follower.replica.answer)) == 2


async def test_another_configuration_comes_as_a_whole(tmp_path: Path) -> None:
    async with running_daemon(tmp_path, WEB) as place:
        follower = await follow(place)
        (tmp_path / "web.cf").write_text(MORE)
        await place.daemon.reloader.reload()
        await follower.agrees()
        assert "tcp:192.0.2.3:80/10.1.0.4:80" in rows(follower.replica.answer)
        assert [bool(answer.get("whole")) for answer in follower.answers].count(True) == 2


async def test_a_kernel_that_cannot_be_read_is_said_and_so_is_its_return(tmp_path: Path) -> None:
    async with running_daemon(tmp_path, WEB) as place:
        await place.observe(up())
        follower = await follow(place)
        assert follower.replica.answer
        for broken in (KernelError("no table"), None):
            place.kernel.broken = broken
            async with asyncio.timeout(10):
                while follower.replica.answer["kernel"]["error"] != (broken and "no table"):
                    await follower.update()
            await follower.agrees()


async def test_whoever_reads_too_slowly_begins_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(updates, "MAX_UPDATES_LENGTH", 1)
    async with running_daemon(tmp_path, WEB) as place:
        follower = await follow(place)
        for _ in range(3):
            await follower.update()
        assert all(answer["whole"] for answer in follower.answers)


async def test_a_feed_that_came_too_late_for_results_begins_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(results, "MAX_FOLLOWED", 2)
    async with running_daemon(tmp_path, WEB) as place:
        await place.observe(up("200 OK"))
        follower = await follow(place)
        await place.observe(down("500 Oops"))
        await place.observe(up("200 OK"))
        async with asyncio.timeout(30):
            while not (await follower.update()).everything:
                pass
        await follower.agrees()


async def test_many_rows_come_in_several_updates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_feed, "MAX_ROWS", 2)
    monkeypatch.setattr(server_feed, "ROWS_AT_ONCE", 1)
    async with running_daemon(tmp_path, WEB) as place:
        follower = await follow(place)
        await place.observe(up())
        await follower.agrees()
        assert max(len(answer.get("reals", ())) for answer in follower.answers) == 2


async def test_without_followers_nothing_is_done(tmp_path: Path) -> None:
    async with running_daemon(tmp_path, WEB) as place:
        follower = await follow(place)
        feed = place.daemon.control.context.feed
        assert feed.layout is not None
        place.close()
        await until(lambda: feed.layout is None, 5)
        await place.observe(up())
        last = feed.updates.last
        await asyncio.sleep(0.2)
        assert feed.updates.last == last
        assert place.daemon.director.tracker.results._followed is None
        assert follower.replica.answer


async def test_what_is_kept_of_all_servers_is_frozen_once_for_each_configuration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running_daemon(tmp_path, WEB) as place:
        frozen: list[None] = []
        monkeypatch.setattr(server_feed, "freeze_survivors", lambda: frozen.append(None))
        for _ in range(2):
            follower = await follow(place)
        assert len(frozen) == 1
        (tmp_path / "web.cf").write_text(MORE)
        await place.daemon.reloader.reload()
        await follower.agrees()
        assert len(frozen) == 2


async def test_a_failure_of_the_feed_is_logged_and_it_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(server_feed, "RETRY_DELAY", 0.05)
    async with running_daemon(tmp_path, WEB) as place:
        follower = await follow(place)
        feed = place.daemon.control.context.feed
        with monkeypatch.context() as broken:
            broken.setattr(feed, "_collect", None)
            await until(lambda: feed.layout is None, 5)
        await place.observe(down())
        await follower.agrees()
        assert "The feed of the control socket failed" in caplog.text


async def test_what_panic_counts_comes_though_no_event_says_so(tmp_path: Path) -> None:
    text = PANIC.replace("panic = 60", "panic = 80\nsuccesscount = 2")
    async with running_daemon(tmp_path, text) as place:
        for _ in range(2):
            await place.observe(up())
        follower = await follow(place)
        for result in (down(), down(), down(), up(), down(), down(), down()):
            await place.observe(result)
            await follower.agrees()
        assert follower.replica.reals[0]["observed"]["kept"]
        await place.ask("drain", names=[ADDRESSES[0]])
        for _ in range(2):
            await follower.agrees()
        await place.observe(up(), *ADDRESSES[1:])
        await place.observe(up(), *ADDRESSES[1:])
        await follower.agrees()
        await place.observe(down(), ADDRESSES[0])  # goes out, but has no weight already
        await follower.agrees()
        assert not follower.replica.reals[0]["observed"]["kept"]


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
async def test_whatever_happens_the_followers_know_it(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311
    async with running_daemon(tmp_path, WEB) as place:
        followers = {which: await follow(place, which) for which in ("all", "trouble")}
        for _ in range(12):
            for _ in range(chance.randint(1, 4)):
                await _happen(place, tmp_path, chance)
                await asyncio.sleep(chance.choice((0, 0.03)))
            if chance.random() < 0.2:
                followers["all"] = await follow(place)
            for follower in followers.values():
                await follower.agrees()


async def _happen(place: RunningDaemon, folder: Path, chance: random.Random) -> None:
    address = chance.choice(ADDRESSES)
    match chance.randrange(8):
        case 0 | 1:
            await place.observe(up(chance.choice(("200 OK", "204 Fine"))), address)
        case 2 | 3:
            await place.observe(down(chance.choice(("500 Oops", "connect refused"))), address)
        case 4:
            await place.observe(unjudged(), address)
        case 5:
            verb = chance.choice(("drain", "disable", "enable"))
            answer = await place.ask(verb, names=[address], why="a test")
            assert answer["ok"] or address == ADDRESSES[-1]  # which not every configuration has
            await place.daemon.director.reconcile()
        case 6:
            await _edit(place, chance)
        case 7:
            (folder / "web.cf").write_text(chance.choice((WEB, MORE, PANIC)))
            await place.daemon.reloader.reload()


async def _edit(place: RunningDaemon, chance: random.Random) -> None:
    """Change a row in the kernel as somebody else does."""
    held: list[Any] = [row for row in place.kernel.table.values() if isinstance(row, Destination)]
    if not held:
        return
    row = chance.choice(held)
    verb = chance.choice((Verb.EDIT, Verb.DELETE))
    await place.kernel.apply([Op(verb, row._replace(weight=chance.randrange(4)))])
    if chance.random() < 0.5:
        await place.daemon.director.reconcile(resync=True)


async def test_how_far_a_weight_has_risen_comes_though_it_is_not_written_at_each_step(tmp_path: Path) -> None:
    text = WEB.replace("checkinterval", "slowstart = 90\ncheckinterval").replace("failurecount = 2", "failurecount = 1")
    async with running_daemon(tmp_path, text) as place:
        director, loop, later = place.daemon.director, asyncio.get_running_loop(), 0.0
        director.tracker.slow_starts._clock = lambda: loop.time() + later
        for result in (up(), down(), up()):
            await place.observe(result)
        follower = await follow(place)
        for tenths in (1, 2, 3, None):
            await follower.agrees()
            assert follower.replica.reals[0]["observed"]["rising"] == tenths
            later += 10 if tenths and tenths < 3 else 1000
            await director.reconcile()
