"""ldirectord.cf(5) from docs/configuration.md: `python -m harness.manpage` writes it into docs/man."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"
SOURCE = DOCS / "configuration.md"
PAGE = DOCS / "man" / "ldirectord.cf.5"

WIDTH = 78
LEFT_OUT = "All of them"  # a list of links
HEAD = r"""
.\" Made by tests/harness/manpage.py from docs/configuration.md: change that, then run make man.
.TH LDIRECTORD.CF 5 2026-11-22 ldirectord-py "File Formats"
.nh
.ad l
.SH NAME
ldirectord.cf \- configuration of the director daemon of Linux Virtual Server
.SH DESCRIPTION
""".lstrip()
FOOT = r"""
.SH FILES
.TP
.I /etc/ha.d/ldirectord.cf
The configuration, unless the command line names another.
.SH SEE ALSO
.BR ldirectord (8),
.BR ipvsadm (8),
.BR perlre (1)
.PP
The pages checks.md and differences.md among the documents of the source.
""".lstrip()

_BLOCK = re.compile(r"```\n(?P<code>(?:.*\n)*?)```|(?P<prose>(?:(?!```).+\n?)+)")
_CODE = re.compile("`([^`]+)`")
_SIGNS = {"\\": r"\e", "-": r"\-", "^": r"\(ha", "~": r"\(ti", "'": r"\(aq", "`": r"\(ga"}


def man_page(markdown: str) -> str:
    """Return the page in the language of man(7)."""
    intro, *parts = re.split(r"^## ", markdown, flags=re.MULTILINE)
    text = HEAD + "".join(_blocks(intro.partition("\n")[2]))
    for part in parts:
        title, _, body = part.partition("\n")
        if title != LEFT_OUT:
            text += f'.SH "{title.upper()}"\n' + "".join(_sections(body))
    return _without_doubles(text) + FOOT


def _sections(body: str) -> Iterator[str]:
    before, *directives = re.split(r"^### ", body, flags=re.MULTILINE)
    yield from _blocks(before)
    for directive in directives:
        name, _, rest = directive.partition("\n")
        yield f".SS {name}\n"
        yield from _blocks(rest)


def _blocks(text: str) -> Iterator[str]:
    for found in _BLOCK.finditer(text):
        if found["code"] is not None:
            yield f".PP\n.RS 4\n.EX\n{_literal(found['code'])}.EE\n.RE\n"
        elif found["prose"].startswith("| scope |"):
            yield _facts(found["prose"].splitlines()[2])
        elif found["prose"].startswith("- "):
            items = re.split("^- ", found["prose"], flags=re.MULTILINE)[1:]
            yield from (f".IP \\(bu 2\n{_filled(item)}" for item in items)
        else:
            yield f".PP\n{_filled(found['prose'])}"


def _facts(row: str) -> str:
    """Return what holds for a directive, a line for each."""
    cells = re.split(r" *(?<!\\)\| *", row.strip("| "))
    lines = (
        f"{name}: {_inline(cell.replace(chr(92) + '|', '|'))}\n"
        for name, cell in zip(("Scope", "Value", "Default", "From"), cells, strict=True)
    )
    return ".PP\n" + ".br\n".join("".join(f"{line}\n" for line in _wrapped(each)) for each in lines)


def _filled(text: str) -> str:
    return "".join(f"{line}\n" for line in _wrapped(_inline(text)))


def _wrapped(text: str) -> Iterator[str]:
    for line in textwrap.wrap(" ".join(text.split()), WIDTH, break_long_words=False, break_on_hyphens=False):
        yield rf"\&{line}" if line[0] in ".'" else line


def _inline(text: str) -> str:
    """Return text with its links as words, and its code and what is stressed in bold."""
    text = re.sub(r"\[([^\]]+)\]\([^)]+\)", r"\1", text)
    parts = _CODE.split(text)
    prose = [re.sub(r"\*\*?([^*]+)\*\*?", r"\\fB\1\\fR", _escaped(part, "\\")) for part in parts[::2]]
    codes = [rf"\fB{_escaped(part)}\fR" for part in parts[1::2]]
    return "".join(part for pair in zip(prose, [*codes, ""], strict=True) for part in pair)


def _literal(code: str) -> str:
    return "".join(f"{_escaped(line)}\n" for line in code.splitlines())


def _escaped(text: str, signs: str = "".join(_SIGNS)) -> str:
    return "".join(_SIGNS[sign] if sign in signs else sign for sign in text)


def _without_doubles(text: str) -> str:
    """Leave out a .PP behind a heading, where it has no effect."""
    lines = text.splitlines()
    kept = [line for last, line in pairwise(["", *lines]) if not (line == ".PP" and last.startswith((".SH", ".SS")))]
    return "".join(f"{line}\n" for line in kept)


if __name__ == "__main__":
    PAGE.write_text(man_page(SOURCE.read_text()))
