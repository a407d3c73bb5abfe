"""A real server whose parts are keys of their own."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from ldirectord_py.checks.base import Kind
from ldirectord_py.config.addresses import Names
from ldirectord_py.config.model import Forward, Real
from ldirectord_py.config.parse import Parsed, parse
from ldirectord_py.errors import ConfigError


def read(real: str, names: Names, kinds: Mapping[str, Kind]) -> Parsed:
    text = f"virtuals:\n- virtual: 192.0.2.1:80\n  request: /v\n  receive: w\n  reals:\n  - {{{real}}}\n"
    return parse(text, "a.yaml", names, kinds)


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ("real: 198.51.100.1:80, forward: gate", {}),
        ("forward: masq, real: 198.51.100.1:http, weight: 0", {"forward": Forward.MASQ, "weight": 0}),
        ("real: 198.51.100.1:80, forward: ipip, lower: 3, upper: 4", {"forward": Forward.IPIP, "lower": 3, "upper": 4}),
        ("real: 198.51.100.1:80, forward: gate, request: a, receive: b#", {"request": "/a", "receive": "b#"}),
        ('real: 198.51.100.1:80, forward: gate, request: "", receive: ""', {"request": "/", "receive": ""}),
    ],
)
def test_parts(text: str, fields: dict[str, object], names: Names, kinds: Mapping[str, Kind]) -> None:
    parsed = read(text, names, kinds)
    (server,) = parsed.config.virtuals[0].reals
    values: dict[str, object] = {"port": 80, "request": "/v", "receive": "w", **fields}
    assert server == Real(server.server, **values)  # type: ignore[arg-type]
    assert (str(server), parsed.warnings) == ("198.51.100.1:80", ())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("real: a b, forward: gate", "6:12: this is not the address of a real server; write ADDRESS[:PORT] or [IPv6]"),
        ("real: 10.0.0.1, weight: 1", "6:12: the forwarding method is missing; write forward: gate, masq or ipip"),
        ("real: 10.0.0.1, forward: bridge", '6:31: forward cannot be "bridge"; write gate, masq or ipip'),
        ("real: 10.0.0.1, forward: gate, weight: x", "6:45: weight needs a number; write weight: N, N from 0 to"),
        ("real: 10.0.0.1, forward: gate, upper: 4294967296", "6:44: upper must be from 0 to 4294967295; correct the"),
        ("real: 10.0.0.1, forward: gate, wait: 3", '6:37: a real server has no "wait"; did you mean "weight"?'),
        ("real: 10.0.0.1, forward: gate, q: 3", '6:37: a real server has no "q"; write some of forward, weight'),
        ("real: 10.0.0.1, forward: gate, request: a", "6:12: request and receive of a server belong together; write"),
        ("real6: 10.0.0.1, forward: gate", "6:13: real6 cannot be used in a virtual; write real: ..."),
    ],
)
def test_mistakes(text: str, expected: str, names: Names, kinds: Mapping[str, Kind]) -> None:
    with pytest.raises(ConfigError) as caught:
        read(text, names, kinds)
    (problem,) = [str(each) for each in caught.value.problems]
    assert problem.removeprefix("a.yaml:").startswith(expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("weight: 70000", "ipvsadm accepts no weight above 65535"),
        ("lower: 5", "the kernel accepts no lower threshold above the upper one"),
        ("weight: 5kg", '"5kg" is read as 5'),
    ],
)
def test_warnings(text: str, expected: str, names: Names, kinds: Mapping[str, Kind]) -> None:
    (warning,) = read(f"real: 198.51.100.1:80, forward: gate, {text}", names, kinds).warnings
    assert warning.what == expected
