"""Scripted servers on loopback."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import nullcontext
from pathlib import Path

import pytest

from harness import expected_codes
from harness.fakes import scripted


@pytest.fixture
async def servers() -> AsyncIterator[scripted.Servers]:
    async with scripted.servers() as started:
        yield started


@pytest.fixture(autouse=True)
def _codes(request: pytest.FixtureRequest) -> Iterator[None]:
    """Each failure of a real check has the code that belongs to its reason."""
    with expected_codes.checked() if request.path.parent != Path(__file__).parent else nullcontext():
        yield
