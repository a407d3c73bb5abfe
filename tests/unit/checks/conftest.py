"""Scripted servers on loopback."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from harness.fakes import scripted


@pytest.fixture
async def servers() -> AsyncIterator[scripted.Servers]:
    async with scripted.servers() as started:
        yield started
