"""Completion for bash, zsh and fish from the table of commands; `python -m harness.completion` writes it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

from ldirectord_py.cli.invocation.commands import COMMANDS
from ldirectord_py.config.lines import YAML_SUFFIXES
from ldirectord_py.instance.command_line import CONFIG_FOLDERS

FOLDER = Path(__file__).parents[2] / "etc" / "completion"
SUFFIXES = (".cf", *YAML_SUFFIXES)
PLAIN = ("-d", "--debug", "-h", "--help", "-v", "--version")
MADE = "# Made by tests/harness/completion.py from the table of commands: run make man.\n"
_OPTION = re.compile(r"(--[\w-]+)(?: ([A-Za-z]\S*))?")
_CHOICES = re.compile(r"[a-z-]+(?:\|[a-z-]+)+")


def options(text: str) -> Mapping[str, str]:
    """Return the options of a command: "" for a switch, ``FILE``, ``VALUE``, or the choices with ``|`` between."""
    return MappingProxyType({found[1]: _values(found[2] or "") for found in _OPTION.finditer(text)})


def _values(word: str) -> str:
    if choices := _CHOICES.match(word):
        return choices[0]
    if word.rstrip("]").endswith("FILE"):
        return "FILE"
    return "VALUE" if word else ""


def _summary(name: str) -> str:
    return re.split("[:;]", COMMANDS[name].summary)[0]


def _values_by_option() -> Iterator[tuple[str, str, str]]:
    """Yield command, option and value of each option with a value."""
    for name, command in COMMANDS.items():
        yield from ((name, option, value) for option, value in options(command.options).items() if value)


def _switches() -> Iterator[tuple[str, str]]:
    """Yield each command that has options, with these."""
    for name, command in COMMANDS.items():
        if found := options(command.options):
            yield name, " ".join(found)


def bash() -> str:
    """Return the completion for bash."""
    values = "".join(
        f'        "{name} {option}") {_BASH.get(value) or _words(value)}; return ;;\n'
        for name, option, value in _values_by_option()
    )
    cases = "".join(f"        {name}) {_words(found)} ;;\n" for name, found in _switches())
    return f"""\
{MADE}# shellcheck shell=bash
_ldirectord() {{
    local cur=${{COMP_WORDS[COMP_CWORD]}} prev=${{COMP_WORDS[COMP_CWORD - 1]}} command="" config="" word
    COMPREPLY=()
    for word in "${{COMP_WORDS[@]:1:COMP_CWORD-1}}"; do
        case $word in
            {"|".join(COMMANDS)}) command=$word; break ;;
            -*) ;;
            *) config=$word ;;
        esac
    done
    case "$command $prev" in
{values}    esac
    case $command in
{cases}        "") _ldirectord_first ;;
    esac
}}

_ldirectord_first() {{
    local folder suffix
    if [[ $cur == -* ]]; then
        {_words(" ".join(PLAIN))}
        return
    fi
    {_words(" ".join(COMMANDS))}
    [[ $config ]] && return
    for suffix in {" ".join(SUFFIXES)}; do
        for folder in {" ".join(CONFIG_FOLDERS)}; do
            mapfile -t -O "${{#COMPREPLY[@]}}" COMPREPLY < \\
                <(cd "$folder" 2>/dev/null && compgen -f -X "!*$suffix" -- "$cur")
        done
    done
    compopt -o filenames 2>/dev/null
    mapfile -t -O "${{#COMPREPLY[@]}}" COMPREPLY < <(compgen -f -- "$cur")
}}

complete -F _ldirectord ldirectord ldirectord-py
"""


_BASH = {
    "FILE": 'compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$cur")',
    "VALUE": ":",
}


def _words(value: str) -> str:
    return f'mapfile -t COMPREPLY < <(compgen -W "{value.replace("|", " ")}" -- "$cur")'


def zsh() -> str:
    """Return the completion for zsh."""
    described = "".join(f"        {_quoted(f'{name}:{_summary(name)}', _ZSH_QUOTE)}\n" for name in COMMANDS)
    values = "".join(
        f'        ("{name} {option}") {_ZSH.get(value) or "compadd -- " + value.replace("|", " ")}; return ;;\n'
        for name, option, value in _values_by_option()
    )
    cases = "".join(f"        ({name}) compadd -- {found} ;;\n" for name, found in _switches())
    return f"""\
#compdef ldirectord ldirectord-py
{MADE}
local -a subcommands configs
local word command config
subcommands=(
{described})
for word in ${{words[2,CURRENT-1]}}; do
    if (( ${{subcommands[(I)$word:*]}} )); then
        command=$word
        break
    elif [[ $word != -* ]]; then
        config=$word
    fi
done
if [[ -n $command ]]; then
    case "$command $words[CURRENT-1]" in
{values}    esac
    case $command in
{cases}    esac
elif [[ $PREFIX == -* ]]; then
    compadd -- {" ".join(PLAIN)}
else
    _describe command subcommands
    if [[ -z $config ]]; then
        configs=({" ".join(f"{folder}/*({'|'.join(SUFFIXES)})(N:t)" for folder in CONFIG_FOLDERS)})
        compadd -a configs
        _files
    fi
fi
"""


_ZSH = {"FILE": "_files", "VALUE": "_message value"}
_ZSH_QUOTE = "'\\''"


def fish() -> str:
    """Return the completion for fish."""
    first = "".join(
        f"complete -c ldirectord -n 'not __ldirectord_command' -a {name} -d {_quoted(_summary(name), _FISH_QUOTE)}\n"
        for name in COMMANDS
    )
    after = "".join(
        f"complete -c ldirectord -n 'string match -q -- {name} (__ldirectord_command)'"
        f" -l {option[2:]}{_fish_value(value)}\n"
        for name, command in COMMANDS.items()
        for option, value in options(command.options).items()
    )
    plain = "".join(
        f"complete -c ldirectord -n 'not __ldirectord_command' -s {name[0]} -l {name}\n"
        for name in ("debug", "help", "version")
    )
    return f"""\
{MADE}
function __ldirectord_command
    for word in (commandline -opc)[2..-1]
        if contains -- $word {" ".join(COMMANDS)}
            echo $word
            return 0
        end
    end
    return 1
end

complete -c ldirectord -n '__ldirectord_command >/dev/null' -f
{first}{plain}{after}complete -c ldirectord-py -w ldirectord
"""


_FISH_QUOTE = "\\'"


def _fish_value(value: str) -> str:
    if value in {"", "FILE", "VALUE"}:
        return {"": "", "FILE": " -rF", "VALUE": " -x"}[value]
    return f" -xa '{value.replace('|', ' ')}'"


def _quoted(text: str, quote: str) -> str:
    return "'" + text.replace("'", quote) + "'"


FILES = MappingProxyType({"ldirectord": bash, "_ldirectord": zsh, "ldirectord.fish": fish})
"""The files in FOLDER, as each shell names them."""

if __name__ == "__main__":
    for name, text in FILES.items():
        (FOLDER / name).write_text(text())
