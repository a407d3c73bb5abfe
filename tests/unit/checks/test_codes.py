"""The vocabulary of reason codes, and its table in docs/checks.md."""

from __future__ import annotations

import json
import pickle
import re
from pathlib import Path

from ldirectord_py.checks.codes import ReasonCode

PAGE = (Path(__file__).parents[3] / "docs" / "checks.md").read_text()


def test_the_page_has_each_code_with_its_meaning_and_a_remedy() -> None:
    table = PAGE.partition("### Reason codes")[2].partition("###")[0]
    rows = re.findall(r"^\| `(\w+)` \| (.+?) \| (.+) \|$", table, re.MULTILINE)
    assert [(code, meaning) for code, meaning, _ in rows] == [(code.value, code.meaning) for code in ReasonCode]


def test_a_code_is_its_name_wherever_it_goes() -> None:
    for code in ReasonCode:
        assert code.name == code.value == str(code)
        assert pickle.loads(pickle.dumps(code)) is ReasonCode(code.value) is code  # noqa: S301
    assert json.dumps([ReasonCode.L4OK]) == '["L4OK"]'


def test_a_meaning_is_one_sentence() -> None:
    assert all(re.fullmatch(r"[A-Z][^.]*\.", code.meaning) for code in ReasonCode)
