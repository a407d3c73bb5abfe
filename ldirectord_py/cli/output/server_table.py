"""The answer of ``show`` as tables for people: what hurts first, and what is plainly well in one line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from ldirectord_py.cli.output.incident_counts import incidents_line
from ldirectord_py.cli.output.table_layout import Layout, TableLine, formatted
from ldirectord_py.cli.output.terminal import Colour, coloured, printable_line, short_duration, short_latency
from ldirectord_py.control.answer_words import check_text, observed_state, up_text
from ldirectord_py.runtime.text import count_of
from ldirectord_py.runtime.times import local_minute
from ldirectord_py.slow_start import WHOLE
from ldirectord_py.trouble import is_bad, worst_first

MAX_WELL: Final = 30
"""Virtuals without trouble that have a line each; more of them are only counted, unless all are asked for."""

LONG: Final = 40
"""Lines of a table beyond which the summary is repeated below it."""

Server = Mapping[str, Any]
"""The fields of a virtual or a real server in an answer."""

_COLOURS: Final[Mapping[str, Colour]] = {"outage": Colour.RED, "down": Colour.RED, "disagrees": Colour.MAGENTA}
_ADMINISTERED: Final[Mapping[str, str]] = {
    "drain": "drained",
    "disabled": "disabled",
    "maintenance": "in maintenance",
}
_LEAVING: Final[Mapping[str | None, str]] = {
    "removed": "being removed, as it has left the configuration: it drains",
    "moved": "it drains, as its name has another address now",
    "drained": "it drains, and has left the configuration",
}


def show_lines(answer: Mapping[str, Any], layout: Layout) -> Iterator[str]:
    """Yield the lines of an answer; the summary counts also virtuals that are not printed."""
    virtuals = [each for each in answer["virtuals"] if not layout.down_only or has_bad_trouble(each)]
    hurt = [virtual for virtual in virtuals if _hurts(virtual)]
    well = [virtual for virtual in virtuals if not _hurts(virtual)]
    yield coloured(summary_line(answer), Colour.BOLD, enabled=layout.colour)
    if layout.everything and not layout.down_only and (incidents := incidents_line(answer)):
        yield incidents
    if answer["kernel"]["error"]:
        text = f"The kernel's table cannot be read: {answer['kernel']['error']}"
        yield coloured(text, Colour.RED, enabled=layout.colour)
    detailed = virtuals if layout.everything else sorted(hurt, key=_rank)
    table = [line for virtual in detailed for line in virtual_lines(virtual, answer)]
    yield from formatted(table, layout)
    if not layout.everything and well:
        yield from _well_lines(well, layout)
    if len(table) > LONG:
        yield coloured(summary_line(answer), Colour.BOLD, enabled=layout.colour)


def has_bad_trouble(virtual: Server) -> bool:
    """Return whether a virtual of an answer to ``which=down`` has any trouble itself, or servers in the answer."""
    return bool(virtual["reals"] or virtual["trouble"])


def summary_line(answer: Mapping[str, Any]) -> str:
    """Return how much is up, and how old the oldest result is."""
    virtuals = answer["virtuals"]
    up, total = (sum(virtual[name] for virtual in virtuals) for name in ("up", "total"))
    outages = sum("outage" in virtual["trouble"] for virtual in virtuals)
    parts = [f"{up} of {total} real servers up", count_of(len(virtuals), "virtual")]
    if outages:
        parts.append(f"{outages} WITHOUT A SERVER")
    states = Counter(real["administrative"]["state"] for virtual in virtuals for real in virtual["reals"])
    parts += [f"{states[state]} {words}" for state, words in _ADMINISTERED.items() if states[state]]
    if answer["oldest_result"] is not None:
        parts.append(f"oldest result {short_duration(answer['oldest_result'])} old")
    return ", ".join(parts)


def virtual_lines(virtual: Server, answer: Mapping[str, Any]) -> Iterator[TableLine]:
    """Yield the line of a virtual, and those of its servers in the answer."""
    outage = "outage" in virtual["trouble"]
    yield TableLine((virtual_text(virtual),), Colour.RED if outage else Colour.BOLD)
    readable = answer["kernel"]["error"] is None
    for real in virtual["reals"]:
        yield TableLine(real_cells(real, readable=readable), trouble_colour(real["trouble"]))
    fallback = virtual["fallback"]
    if fallback and (fallback["used"] or fallback["disagrees"]):
        used = "in use" if fallback["used"] else "not in use"
        cells = ("  " + fallback["server"], "fallback", "", used, kernel_cell(fallback["kernel"], readable=readable))
        yield TableLine((*cells, "; ".join(fallback["disagrees"])), trouble_colour(virtual["trouble"]))
    for other in virtual["others"]:
        cells = ("  " + other["real"], "-", "", "", kernel_cell(other["kernel"], readable=readable))
        yield TableLine((*cells, f"in the kernel only: {_why_left(other)}"), Colour.YELLOW)


def _why_left(other: Server) -> str:
    administrative, leaving = other["administrative"], other.get("leaving")
    if administrative is not None:
        why = f": {printable_line(administrative['why'])}" if administrative["why"] else ""
        return f"it drains, and has left the configuration (by {printable_line(administrative['who'])}{why})"
    return _LEAVING.get(leaving, "it drains, or its name has no address now")


def virtual_text(virtual: Server) -> str:
    """Return a virtual in one line."""
    configured = virtual["configured"]
    name = f" ({printable_line(virtual['servicename'])})" if virtual["servicename"] else ""
    outage = "  NO SERVER IS UP" if "outage" in virtual["trouble"] else ""
    about = f"{configured['scheduler']}, {check_text(configured)}"
    return f"{virtual['virtual']}{name}  {about}  {up_text(virtual, '/')}{outage}"


def real_cells(real: Server, *, readable: bool = True) -> tuple[str, ...]:
    """Return the cells of a real server; ``readable``: the kernel's table was read."""
    configured, administrative = real["configured"], real["administrative"]
    name = f" {printable_line(real['name'])}" if real["name"] else ""
    mark = "!" if is_bad(real["trouble"]) else "~" if real["trouble"] else " "
    return (
        f"{mark} {real['real']}{name}",
        f"{configured['weight']} {configured['forward']}",
        administrative["state"],
        observed_cell(real["observed"]),
        kernel_cell(real["kernel"], readable=readable),
        "; ".join(reasons(real)),
    )


def observed_cell(observed: Server) -> str:
    """Return the state by the checks, the code, the count to failurecount, latency and age of the last result."""
    words = [observed_state(observed)]
    if observed["code"]:
        words.append(observed["code"])
    if observed["failures"]:
        words.append(f"{observed['failures']}/{observed['failurecount']}")
    elif observed["up"] is False and observed["successes"]:
        words.append(f"{observed['successes']}/{observed['successcount']}")
    if observed["latency"] is not None:
        words.append(short_latency(observed["latency"]))
    if observed["age"] is not None:
        words.append(f"{short_duration(observed['age'])} ago")
    return " ".join([*words, *observed_troubles(observed)])


def observed_troubles(observed: Server) -> list[str]:
    """Return in capitals why the state by the checks is not all there is to say."""
    words = [name.upper() for name in ("flapping", "kept", "overdue") if observed[name]]
    rising = observed.get("rising")  # no field of older daemons
    return [*words, f"RISING {rising}/{WHOLE}"] if rising else words


def kernel_cell(kernel: Server | None, *, readable: bool = True) -> str:
    """Return weight, active and inactive connections; ``-`` without a row, ``?`` if the table was not read."""
    if not readable:
        return "?"
    return "-" if kernel is None else f"{kernel['weight']} {kernel['active']}+{kernel['inactive']}"


def reasons(real: Server) -> list[str]:
    """Return in words why a server is as it is: how rows differ, who administered it, what the last check said."""
    texts = [text.upper() if index == 0 else text for index, text in enumerate(real["disagrees"])]
    administrative, observed = real["administrative"], real["observed"]
    if administrative["who"]:
        since = f" since {local_minute(administrative['since'])}" if administrative["since"] else ""
        until = f" until {local_minute(administrative['until'])}" if administrative["until"] else ""
        why = f": {administrative['why']}" if administrative["why"] else ""
        texts.append(f"{_ADMINISTERED[administrative['state']]} by {administrative['who']}{since}{until}{why}")
    if observed["reason"]:
        texts.append(observed["reason"])
    return [printable_line(text) for text in texts]


def _well_lines(well: Sequence[Server], layout: Layout) -> Iterator[str]:
    if len(well) > MAX_WELL:
        yield f"{len(well)} virtuals without trouble, {sum(virtual['up'] for virtual in well)} servers up (--all)"
    else:
        yield from formatted([TableLine((virtual_text(virtual),)) for virtual in well], layout)


def _rank(virtual: Server) -> int:
    """Return 0 for a virtual without a server, 1 for one that has a server in bad trouble, 2 for the others."""
    if "outage" in virtual["trouble"]:
        return 0
    return 1 if any(is_bad(each["trouble"]) for each in (virtual, *virtual["reals"])) else 2


def _hurts(virtual: Server) -> bool:
    parts = (virtual["trouble"], virtual["others"], virtual["configured"]["unresolved"])
    return any(parts) or any(real["trouble"] for real in virtual["reals"])


def trouble_colour(trouble: Sequence[str]) -> Colour:
    """Return the colour of a virtual or a server with this trouble."""
    worst = worst_first(trouble)[:1]
    return _COLOURS.get(worst[0], Colour.YELLOW) if worst else Colour.PLAIN
