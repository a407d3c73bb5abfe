"""Both forms of a configuration, one from the other: the same meaning, and the comments."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ldirectord_py.checks.base import Kind
from ldirectord_py.checks.services import KINDS
from ldirectord_py.config.addresses import Names
from ldirectord_py.config.directives import DIRECTIVES, Scope
from ldirectord_py.config.document import entries_of, read_document
from ldirectord_py.config.files import Files
from ldirectord_py.config.include import Texts
from ldirectord_py.config.lines import Text
from ldirectord_py.config.model import Config
from ldirectord_py.config.number_values import SecondsReader
from ldirectord_py.config.parse import parse_files
from ldirectord_py.config.write_cf import to_cf_form
from ldirectord_py.config.write_yaml import to_yaml_form
from ldirectord_py.errors import ConfigError

GOOD = sorted((Path(__file__).parent / "cases" / "good").glob("*.cf"))
NAMES = Names(hostname="director")


def to_yaml(text: str, file: str = "a.cf") -> str:
    return to_yaml_form(read_document(Text(file, text), KINDS))


def to_cf(text: str, file: str = "a.yaml") -> str:
    return to_cf_form(read_document(Text(file, text), KINDS), KINDS)


def comments(text: str) -> list[str]:
    return [line.strip() for line in text.split("\n") if line.strip().startswith("#")]


@pytest.fixture
def meaning(names: Names, kinds: Mapping[str, Kind]) -> Callable[[str, str], Config]:
    return lambda text, file: parse_files(Texts(Text(file, text), Files()), names, kinds).config


@pytest.mark.parametrize("file", GOOD, ids=lambda file: file.stem)
def test_a_good_file_means_the_same_in_yaml_and_back(
    file: Path, meaning: Callable[[str, str], Config], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(file.parent)
    text = file.read_bytes().decode()
    yaml = to_yaml(text)
    back = to_cf(yaml)
    assert meaning(text, "a.cf") == meaning(yaml, "a.yaml") == meaning(back, "a.cf")
    assert meaning(to_cf(text, "a.cf"), "a.cf") == meaning(to_yaml(yaml, "a.yaml"), "a.yaml") == meaning(text, "a.cf")
    assert [line for line in comments(text.replace("\t", " ")) if line not in comments(yaml.replace("\t", " "))] == []
    assert [line for line in comments(yaml) if line not in comments(back)] == []


@pytest.mark.parametrize("file", GOOD, ids=lambda file: file.stem)
def test_what_is_written_is_stable(file: Path) -> None:
    yaml = to_yaml(file.read_bytes().decode())
    assert to_yaml(yaml, "a.yaml") == yaml
    back = to_cf(yaml)
    assert to_cf(back, "a.cf") == back


quotable = st.text(st.characters(exclude_characters="\n\0", exclude_categories=["Cs"]), min_size=1, max_size=12)
WORDS: Mapping[str, st.SearchStrategy[str]] = {
    "callback": st.just('"/bin/echo a"'),
    "checktype": st.sampled_from(["on", "off", "ping", "3", "connect"]),
    "emailalertstatus": st.sampled_from(["all", "none", "running,stopping", "starting"]),
    "execute": st.sampled_from(["b.cf", '"a b.cf"', "c.cf"]),
    "expectstatus": st.sampled_from(["200", "200-299,401"]),
    "fallback": st.sampled_from(["127.0.0.1:80", "127.0.0.2 masq", "127.0.0.3::81 gate"]),
    "fallbackcommand": st.sampled_from(["\"'a b' c\"", "/bin/false x", '"/bin/x y"']),
    "netmask": st.just("255.255.255.0"),
    "pe": st.just("none"),
    "persistent": st.sampled_from(["0", "600"]),
    "httpmethod": st.sampled_from(["GET", "head"]),
    "protocol": st.just("fwm"),
    "real": st.sampled_from(
        [
            "10.0.0.1:80 gate",
            "10.0.0.2->10.0.0.4:80 masq 5",
            '10.0.0.5:80 ipip 0 "a "b"", "c#d" l:1 u:2',
            '10.0.0.6 gate "x", "y", "z"',
        ]
    ),
    "reconcile": st.sampled_from(["off", "30"]),
    "request": st.builds('"{}"'.format, quotable),
    "receive": st.builds('"{}"'.format, st.text("abc #\"'\\.:-{}[]é\u2028\x07", min_size=1)),
    "scheduler": st.sampled_from(["rr", "wlc"]),
    "schedflags": st.just("sh-port,sh-fallback"),
    "service": st.sampled_from(["http", "https", "none"]),
    "smtp": st.sampled_from(["mail.example.net", "192.0.2.25:587"]),
    "tlsname": st.just("www.example.net"),
}
NUMBERS = ("check", "negotiate", "failure", "success", "max", "resolve", "workers", "emailalertfreq", "emailalertgroup")
TRUTHS = ("autoreload", "cleanstop", "followredirects", "fork", "ops", "quiescent", "readdquiescent", "starttls")
LEFT_OUT = {"fallback6", "include", "real6", "tlsca", "tlsverify", "virtual", "virtual6", "load"}


def value(name: str) -> st.SearchStrategy[str]:
    if name in WORDS:
        return WORDS[name]
    if isinstance(DIRECTIVES[name].read, SecondsReader):
        return st.sampled_from(["0.5", "00.30", "0.333333333333", "1.5", ".7", "2.9 s", "10"])
    if name.startswith(NUMBERS) and name != "checkcommand":
        return st.integers(1, 900).map(str)
    if name in TRUTHS or name == "supervised":
        return st.sampled_from(["yes", "no"])
    return st.text(st.characters(exclude_characters="\n\0", exclude_categories=["Cs"]), min_size=1, max_size=12)


def entry(scopes: set[Scope], indent: str) -> st.SearchStrategy[str]:
    names = sorted(row.name for row in DIRECTIVES.values() if row.scope in scopes and row.name not in LEFT_OUT)
    comment = st.sampled_from(["", "", "# above\n", "\n"])
    return st.sampled_from(names).flatmap(
        lambda name: st.builds(lambda above, text: f"{above}{indent}{name} = {text}\n", comment, value(name))
    )


virtual = st.builds(
    lambda mark, lines: f"# of mark {mark}\nvirtual = {mark}\n" + "".join(lines),
    st.integers(1, 9),
    st.lists(entry({Scope.VIRTUAL, Scope.BOTH}, "    "), max_size=8),
)
files = st.builds(
    lambda before, virtuals: "".join((*before, *virtuals)),
    st.lists(entry({Scope.GLOBAL, Scope.BOTH}, ""), max_size=5),
    st.lists(virtual, max_size=3, unique_by=lambda text: text.split("\n", 1)[0]),
)


@given(files)
def test_whatever_is_read_means_the_same_in_yaml_and_back(text: str) -> None:
    def meaning(text: str, file: str) -> Config:
        return parse_files(Texts(Text(file, text), Files()), NAMES, KINDS).config

    try:
        config = meaning(text, "a.cf")
    except ConfigError:
        return
    yaml = to_yaml(text)
    assert meaning(yaml, "a.yaml") == config
    assert meaning(to_cf(yaml), "a.cf") == config
    assert comments(yaml).count("# above") == comments(text).count("# above")


@pytest.mark.parametrize(
    ("text", "seconds", "warnings"), [("0.5", 0.5, 0), ("1.5", 1, 1), (".5", 5, 1), ("10.0", 10, 1)]
)
def test_a_time_with_decimals_means_the_same_in_both_forms(text: str, seconds: float, warnings: int) -> None:
    for line, file in ((f"checkinterval={text}\n", "a.cf"), (f"checkinterval: {text}\n", "a.yaml")):
        parsed = parse_files(Texts(Text(file, line), Files()), NAMES, KINDS)
        assert (parsed.config.settings.checkinterval, len(parsed.warnings)) == (seconds, warnings)


def test_comments_keep_their_places() -> None:
    text = """\
# of the file

# how often
checkinterval=5  # seconds

# the shop
virtual=192.0.2.1:80  # http
    # the first
    real=10.0.0.1:80 gate  # one
    #real=10.0.0.2:80 gate
    service=http
    # the last
    receive="a # b"  # not in quotes

# mail
virtual=192.0.2.1:25
# the end
"""
    expected = """\
# of the file

# how often
checkinterval: 5  # seconds

virtuals:
  # the shop
  - virtual: 192.0.2.1:80  # http
    reals:
      # the first
      - {real: 10.0.0.1:80, forward: gate}  # one
    #real=10.0.0.2:80 gate
    service: http
    # the last
    receive: "a # b"  # not in quotes

  # mail
  - virtual: 192.0.2.1:25
# the end
"""
    assert to_yaml(text) == expected
    assert to_cf(expected) == text


def test_an_include_stays_where_it_is() -> None:
    text = "include=a.cf\ninclude=b.cf\nvirtual=1\ninclude=c.cf\nvirtual=2\n"
    expected = "include:\n  - a.cf\n  - b.cf\nvirtuals:\n  - virtual: 1\n  - include: c.cf\n  - virtual: 2\n"
    assert to_yaml(text) == expected
    assert to_cf(expected) == text


def test_of_a_directive_that_is_set_twice_the_last_is_kept_with_all_comments() -> None:
    text = "# a\nfork=yes\n# b\ncheckinterval=5\n# c\nfork=no\nexecute=x.cf\nexecute=y.cf\n"
    assert to_yaml(text) == "# a\n# b\ncheckinterval: 5\n# c\nfork: no\nexecute:\n  - x.cf\n  - y.cf\n"


def test_a_line_that_cannot_be_read() -> None:
    for text in ("checkinterval=x\n", "bogus=1\n", "virtual=1\n    real=10.0.0.1\n"):
        with pytest.raises(ConfigError, match=r"^a\.cf:"):
            to_yaml(text)


def test_entries_are_in_the_order_of_the_file() -> None:
    document = read_document(Text("a.cf", "fork=no\nvirtual=1\n    real=10.0.0.1 gate\n    checkport=1\n"), KINDS)
    assert [each.line.name for each in entries_of(document)] == ["fork", "virtual", "real", "checkport"]
