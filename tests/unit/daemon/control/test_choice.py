"""The servers that names mean, in one virtual or in all."""

from __future__ import annotations

import asyncio
import time

import pytest

from builders import KINDS, config, real, virtual
from ldirectord_py.control.protocol import RequestError
from ldirectord_py.daemon.control.choice import choose_reals, choose_virtuals
from ldirectord_py.daemon.reconciler.compiled_config import CompiledConfig, compile_config
from ldirectord_py.runtime import slices

SITE = compile_config(
    config(
        virtual("10.0.0.1:80", real("10.1.0.1:80", name="web1.example.com"), "10.1.0.2:80", servicename="shop"),
        virtual("10.0.0.2:80", "10.1.0.2:80"),
        virtual(7, "10.1.0.2:80"),
    ),
    KINDS,
)


async def chosen(*names: str, site: CompiledConfig = SITE, within: str = "") -> list[str]:
    return [f"{each.virtual.id}/{each.real}" for each in await choose_reals(site, names, within)]


async def test_names_addresses_and_globs_in_the_order_of_the_file() -> None:
    assert await chosen("10.1.0.2", "web1") == [
        "tcp:10.0.0.1:80/10.1.0.1:80",
        "tcp:10.0.0.1:80/10.1.0.2:80",
        "tcp:10.0.0.2:80/10.1.0.2:80",
        "fwm:7/10.1.0.2:80",
    ]
    assert len(await chosen("*")) == 4
    assert await chosen("shop/*") == ["tcp:10.0.0.1:80/10.1.0.1:80", "tcp:10.0.0.1:80/10.1.0.2:80"]
    assert await chosen("10.1.0.2", "*", within="fwm:7") == ["fwm:7/10.1.0.2:80"]


@pytest.mark.parametrize(
    ("names", "within", "message"),
    [
        ((), "", "names has to have 1 to 100 names"),
        (("*",) * 101, "", "names has to have 1 to 100 names"),
        (("*" * 601,), "", "a name has 600 characters at most"),
        (("*",), "*" * 601, "a name has 600 characters at most"),
        (("web9",), "", "no real server web9"),
        (("*",), "web9", "no virtual web9"),
        (("web1",), "fwm:7", "no real server web1"),
    ],
)
async def test_names_that_mean_nothing(names: tuple[str, ...], within: str, message: str) -> None:
    with pytest.raises(RequestError, match=message):
        await chosen(*names, within=within)


async def test_names_of_virtuals() -> None:
    assert [each.virtual.id for each in await choose_virtuals(SITE, "10.0.0.*")] == [
        "tcp:10.0.0.1:80",
        "tcp:10.0.0.2:80",
    ]
    assert [each.virtual.id for each in await choose_virtuals(SITE, "shop")] == ["tcp:10.0.0.1:80"]
    assert await choose_virtuals(SITE, "10.1.0.2") == []
    assert len(await choose_virtuals(SITE, "")) == 3


async def assert_loop_is_not_held_up(choosing: asyncio.Future[list[str]]) -> None:
    longest, turns = 0.0, 0
    while not choosing.done():
        began = time.thread_time()
        await asyncio.sleep(0)
        longest, turns = max(longest, time.thread_time() - began), turns + 1
    assert len(choosing.result()) == 256
    assert turns >= 2000
    assert longest < 0.05


ADDRESSES = [f"10.{number >> 8}.{number & 255}.1:80" for number in range(2000)]


async def test_many_servers_do_not_hold_up_the_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slices, "SLICE_LENGTH", 0.0)
    site = compile_config(config(virtual("10.0.0.1:80", *ADDRESSES)), KINDS)
    await assert_loop_is_not_held_up(asyncio.ensure_future(chosen("10.1.*", site=site)))


async def test_many_virtuals_do_not_hold_up_the_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slices, "SLICE_LENGTH", 0.0)
    site = compile_config(config(*(virtual(address, "10.9.0.1:80") for address in ADDRESSES)), KINDS)
    await assert_loop_is_not_held_up(asyncio.ensure_future(chosen("*", site=site, within="10.1.*")))
