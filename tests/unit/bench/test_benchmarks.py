"""How benchmarks are run, kept and made a page, with one that measures nothing."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import pytest

import bench.__main__ as frame
from bench.benchmarks import BENCHMARKS, Place, chosen, load, main
from bench.figure import Curve, Figure, Outcome

CURVE = Curve("growth-cpu", "CPU per check", "reals", "us", {"ours": ((100.0, 40.0), (1000.0, 41.0))})


def _measure(runs: int) -> Outcome:
    return Outcome((Figure("start", "s", (1.0,) * runs),), (CURVE,))


def _fail(runs: int) -> Outcome:
    raise RuntimeError(f"cannot measure {runs} times")


@pytest.fixture(autouse=True)
def _modules(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, function in {"table": _measure, "change": _fail, "reload": lambda runs: None}.items():
        module = ModuleType(f"bench.{name}")
        vars(module)["measure"] = function
        monkeypatch.setitem(sys.modules, f"bench.{name}", module)


def test_what_a_benchmark_finds_is_written_with_its_host(tmp_path: Path) -> None:
    assert main(str(tmp_path), "3", "table") == 0
    found = load(tmp_path / "table.json")
    assert found.figures == (Figure("start", "s", (1.0, 1.0, 1.0)),)
    assert found.curves == (CURVE,)
    assert {"day", "revision", "processor", "kernel", "Python", "uvloop"} <= set(found.host)


def test_one_that_fails_is_told_and_keeps_no_other_from_running(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(str(tmp_path), "3", "change", "reload", "table") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["table.json"]
    told = capsys.readouterr().err
    assert "cannot measure 3 times" in told
    assert "bench.reload.measure returns no Outcome" in told


def test_without_names_all_are_chosen() -> None:
    assert chosen([]) == list(BENCHMARKS)
    assert [(one.name, one.place) for one in chosen(["reload", "table"])] == [
        ("table", Place.KERNEL),
        ("reload", Place.HERE),
    ]


def test_a_name_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="no such benchmark: speed"):
        chosen(["table", "speed"])


def test_the_page_and_its_plots_are_written_from_what_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frame, "KEPT", tmp_path / "performance")
    monkeypatch.setattr(frame, "PAGE", tmp_path / "performance.md")
    frame.keep({"table": _measure(3)})
    frame.write_page()
    assert "| start | 1 s |" in (tmp_path / "performance.md").read_text()
    assert sorted(path.name for path in (tmp_path / "performance").iterdir()) == ["growth-cpu.svg", "table.json"]
