"""Values that the original hands to a shell lose their quotes as a shell takes them."""

from __future__ import annotations

import shlex
import subprocess

import pytest

from ldirectord_py.checks.services import KINDS
from ldirectord_py.config.addresses import Names
from ldirectord_py.config.commands import configuration_name
from ldirectord_py.config.parse import parse
from ldirectord_py.errors import ConfigError

VIRTUAL = "virtual=192.0.2.1:80\n    real=198.51.100.1:80 gate\n"
NAMES = Names(hostname="director")


def words_of_a_shell(text: str) -> list[str]:
    printed = subprocess.run(["/bin/sh", "-c", f"printf '%s\\0' {text}"], check=True, capture_output=True).stdout
    return printed.decode().split("\0")[:-1]


@pytest.mark.parametrize(
    "value", ["mail.cf", '"mail.cf"', "'mail.cf'", 'ma"il.c"f', "my\\ mail.cf", '"my mail.cf"', "'my \"mail\".cf'"]
)
def test_the_name_of_execute_is_what_a_shell_makes_of_it(value: str) -> None:
    parsed = parse(f"execute = {value}\n{VIRTUAL}", "any.cf", NAMES, KINDS)
    assert parsed.config.settings.execute == (value,), "as the original reads it"
    assert [*map(configuration_name, parsed.config.settings.execute)] == words_of_a_shell(value)
    assert parsed.warnings == ()


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ('"mail.cf', "any.cf:1:11: not a command: no closing quotation; close the quote, or write \\ before it"),
        (
            "mail.cf web.cf",
            (
                "any.cf:1:11: execute needs one name, but this has 2 words;"
                " write one line for each configuration; put a name that has blanks into quotes"
            ),
        ),
        ('""', "any.cf:1:11: execute is empty; give it a value or leave the line out"),
    ],
)
def test_an_execute_that_is_not_one_name_is_refused(value: str, problem: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(f"execute = {value}\n{VIRTUAL}", "any.cf", NAMES, KINDS)
    assert [str(each) for each in caught.value.problems] == [problem]


COMMANDS = ["/bin/x", "/bin/x 'a b'", "'/opt/my x' a", "'/bin/x' \"a\"", "/bin/x \\'"]


@pytest.mark.parametrize("value", [*COMMANDS, '"/opt/my x" a', '"/bin/x" "a b"', '"/bin/x"'])
def test_the_words_of_a_fallbackcommand_for_all_are_those_of_a_shell(value: str) -> None:
    command = parse(f"fallbackcommand = {value}\n{VIRTUAL}", "any.cf", NAMES, KINDS).config.virtuals[0].fallbackcommand
    assert command is not None
    assert shlex.split(command) == words_of_a_shell(value)


@pytest.mark.parametrize("value", COMMANDS)
def test_the_words_of_a_virtuals_fallbackcommand_are_those_of_a_shell(value: str) -> None:
    text = f"{VIRTUAL}    fallbackcommand = {value}\n"
    command = parse(text, "any.cf", NAMES, KINDS).config.virtuals[0].fallbackcommand
    assert command is not None
    assert shlex.split(command) == words_of_a_shell(value)


def test_double_quotes_enclose_all_of_a_virtuals_fallbackcommand() -> None:
    text = f"{VIRTUAL}    fallbackcommand = \"/bin/x 'a b'\" c\n"
    parsed = parse(text, "any.cf", NAMES, KINDS)
    assert parsed.config.virtuals[0].fallbackcommand == "/bin/x 'a b'"
    assert [warning.what for warning in parsed.warnings] == ["the text after the closing quote is ignored"]


@pytest.mark.parametrize(
    "line", ['callback = "/bin/it\'s"', "fallbackcommand = /bin/it's", "fallbackcommand = '/x' \"a"]
)
def test_a_command_whose_quote_is_not_closed_is_refused(line: str) -> None:
    with pytest.raises(ConfigError, match="not a command: no closing quotation"):
        parse(f"{line}\n{VIRTUAL}", "any.cf", NAMES, KINDS)


@pytest.mark.parametrize("value", ["'sh-port'", '"sh-port"', "sh-port"])
def test_quotes_are_no_part_of_scheduler_flags(value: str) -> None:
    text = f"{VIRTUAL}    schedflags = {value}\n"
    assert parse(text, "any.cf", NAMES, KINDS).config.virtuals[0].schedflags == "sh-port"
