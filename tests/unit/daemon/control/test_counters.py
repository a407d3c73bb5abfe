"""``counters`` of a whole daemon."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from builders import down, unjudged, up
from harness.running_daemon import RunningDaemon, running_daemon

SITE = """\
checkinterval = 10
virtual = 192.0.2.1:80
    real = 10.1.0.1:80 masq
    real = 10.1.0.2:80 masq
    service = http
virtual = 192.0.2.2:80
    real = 10.1.0.2:80 masq
    service = http
"""
ONE, TWO = "tcp:192.0.2.1:80", "tcp:192.0.2.2:80"


async def durations(place: RunningDaemon) -> dict[str, int]:
    answer = await place.ask("counters")
    return {each["virtual"]: sum(each["counts"]) for each in answer["durations"]}


def count(results: list[dict[str, Any]], verdict: str, code: str) -> int:
    return sum(each["count"] for each in results if (each["verdict"], each["code"]) == (verdict, code))


async def test_results_outages_and_writes(tmp_path: Path) -> None:
    async with running_daemon(tmp_path, SITE) as place:
        await place.observe(up())
        await place.observe(down(), "10.1.0.2")
        await place.observe(unjudged(), "10.1.0.1")
        answer = await place.ask("counters")
        assert count(answer["checks"], "up", "L7OK") == 2
        assert count(answer["checks"], "down", "L4CON") == 1
        assert count(answer["checks"], "none", "SOCKERR") == 1
        assert {each["kind"] for each in answer["checks"]} == {"http"}
        assert answer["planned"] == 2
        assert [each["virtual"] for each in answer["outages"]] == [ONE, TWO]
        assert answer["kernel"]["writes"]["add"] >= 5
        assert answer["kernel"]["lost"] is False
        assert answer["reloads"] == {"taken": 0, "refused": 0, "last": "taken"}
        assert answer["cpu_seconds"] > 0
        assert len(answer["loop_lag"]["counts"]) == len(answer["loop_lag"]["bounds"]) + 1


async def test_durations_follow_the_virtuals_of_a_check_over_reloads(tmp_path: Path) -> None:
    async with running_daemon(tmp_path, SITE) as place:
        await place.observe(up())
        assert await durations(place) == {ONE: 2, TWO: 1}
        (tmp_path / "web.cf").write_text(SITE[: SITE.index("virtual = 192.0.2.2")])
        await place.ask("reload")
        await place.observe(up())
        assert await durations(place) == {ONE: 4}
        (tmp_path / "web.cf").write_text(SITE)
        await place.ask("reload")
        await place.observe(up())
        assert await durations(place) == {ONE: 6, TWO: 1}
        (tmp_path / "web.cf").write_text("nonsense")
        await place.ask("reload")
        assert (await place.ask("counters"))["reloads"] == {"taken": 2, "refused": 1, "last": "refused"}
