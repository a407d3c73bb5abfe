"""The man pages say what the page on the configuration and the command line say, and are installed."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from harness.manpage import PAGE, SOURCE, man_page
from ldirectord_py.cli import FAILED, INTERRUPTED, STATUSES
from ldirectord_py.cli.invocation.commands import COMMANDS, help_text
from ldirectord_py.cli.output.connection_wait import DEADLINE_PASSED
from ldirectord_py.cli.status import RUNNING, STALE, STOPPED
from ldirectord_py.config.directives import DIRECTIVES
from ldirectord_py.instance.pid_file import RUNDIR, RUNDIR_VARIABLE, STATEDIR, STATEDIR_VARIABLE
from ldirectord_py.instance.sd_notify import VARIABLES

ROOT = Path(__file__).parents[2]
COMMAND_PAGE = ROOT / "docs" / "man" / "ldirectord.8"


def tags(section: str) -> list[str]:
    """Return the tags of a section of ldirectord(8), without their fonts."""
    (text,) = re.findall(rf"^\.SH {section}\n((?:(?!\.SH ).*\n)+)", COMMAND_PAGE.read_text(), flags=re.MULTILINE)
    found = re.findall(r"^\.TP\n\.\w+ (.*)$", text, flags=re.MULTILINE)
    return [re.sub(r"\\f[BIR]", "", tag).replace("\\-", "-") for tag in found]


def words(line: str) -> list[str]:
    return re.findall(r"[^\s\",]+", line)


def test_the_page_on_the_configuration_is_the_man_page() -> None:
    assert PAGE.read_text() == man_page(SOURCE.read_text()), "run make man"


def test_every_directive_is_in_the_man_page() -> None:
    assert sorted(re.findall(r"^\.SS (\w+)$", PAGE.read_text(), flags=re.MULTILINE)) == sorted(DIRECTIVES)


def test_text_becomes_what_man_reads() -> None:
    markdown = (
        "# Title\n\nAn [intro](x.md), **bold**.\n\n## All of them\n\n[a](#a)\n\n## Part\n\n"
        "### word\n\n| scope | value | default | from |\n|---|---|---|---|\n| daemon | A\\|B | `-x` | new |\n\n"
        ".dot\n\n- one\n  more\n- two\n\n```\n    word=^\\d\n```\n"
    )
    body = man_page(markdown).partition(".SH DESCRIPTION\n")[2].partition(".SH FILES\n")[0]
    assert body == (
        'An intro, \\fBbold\\fR.\n.SH "PART"\n.SS word\n'
        "Scope: daemon\n.br\nValue: A|B\n.br\nDefault: \\fB\\-x\\fR\n.br\nFrom: new\n"
        ".PP\n\\&.dot\n.IP \\(bu 2\none more\n.IP \\(bu 2\ntwo\n"
        ".PP\n.RS 4\n.EX\n    word=\\(ha\\ed\n.EE\n.RE\n"
    )


def test_every_command_is_described_with_its_options() -> None:
    described = {name: words(tag) for tag in tags("COMMANDS") for name in words(tag) if name in COMMANDS}
    assert sorted(COMMANDS) == sorted(described)
    for name, command in COMMANDS.items():
        wanted = set(re.findall(r"--[\w-]+", command.options))
        assert wanted == {word.strip("[]") for word in described[name] if "--" in word}


def test_every_option_is_described() -> None:
    (listed,) = re.findall("^Options:\n((?:  .*\n)+)", help_text(), flags=re.MULTILINE)
    assert sorted(re.findall(r"(?:  |, )(--?[a-z?]+)", listed)) == sorted(
        word for tag in tags("OPTIONS") for word in words(tag)
    )


def test_every_exit_status_is_described() -> None:
    statuses = {0, FAILED, INTERRUPTED, *STATUSES.values(), RUNNING, STALE, STOPPED, DEADLINE_PASSED}
    assert sorted(statuses) == [int(tag) for tag in tags("EXIT STATUS")]


def test_variables_and_files_are_those_of_the_daemon() -> None:
    assert {RUNDIR_VARIABLE, STATEDIR_VARIABLE, *VARIABLES} == {
        word for tag in tags("ENVIRONMENT") for word in words(tag)
    }
    assert {f"{RUNDIR}/ldirectord.INSTANCE.pid", f"{STATEDIR}/INSTANCE.json"} <= set(tags("FILES"))


def test_they_are_installed() -> None:
    files = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["data-files"]
    assert files == {
        "share/man/man5": ["docs/man/ldirectord.cf.5"],
        "share/man/man8": ["docs/man/ldirectord.8"],
        "share/ldirectord-py": ["etc/ldirectord.schema.json"],
        "share/bash-completion/completions": ["etc/completion/ldirectord"],
        "share/zsh/site-functions": ["etc/completion/_ldirectord"],
        "share/fish/vendor_completions.d": ["etc/completion/ldirectord.fish"],
    }
