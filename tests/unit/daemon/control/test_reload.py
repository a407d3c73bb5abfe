"""``reload`` answers with what came of the file as it is after the request."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.controlled_daemon import WEB, ask, running
from ldirectord_py.daemon.control import reload


async def test_a_good_file_is_taken_with_its_warnings(tmp_path: Path) -> None:
    async with running(tmp_path) as daemon:
        (tmp_path / "web.cf").write_text(f"{WEB}    persistent=0\n")
        answer = await ask(daemon, "reload")
        assert (answer["ok"], answer["generation"]) == (True, 2)
        (problem,) = answer["problems"]
        where = {"file": str(tmp_path / "web.cf"), "line": 4, "column": 16, "severity": "warning"}
        assert problem == {**where, "what": "persistent=0 makes nothing persistent", "hint": "leave it out"}


async def test_a_bad_file_is_refused_with_its_errors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reload, "MAX_PROBLEMS", 2)
    async with running(tmp_path) as daemon:
        path = tmp_path / "web.cf"
        path.write_text(f"{WEB}    a=1\n    b=2\n    c=3\n    d=4\n")
        answer = await ask(daemon, "reload")
        assert (answer["ok"], answer["generation"], answer["error"]["code"]) == (False, 1, "refused")
        assert [problem["line"] for problem in answer["error"]["problems"]] == [4, 5]
        kept = f"the old configuration was kept: {path} has errors"
        assert answer["error"]["message"] == f"{kept}, of which 2 more are in the log"
