"""``drain``, ``undrain``, ``disable`` and ``enable`` over the socket of a whole daemon."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from harness.running_daemon import RunningDaemon, running_daemon
from ldirectord_py.control.rights import Right
from ldirectord_py.daemon.administration import state_file
from ldirectord_py.daemon.control import administer, choice
from ldirectord_py.daemon.control.requests import REQUESTS
from ldirectord_py.ipvs.table import Destination

WEB = """\
checkinterval = 10
virtual = 192.0.2.1:80
    real = 10.1.0.1:80 masq 2
    real = 10.1.0.2:80 masq
    checktype = on
virtual = 192.0.2.2:53
    real = 10.1.0.2:53 masq
    protocol = udp
    checktype = on
"""
ONE = "tcp:192.0.2.1:80/10.1.0.1:80"


@pytest.fixture(autouse=True)
def _state_is_written_at_each_change(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state_file, "WRITE_INTERVAL", 0.0)


async def weights(place: RunningDaemon) -> list[int]:
    await place.daemon.director.reconcile()
    return [row.weight for row in place.kernel.table.values() if isinstance(row, Destination)]


def states(answer: Any) -> list[tuple[str, str]]:
    assert answer["ok"], answer
    return [(server["before"], server["state"]) for server in answer["servers"]]


def test_they_need_the_right_to_steer() -> None:
    assert {REQUESTS[name].right for name in ("drain", "undrain", "disable", "enable")} == {Right.STEER}


async def test_a_drain_has_an_owner_a_reason_and_an_end(tmp_path: Path) -> None:
    async with running_daemon(tmp_path, WEB) as place:
        answer = await place.ask("drain", names=["10.1.0.1"], why="new kernel", until=time.time() + 3600)
        [server] = answer["servers"]
        assert (server["virtual"], server["real"], server["name"]) == ("tcp:192.0.2.1:80", "10.1.0.1:80", None)
        assert (server["before"], server["state"], server["why"], server["up"]) == (
            "ready",
            "drain",
            "new kernel",
            True,
        )
        assert server["who"] == "root"
        assert server["since"] < server["until"]
        assert (answer["kept"], answer["fault"]) == (True, None)
        assert await weights(place) == [0, 1, 1]
        assert json.loads(place.daemon.journal.since(0)[-1].json)["who"] == "root"
    async with running_daemon(tmp_path, WEB) as place:
        assert await weights(place) == [0, 1, 1]
        written = [op.row for op in place.kernel.written if isinstance(op.row, Destination)]
        assert [row.weight for row in written if row.key.endpoint == "10.1.0.1:80"] == [0]
        assert "1 drained" in (await place.ask("status"))["summary"]
        assert states(await place.ask("undrain", names=["*"])) == [
            ("drain", "ready"),
            ("ready", "ready"),
            ("ready", "ready"),
        ]
        assert await weights(place) == [2, 1, 1]


async def test_names_globs_and_one_virtual(tmp_path: Path) -> None:
    async with running_daemon(tmp_path, WEB) as place:
        assert len(states(await place.ask("drain", names=["10.1.0.2"]))) == 2
        assert len(states(await place.ask("undrain", names=["10.1.0.2"], virtual="udp:192.0.2.2:53"))) == 1
        assert await weights(place) == [2, 0, 1]
        assert len(states(await place.ask("disable", names=["10.1.0.?", ONE]))) == 3
        assert await weights(place) == []


async def test_enable_ends_both_and_undrain_only_a_drain(tmp_path: Path) -> None:
    async with running_daemon(tmp_path, WEB) as place:
        await place.ask("disable", names=[ONE])
        assert states(await place.ask("undrain", names=[ONE])) == [("disabled", "disabled")]
        assert states(await place.ask("enable", names=[ONE])) == [("disabled", "ready")]
        await place.ask("drain", names=[ONE])
        assert states(await place.ask("enable", names=[ONE])) == [("drain", "ready")]
        assert await weights(place) == [2, 1, 1]


async def test_it_says_which_virtuals_have_no_server_any_more(tmp_path: Path) -> None:
    async with running_daemon(tmp_path, WEB) as place:
        assert (await place.ask("drain", names=["10.1.0.1"]))["outages"] == []
        outages = (await place.ask("disable", names=["*"]))["outages"]
        assert outages == [each.virtual.id for each in place.daemon.director.compiled.virtuals.values()]
        assert (await place.ask("enable", names=["10.1.0.1"]))["outages"] == []


def without(*servers: str) -> str:
    return "".join(f"{line}\n" for line in WEB.splitlines() if not any(name in line for name in servers))


async def test_a_server_that_left_the_file_can_be_made_ready(tmp_path: Path) -> None:
    async with running_daemon(tmp_path, WEB) as place:
        await place.ask("drain", names=[ONE])
        await place.ask("disable", names=["10.1.0.2"])
        (tmp_path / "web.cf").write_text(without("10.1.0.1", "10.1.0.2:80"))
        await place.ask("reload")
        assert states(await place.ask("undrain", names=["tcp:192.0.2.1:80/*"])) == [
            ("drain", "ready"),
            ("disabled", "disabled"),
        ]
        answer = await place.ask("enable", names=["10.1.0.2"])
        assert states(answer) == [("disabled", "ready")] * 2
        assert [(server["real"], server["left"], server["up"]) for server in answer["servers"]] == [
            ("10.1.0.2:53", False, True),
            ("10.1.0.2:80", True, None),
        ]
        assert place.daemon.director.entries == {}
        error = (await place.ask("enable", names=["10.1.0.2:80"]))["error"]
        assert error["code"] == "not_found"
        (tmp_path / "web.cf").write_text(WEB)
        await place.ask("reload")
        assert sorted(await weights(place)) == [1, 1, 2]


async def test_a_server_that_left_the_file_cannot_be_drained(tmp_path: Path) -> None:
    async with running_daemon(tmp_path, WEB) as place:
        await place.ask("drain", names=[ONE])
        (tmp_path / "web.cf").write_text(without("10.1.0.1"))
        await place.ask("reload")
        assert (await place.ask("disable", names=[ONE]))["error"]["code"] == "not_found"
        virtual = {"virtual": "192.0.2.1:80"}
        assert (await place.ask("enable", names=["10.1.0.1", "10.1.0.9"], **virtual))["error"]["code"] == "not_found"
        assert states(await place.ask("enable", names=["10.1.0.1"], **virtual)) == [("drain", "ready")]


async def test_a_virtual_that_left_the_file_takes_its_servers_along(tmp_path: Path) -> None:
    async with running_daemon(tmp_path, WEB) as place:
        await place.ask("drain", names=["10.1.0.2:53"])
        (tmp_path / "web.cf").write_text(WEB.partition("virtual = 192.0.2.2")[0])
        await place.ask("reload")
        virtual = {"virtual": "udp:192.0.2.2:53"}
        assert (await place.ask("enable", names=["10.1.0.9"], **virtual))["error"]["message"].startswith("no virtual")
        assert states(await place.ask("enable", names=["*"], **virtual)) == [("drain", "ready")]


async def test_root_may_say_for_whom_it_acts(tmp_path: Path) -> None:
    async with running_daemon(tmp_path, WEB) as place:
        answer = await place.ask("drain", names=[ONE], sudo_user="alice")
        assert answer["servers"][0]["who"] == "root (sudo: alice)"
        answer = await place.ask("drain", names=[ONE], sudo_user="a\nb")
        assert answer["servers"][0]["who"] == "root"


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ({}, "bad_request", "names has to have 1 to 100 names"),
        ({"names": ["*"] * 101}, "bad_request", "names has to have 1 to 100 names"),
        ({"names": ["10.1.0.1", "web9"]}, "not_found", "no real server web9"),
        ({"names": ["*"], "virtual": "192.0.2.9:80"}, "not_found", "no virtual 192.0.2.9:80"),
        ({"names": ["10.1.0.1"], "virtual": "192.0.2.2:53"}, "not_found", "no real server 10.1.0.1"),
        ({"names": ["*"], "why": "a\nb"}, "bad_request", "why has to be one line"),
        ({"names": ["*"], "why": "x" * 201}, "bad_request", "why has to be one line"),
        ({"names": ["*"], "until": 5}, "bad_request", "until has to be a time in the next ten years"),
        ({"names": ["*"], "until": 1e300}, "bad_request", "until has to be a time in the next ten years"),
        ({"names": ["*"], "until": "14:30"}, "bad_request", "until has to be a number"),
    ],
)
async def test_a_request_that_is_refused_changes_nothing(
    tmp_path: Path, arguments: dict[str, Any], code: str, message: str
) -> None:
    async with running_daemon(tmp_path, WEB) as place:
        error = (await place.ask("drain", **arguments))["error"]
        assert error["code"] == code
        assert error["message"].startswith(message)
        assert await weights(place) == [2, 1, 1]


async def test_a_state_file_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    folder = tmp_path
    (folder / "web.cf.json.new").mkdir()
    (tmp_path / "web.cf.json.new" / "x").touch()
    async with running_daemon(tmp_path, WEB) as place:
        answer = await place.ask("drain", names=[ONE])
        assert answer["kept"] is False
        assert "web.cf.json cannot be written" in answer["fault"]
        assert await weights(place) == [0, 1, 1]
    assert not [each for each in folder.iterdir() if each.name == "web.cf.json"]


@pytest.mark.parametrize(("reloads", "code"), [(1, None), (100, "refused")])
async def test_servers_are_chosen_again_after_a_reload(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reloads: int, code: str | None
) -> None:
    choose, left = choice.choose_reals, reloads

    async with running_daemon(tmp_path, WEB) as place:

        async def choose_while_reloading(*arguments: Any, **more: Any) -> Any:
            nonlocal left
            chosen = await choose(*arguments, **more)
            if left:
                left -= 1
                (tmp_path / "web.cf").write_text(WEB.replace("masq 2", f"masq {left + 3}"))
                await place.daemon.reloader.reload()
            return chosen

        monkeypatch.setattr(administer, "choose_reals", choose_while_reloading)
        answer = await place.ask("drain", names=["10.1.0.1"])
        assert answer.get("error", {}).get("code") == code
        assert await weights(place) == ([0, 1, 1] if code is None else [left + 3, 1, 1])
