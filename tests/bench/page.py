"""docs/performance.md: the written part from a template, the tables and plots from the outcomes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from bench.figure import Figure, Outcome, Spread

FOLDER = "performance"
"""Where the page finds its plots, beside itself."""
HEADER = ("what", "ours", "theirs", "ratio", "to reach", "reached")
MARKER = re.compile(r"^\{\{(\w+)\}\}$", re.MULTILINE)
OF_THE_RUN = ("day", "revision")
"""What is told with each table; the rest of a host is told once."""


def page(template: str, outcomes: Mapping[str, Outcome]) -> str:
    """Return the page: each line ``{{NAME}}`` of the template is replaced by that benchmark's tables and plots.

    ``{{machine}}`` becomes the hosts and versions, ``{{missed}}`` the list of figures that are not reached.
    """
    whole = {"machine": _machine(outcomes), "missed": _missed(outcomes)}
    return MARKER.sub(lambda found: whole.get(found[1]) or _section(found[1], outcomes), template)


def cells(figure: Figure) -> tuple[str, ...]:
    """Return a figure as the table shows it, column by column."""
    theirs, ratio = figure.their_spread, figure.ratio
    return (
        figure.what,
        f"{_spread(figure.our_spread)} {figure.unit}",
        "" if theirs is None else f"{figure.peer}: {_spread(theirs)} {figure.unit}",
        "" if ratio is None else _ratio(ratio),
        figure.target.text if figure.target else "",
        {None: "", True: "yes", False: "**no**"}[figure.reached],
    )


def plain(figures: Sequence[Figure]) -> str:
    """Return the table for a terminal."""
    rows = [HEADER, *map(cells, figures)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join(lines).replace("**", "") + "\n"


def number(value: float) -> str:
    """Return a number with three digits that count."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _section(name: str, outcomes: Mapping[str, Outcome]) -> str:
    if name not in outcomes:
        return f"Not measured yet: `make bench NAMES={name}`."
    outcome = outcomes[name]
    runs = max((len(figure.ours) for figure in outcome.figures), default=0)
    taken = f"*{runs} runs, median (least to greatest); {', '.join(outcome.host.get(key, '') for key in OF_THE_RUN)}.*"
    plots = [f"![{curve.title}]({FOLDER}/{curve.name}.svg)" for curve in outcome.curves]
    return "\n\n".join((_table(HEADER, map(cells, outcome.figures)), taken, *outcome.notes, *plots))


def _machine(outcomes: Mapping[str, Outcome]) -> str:
    """Return a column for each host, headed by the benchmarks that ran there."""
    if not outcomes:
        return "Nothing was measured yet."
    hosts: dict[tuple[tuple[str, str], ...], list[str]] = {}
    for name, outcome in outcomes.items():
        hosts.setdefault(tuple(item for item in outcome.host.items() if item[0] not in OF_THE_RUN), []).append(name)
    columns = [dict(host) for host in hosts]
    keys = dict.fromkeys(key for column in columns for key in column)
    header = ("", *(", ".join(names) for names in hosts.values()))
    return _table(header, [(key, *(column.get(key, "") for column in columns)) for key in keys])


def _missed(outcomes: Mapping[str, Outcome]) -> str:
    """Return a line for each figure that is not reached."""
    missed = [cells(f) for outcome in outcomes.values() for f in outcome.figures if f.reached is False]
    lines = [f"- {what}: {ratio or ours}; to reach: {target}" for what, ours, _, ratio, target, _ in missed]
    return "\n".join(("Not reached:\n", *lines)) if lines else "All that was measured and has a target reaches it."


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = (header, ["---"] * len(header), *rows)
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _spread(spread: Spread) -> str:
    range_ = f"{number(spread.least)} to {number(spread.greatest)}"
    return number(spread.median) + ("" if spread.least == spread.greatest else f" ({range_})")


def _ratio(spread: Spread) -> str:
    part = f"1/{number(1 / spread.median)}, " if 0 < spread.median <= 0.5 else ""
    return part + _spread(spread)
