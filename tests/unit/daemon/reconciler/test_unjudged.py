from __future__ import annotations

import pytest

from ldirectord_py.daemon.reconciler.unjudged import kind_of


@pytest.mark.parametrize(
    ("reason", "kind"),
    [
        ("too many open files", "too many open files"),
        ("cannot run /usr/bin/check: permission denied", "cannot run /usr/bin/check"),
        ("this host was 1.9 s late to look for the answer", "this host was N s late to look for the answer"),
    ],
)
def test_reasons_that_differ_in_numbers_and_details_are_of_one_kind(reason: str, kind: str) -> None:
    assert kind_of(reason) == kind
