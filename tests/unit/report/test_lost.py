"""How much got lost, in words."""

from __future__ import annotations

from ldirectord_py.report.lost import LostReports, lost_texts


def test_each_count_has_a_noun_and_those_that_are_0_are_left_out() -> None:
    lost = LostReports(*range(1, len(LostReports._fields) + 1))
    assert list(lost_texts(lost._asdict())) == ["1 log line", "2 monitorfile lines", "3 mails", "4 notifications"]
    assert list(lost_texts(LostReports(mails=1)._asdict())) == ["1 mail"]
