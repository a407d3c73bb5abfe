from __future__ import annotations

import pytest

from ldirectord_py.checks.pattern import compiled, pattern_problem
from ldirectord_py.checks.search import search
from ldirectord_py.errors import CheckFailed


@pytest.mark.parametrize(
    ("pattern", "data", "found"),
    [
        ("Still alive", b"<p>Still alive</p>", True),
        ("still alive", b"Still alive", False),
        ("(?i)still ALIVE", b"Still alive", True),
        ("^b", b"a\nb", False),
        ("a.b", b"a\nb", False),
        ("b$", b"a\nb\n", True),
        (r"b\z", b"b\n", False),
        (r"b\Z", b"b\n", True),
        (r"\Aa\h+b", b"a \tb", True),
        (r"\x{41}\e\cA", b"A\x1b\x01", True),
        (r"\x{20ac}+", "€€".encode(), True),
        ("Grüße", "Grüße".encode(), True),
        (r"10\.0\.0\.1", b"10.0.0.1", True),
        (r"\\z", b"\\z", True),
        (r"[[:digit:]]++(?<x>a)\g<x>|(?:a|b)*+c", b"12aa", True),
        (r"^(?!.*(?:error|down)).*OK", b"all OK", True),
        ("", b"", True),
    ],
)
async def test_a_pattern_means_what_perl_means(pattern: str, data: bytes, found: bool) -> None:
    assert found == (await search(compiled(pattern), data) is not None)


@pytest.mark.parametrize(
    ("pattern", "problem"),
    [
        ("alive", None),
        ("(alive", "missing ) at position 6"),
        ("[a-", "unterminated character set at position 3"),
        ("*", "nothing to repeat at position 0"),
        (r"a\1", "invalid group reference at position 3"),
        ("(?u)alive", "cannot use UNICODE flag with a bytes pattern"),
    ],
)
def test_a_pattern_that_does_not_compile_has_a_problem(pattern: str, problem: str | None) -> None:
    assert problem == pattern_problem(pattern)


async def test_a_pattern_that_explodes_is_stopped_and_does_not_stop_the_loop(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("ldirectord_py.checks.search.THREAD_TIMEOUT", 0.05)
    with pytest.raises(CheckFailed, match=r"^the receive pattern takes more than 0\.05 s on this answer$"):
        await search(compiled(r"^(a|aa|b?)*(?=c)(\1|a)*$"), b"a" * 5000 + b"d" * 50)


@pytest.mark.parametrize(
    ("pattern", "problem"),
    [
        ("\ud800", "characters that UTF-8 does not have"),
        ("(?u)a", "cannot use UNICODE flag with a bytes pattern"),
        ("(" * 5000 + ")" * 5000, "too large"),
    ],
)
def test_a_pattern_that_cannot_be_one_of_bytes_has_a_problem(pattern: str, problem: str) -> None:
    assert pattern_problem(pattern) == problem
