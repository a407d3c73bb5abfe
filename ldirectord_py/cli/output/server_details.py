"""One server of the answer of ``show``, with its last results and transitions, as text for people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ldirectord_py.cli.output.server_table import Server, observed_troubles, reasons
from ldirectord_py.cli.output.table_layout import Layout
from ldirectord_py.cli.output.terminal import Colour, coloured, printable_line, short_duration, short_latency
from ldirectord_py.control.answer_words import check_text, observed_state
from ldirectord_py.runtime.times import local_minute, local_time


def detail_lines(real: Server, answer: Mapping[str, Any], layout: Layout) -> Iterator[str]:
    """Yield the lines of a server."""
    name = f" ({printable_line(real['name'])})" if real["name"] else ""
    yield coloured(f"{real['virtual']}/{real['real']}{name}", Colour.BOLD, enabled=layout.colour)
    yield f"  configured      {_configured(real['configured'])}"
    yield f"  administrative  {_administrative(real)}"
    up = real["observed"]["up"]
    colour = Colour.RED if up is False else Colour.PLAIN
    yield f"  observed        {coloured(_observed(real['observed']), colour, enabled=layout.colour)}"
    if end := real["observed"].get("certificate_end"):
        yield f"  certificate     ends {local_minute(end)}"
    yield f"  kernel          {_kernel(real['kernel'], answer['kernel'])}"
    for text in real["disagrees"]:
        yield coloured(f"  DISAGREES       {printable_line(text)}", Colour.MAGENTA, enabled=layout.colour)
    yield "  last results, the latest first:" if real["results"] else "  no result so far"
    for result in real["results"]:
        words = (local_time(result["at"]), f"{result['verdict']:<5}", f"{result['code']:<8}")
        yield f"    {'  '.join(words)} {short_latency(result['latency']):>7}  {printable_line(result['reason'])}"
    yield "  transitions, the latest first:" if real["transitions"] else "  no transition since the daemon has it"
    for each in real["transitions"]:
        state = f"{'up' if each['up'] else 'down':<5}"
        yield f"    {local_time(each['at'])}  {state}  {each['code']:<8}  {printable_line(each['reason'])}"


def _configured(configured: Server) -> str:
    limits = "".join(f", {name} {configured[name]}" for name in ("upper", "lower") if configured[name])
    check = f"{check_text(configured)}{_intervals(configured)}"
    return f"weight {configured['weight']}, {configured['forward']}{limits}; {check}"


def _intervals(configured: Server) -> str:
    """Return how often a server is checked, "" for one that is not."""
    if configured["checktype"] in {"on", "off"}:
        return ""
    other = (("fastinterval", "while unsettled"), ("downinterval", "while down"))
    others = "".join(f", {configured[name]} s {when}" for name, when in other if configured[name] is not None)
    return f", checked every {configured['checkinterval']} s{others}"


def _administrative(real: Server) -> str:
    return reasons(real)[len(real["disagrees"])] if real["administrative"]["who"] else real["administrative"]["state"]


def _observed(observed: Server) -> str:
    since = f" since {local_time(observed['since'])}" if observed["since"] else ""
    count = f"; {observed['failures']} of {observed['failurecount']} failures" if observed["failures"] else ""
    reason = f": {observed['code']} {printable_line(observed['reason'])}" if observed["code"] else ""
    more = "".join(f", {name}" for name in observed_troubles(observed))
    last = "; no result so far"
    if observed["age"] is not None:
        last = f"; last result {short_duration(observed['age'])} ago, in {short_latency(observed['latency'])}"
    elif observed["verdict"] is None and observed["code"]:
        last = ""
    return f"{observed_state(observed)}{since}{reason}{last}{count}{more}"


def _kernel(kernel: Server | None, reading: Server) -> str:
    if reading["error"] is not None:
        return f"unknown: {printable_line(reading['error'])}"
    if kernel is None:
        return "no row"
    persistent = f", {kernel['persistent']} persistent clients" if kernel["persistent"] else ""
    counts = f"{kernel['active']} active and {kernel['inactive']} inactive connections{persistent}"
    return f"weight {kernel['weight']}, {counts}"
