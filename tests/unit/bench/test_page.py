"""The page: tables, plots and hosts in the places that the template gives them."""

from __future__ import annotations

from bench.benchmarks import BENCHMARKS, load
from bench.figure import Curve, Figure, Outcome, ratio_at_most, value_at_most
from bench.page import MARKER, cells, number, page, plain
from harness.host import ROOT

TEMPLATE = ROOT / "tests" / "bench" / "performance.md.in"
KEPT = ROOT / "docs" / "performance"

WRITING = Figure("writing", "s", (0.2, 0.4, 0.3), (4.0, 4.0, 4.0), "ipvsadm", ratio_at_most(1 / 20, "at most 1/20"))
MEMORY = Figure("memory", "MB", (44.0,), target=value_at_most(45, "MB"))
PLAIN = Figure("start", "s", (1234.5,))
HERE = {"day": "2026-11-22", "revision": "abc", "machine": "native", "kernel": "Linux 6.18"}
CURVE = Curve("growth-cpu", "CPU per check", "reals", "us", {"ours": ((100.0, 40.0), (1000.0, 41.0))})

PAGE = """\
# Performance

Not reached:

- writing: 1/13.3, 0.075 (0.05 to 0.1); to reach: at most 1/20

## Table

| what | ours | theirs | ratio | to reach | reached |
| --- | --- | --- | --- | --- | --- |
| writing | 0.3 (0.2 to 0.4) s | ipvsadm: 4 s | 1/13.3, 0.075 (0.05 to 0.1) | at most 1/20 | **no** |

*3 runs, median (least to greatest); 2026-11-22, abc.*

Twice.

![CPU per check](performance/growth-cpu.svg)

Not measured yet: `make bench NAMES=change`.

|  | table |
| --- | --- |
| machine | native |
| kernel | Linux 6.18 |
"""


def test_markers_become_what_was_found() -> None:
    template = "# Performance\n\n{{missed}}\n\n## Table\n\n{{table}}\n\n{{change}}\n\n{{machine}}\n"
    assert page(template, {"table": Outcome((WRITING,), (CURVE,), ("Twice.",), HERE)}) == PAGE


def test_a_figure_without_peer_or_target_leaves_columns_empty() -> None:
    assert cells(MEMORY) == ("memory", "44 MB", "", "", "at most 45 MB", "yes")
    assert cells(PLAIN) == ("start", "1,234 s", "", "", "", "")


def test_where_all_is_reached_the_page_says_so() -> None:
    assert page("{{missed}}", {"memory": Outcome((MEMORY,))}) == "All that was measured and has a target reaches it."


def test_hosts_that_differ_have_columns_of_their_own() -> None:
    there = {**HERE, "kernel": "Linux 6.1", "Python": "3.11"}
    outcomes = {name: Outcome((PLAIN,), host=host) for name, host in (("a", HERE), ("b", there), ("c", HERE))}
    assert page("{{machine}}", outcomes).splitlines() == [
        "|  | a, c | b |",
        "| --- | --- | --- |",
        "| machine | native | native |",
        "| kernel | Linux 6.18 | Linux 6.1 |",
        "| Python |  | 3.11 |",
    ]


def test_the_terminal_gets_aligned_columns() -> None:
    lines = plain([MEMORY, PLAIN]).splitlines()
    assert [line.index(word) for line, word in zip(lines, ("ours", "44", "1,234"), strict=True)] == [8, 8, 8]


def test_numbers_have_three_digits() -> None:
    assert [number(v) for v in (0.0123456, 1.0, 45.67, 123.4, 98765.4)] == ["0.0123", "1", "45.7", "123", "98,765"]


def test_the_template_has_a_place_for_every_benchmark() -> None:
    assert sorted(MARKER.findall(TEMPLATE.read_text())) == sorted([*(b.name for b in BENCHMARKS), "machine", "missed"])


def test_the_page_is_written_from_what_is_kept() -> None:
    """After a change of the template: ``python -m bench --page``, see docs/development.md."""
    paths = {benchmark.name: KEPT / f"{benchmark.name}.json" for benchmark in BENCHMARKS}
    outcomes = {name: load(path) for name, path in paths.items() if path.exists()}
    assert (ROOT / "docs" / "performance.md").read_text() == page(TEMPLATE.read_text(), outcomes)
