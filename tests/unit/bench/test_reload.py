"""The benchmark of a reload: its probes are those that only wait."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from bench.reload import lines, reloaded


@pytest.mark.slow
def test_F30_a_small_reload_is_measured_without_a_probe_to_anybody(tmp_path: Path) -> None:
    path = tmp_path / "ldirectord.cf"
    path.write_text("\n".join(lines(2, 6)) + "\n")

    seen = asyncio.run(reloaded(path))

    assert seen.wall > 0
    assert (seen.ops, seen.lost, seen.repeated) == (0, 0, 0)
