"""``show`` over the socket of a whole daemon."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest

from builders import down, up
from harness.running_daemon import running_daemon
from ldirectord_py.errors import KernelError
from ldirectord_py.ipvs.diff import Op, Verb
from ldirectord_py.ipvs.table import Destination

WEB = """\
checkinterval = 10
virtual = 192.0.2.1:80
    real = 10.1.0.1:80 masq 2
    real = 10.1.0.2:80 masq
    fallback = 127.0.0.1:80 masq
    service = http
virtual = 192.0.2.2:53
    real = 10.1.0.2:53 masq
    protocol = udp
    checktype = on
"""
ONE, TWO = "10.1.0.1", "10.1.0.2"


def reals(answer: Any) -> dict[str, Any]:
    return {f"{real['virtual']}/{real['real']}": real for virtual in answer["virtuals"] for real in virtual["reals"]}


async def test_all_servers_with_the_age_of_the_oldest_result(tmp_path: Path) -> None:
    async with running_daemon(tmp_path, WEB) as place:
        assert (await place.ask("show"))["oldest_result"] is None
        await place.observe(up())
        answer = await place.ask("show")
        assert (answer["ok"], answer["kernel"]["error"], answer["generation"]) == (True, None, 1)
        assert 0 <= answer["oldest_result"] < 5
        assert list(reals(answer)) == [
            "tcp:192.0.2.1:80/10.1.0.1:80",
            "tcp:192.0.2.1:80/10.1.0.2:80",
            "udp:192.0.2.2:53/10.1.0.2:53",
        ]
        assert {real["observed"]["up"] for real in reals(answer).values()} == {True}
        assert [each["up"] for each in answer["virtuals"]] == [2, 1]


async def test_only_what_is_in_trouble_or_down(tmp_path: Path) -> None:
    async with running_daemon(tmp_path, WEB.replace("http", "http\n    failurecount = 2")) as place:
        await place.observe(up())
        await place.observe(down())
        await place.observe(down(), ONE)
        found = {which: list(reals(await place.ask("show", which=which))) for which in ("all", "trouble", "down")}
        assert [len(each) for each in found.values()] == [3, 2, 1]
        assert found["down"] == ["tcp:192.0.2.1:80/10.1.0.1:80"]
        refused = await place.ask("show", which="nonsense")
        assert refused["error"]["message"] == "which has to be one of all, trouble, down"


async def test_named_servers_with_their_history(tmp_path: Path) -> None:
    async with running_daemon(tmp_path, WEB) as place:
        for result in (up("200 OK"), down(), up("201 Created")):
            await place.observe(result, TWO)
        answer = await place.ask("show", names=["192.0.2.1:80/10.1.0.2"], details=True)
        ((name, real),) = reals(answer).items()
        assert name == "tcp:192.0.2.1:80/10.1.0.2:80"
        assert [each["reason"] for each in real["results"]] == ["201 Created", "connect refused", "200 OK"]
        assert [each["up"] for each in real["transitions"]] == [True, False, True]
        assert "results" not in reals(await place.ask("show", names=[TWO]))[name]


@pytest.mark.parametrize(
    ("names", "count"), [([TWO], 2), (["10.1.0.*"], 3), (["udp:192.0.2.2:53"], 1), ([ONE, TWO], 3), (["*:80"], 2)]
)
async def test_names_choose_servers(tmp_path: Path, names: list[str], count: int) -> None:
    async with running_daemon(tmp_path, WEB) as place:
        assert len(reals(await place.ask("show", names=names))) == count


async def test_an_unknown_name_is_an_error_that_suggests_others(tmp_path: Path) -> None:
    async with running_daemon(tmp_path, WEB) as place:
        answer = await place.ask("show", names=["10.1.0.1:81"])
        assert (answer["ok"], answer["error"]["code"]) == (False, "not_found")
        assert answer["error"]["message"].startswith("no real server 10.1.0.1:81; did you mean 10.1.0.1:80")
        assert (await place.ask("show", names=["x"] * 101))["error"]["code"] == "bad_request"


async def test_a_kernel_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    async with running_daemon(tmp_path, WEB) as place:
        await place.observe(up())
        place.kernel.broken = KernelError("no IPVS")
        answer = await place.ask("show")
        assert answer["kernel"]["error"] == "no IPVS"
        assert {real["kernel"] and real["disagrees"] for real in reals(answer).values()} == {None}


@pytest.mark.slow
async def test_a_reload_while_the_answer_is_sent_harms_nothing(tmp_path: Path) -> None:
    """The client reads nothing until another configuration is in force, so that most rows are made after it."""
    many = "".join(f"    real = 10.2.{n // 250}.{n % 250 + 1}:80 masq\n" for n in range(2000))
    text = f"virtual = 192.0.2.1:80\n{many}    service = http\n"
    async with running_daemon(tmp_path, text) as place:
        await place.observe(up())
        client = await place.connect()
        client.send({"request": "show", "details": True})
        await asyncio.sleep(0.3)
        (tmp_path / "web.cf").write_text(WEB)
        await place.daemon.reloader.reload()
        answer = await client.answer()
        assert len(reals(answer)) == 2000
        assert {real["observed"]["up"] for real in reals(answer).values()} <= {True, None}
        assert len(reals(await place.ask("show"))) == 3


@pytest.mark.slow
@pytest.mark.parametrize("which", ["all", "down"])
async def test_an_answer_about_many_servers_delays_the_loop_by_milliseconds(tmp_path: Path, which: str) -> None:
    reals_of_one = "".join(f"    real = 10.1.{n // 250}.{n % 250 + 1}:80 masq\n" for n in range(1000))
    many = f"virtual = 192.0.2.1:80\n    service = http\n{reals_of_one}"
    async with running_daemon(tmp_path, many) as place:
        await place.observe(up())
        client = await place.connect()
        turns = [0.0]
        client.send({"request": "show", "which": which})
        answering = asyncio.create_task(client.answer(60))
        while not answering.done():
            before = time.thread_time()  # not the clock: others use this machine too
            await asyncio.sleep(0.001)
            turns.append(time.thread_time() - before)
        answer = await answering
        assert len(reals(answer)) == (1000 if which == "all" else 0)
        assert sorted(turns)[-max(2, len(turns) // 100)] < 0.1


async def test_rows_written_since_the_kernel_was_read_do_not_disagree(tmp_path: Path) -> None:
    async with running_daemon(tmp_path, WEB) as place:
        await place.observe(up())
        for result in (down(), up()):
            assert (await place.ask("show", which="down"))["kernel"]["error"] is None  # a reading that is used again
            await place.observe(result, ONE, TWO)
            answer = await place.ask("show")
            assert [each["disagrees"] for each in reals(answer).values()] == [[], [], []]
            assert [(each["fallback"] or {}).get("disagrees", []) for each in answer["virtuals"]] == [[], []]
            assert [each["others"] for each in answer["virtuals"]] == [[], []]


async def test_a_row_that_others_change_disagrees(tmp_path: Path) -> None:
    async with running_daemon(tmp_path, WEB) as place:
        await place.observe(up())
        row = next(row for row in place.kernel.table.values() if isinstance(row, Destination) and row.weight == 2)
        await place.kernel.apply([Op(Verb.EDIT, row._replace(weight=5))])
        place.daemon.control.context.usage._last = None
        found = reals(await place.ask("show", which="down"))
        assert [each["disagrees"] for each in found.values()] == [["weight 5 in the kernel, not 2"]]
