"""etc/ldirectord.schema.json: it is the one of the table of directives, and accepts what the loader accepts."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from harness.json_schema import faults
from harness.schema import FILE, schema_text
from ldirectord_py.checks.services import KINDS
from ldirectord_py.config.addresses import Names
from ldirectord_py.config.directives import DIRECTIVES, Scope
from ldirectord_py.config.document import read_document
from ldirectord_py.config.lines import Text
from ldirectord_py.config.parse import parse
from ldirectord_py.config.write_yaml import to_yaml_form
from ldirectord_py.errors import ConfigError

PAGE = Path(__file__).parents[2] / "docs" / "configuration.md"
NAMES = Names(hostname="director")
SCHEMA = json.loads(schema_text())
HEAD = "virtual=192.0.2.10:4242\n"
VIRTUAL = {"virtual": "192.0.2.1:80"}


def examples() -> Iterator[tuple[str, str]]:
    """Yield the example of each directive on the page."""
    for part in re.split(r"^### ", PAGE.read_text(), flags=re.MULTILINE)[1:]:
        name = part.partition("\n")[0]
        for number, text in enumerate(re.findall("^```\n((?:.*\n)*?)```$", part, flags=re.MULTILINE)):
            if name in DIRECTIVES:
                yield f"{name} {number}", text


EXAMPLES = dict(examples())


def accepts(value: Any) -> bool:
    return faults(value, SCHEMA) == []


def is_loaded(value: Any) -> bool:
    """Return whether the loader accepts a value; a warning counts as well."""
    try:
        parse(yaml.safe_dump(value), "a.yaml", NAMES, KINDS)
    except ConfigError:
        return False
    return True


def samples(schema: dict[str, Any]) -> Iterator[Any]:
    """Yield values that a schema accepts: the bounds of numbers, all words, lists of these, and some texts."""
    yield from schema.get("enum", ())
    yield from (schema[bound] for bound in ("minimum", "maximum") if bound in schema)
    for each in schema.get("anyOf", ()):
        yield from samples(each)
    if "items" in schema:
        yield from ([value] for value in samples(schema["items"]))
    if schema.get("type") == "string":
        yield from (text for text in TEXTS if re.search(schema.get("pattern", ""), text))


TEXTS = (
    "/bin/true",
    "sh-port",
    "wrr",
    "255.255.255.0",
    "mail.example.net",
    "127.0.0.1:80 masq",
    "[::1]:80",
    "200-299",
    "https://a/b",
)


def test_the_file_is_the_generated_one() -> None:
    assert FILE.read_text() == schema_text(), "run make man"


def test_every_directive_is_in_it() -> None:
    found = {*SCHEMA["properties"]}
    for item in SCHEMA["properties"]["virtuals"]["items"]["anyOf"]:
        found |= {*item["properties"]}
        reals = item["properties"].get("reals", {"items": {"anyOf": []}})["items"]["anyOf"]
        found |= {name for real in reals for name in real.get("properties", ())}
    assert found - {"virtuals", "reals", "forward", "weight", "lower", "upper"} == {*DIRECTIVES}


def test_each_example_of_the_page_is_accepted_in_yaml() -> None:
    found = {}
    for name, text in EXAMPLES.items():
        source = HEAD + text if text.startswith(" ") else text
        found[name] = faults(yaml.safe_load(to_yaml_form(read_document(Text("a.cf", source), KINDS))), SCHEMA)
    assert {name: each for name, each in found.items() if each} == {}
    assert found


def values(name: str) -> Iterator[Any]:
    """Yield files that the schema accepts, each with one value of a directive: the daemon's or a virtual's."""
    inside, inside6, _ = SCHEMA["properties"]["virtuals"]["items"]["anyOf"]
    for value in samples(SCHEMA["properties"].get(name, {})):
        yield {name: value}
    for header, item in (({"virtual": "192.0.2.1:5060"}, inside), ({"virtual6": "[2001:db8::1]:5060"}, inside6)):
        for value in samples(item["properties"].get(name, {})):
            yield {"virtuals": [{**header, **BESIDE.get(name, {}), name: value}]}


BESIDE = {"pe": {"protocol": "udp"}}
SEEN_TOGETHER = {"include", "netmask", "protocol", "tlsca", "virtual", "virtual6", "real", "real6"}
"""Directives whose values depend on others, or on files."""


@pytest.mark.parametrize("name", sorted(DIRECTIVES.keys() - SEEN_TOGETHER))
def test_what_the_schema_accepts_is_loaded(name: str) -> None:
    files = list(values(name))
    assert [file for file in files if not accepts(file)] == []
    assert [file for file in files if not is_loaded(file)] == []
    assert files


@pytest.mark.parametrize(
    "value",
    [
        {"chekinterval": 5},
        {"checkinterval": 0},
        {"checkinterval": "5"},
        {"checkinterval": 1.5},
        {"resolveinterval": 0.05},
        {"fork": "maybe"},
        {"virtuals": [{}]},
        {"virtuals": [{"virtual": "192.0.2.1"}]},
        {"virtuals": [{**VIRTUAL, "fork": True}]},
        {"virtuals": [{**VIRTUAL, "reals": [{"real": "10.0.0.1"}]}]},
        {"virtuals": [{**VIRTUAL, "reals": [{"real": "10.0.0.1", "forward": "gate", "request": "a"}]}]},
        {"virtuals": [{**VIRTUAL, "reals": ["10.0.0.1"]}]},
        {"virtuals": [{**VIRTUAL, "service": "htpp"}]},
        {"virtuals": [{**VIRTUAL, "emailalertstatus": []}]},
    ],
)
def test_mistakes_are_not_accepted(value: Any) -> None:
    assert not accepts(value)


def test_scopes() -> None:
    inside = SCHEMA["properties"]["virtuals"]["items"]["anyOf"][0]["properties"]
    for row in DIRECTIVES.values():
        if row.name not in ("virtual", "virtual6", "real", "real6", "fallback6"):
            assert (row.name in SCHEMA["properties"]) == (row.scope is not Scope.VIRTUAL), row.name
            assert (row.name in inside) == (row.scope is not Scope.GLOBAL), row.name


def test_it_is_json() -> None:
    assert json.loads(FILE.read_text())["$schema"].startswith("https://json-schema.org/")
