"""What two daemons left is made comparable, and compared."""

from __future__ import annotations

import json

import pytest

from harness.comparison.checkpoint import Checkpoint, compare, logged, mailed, monitored

LOG = """\
[Sun Nov 22 14:00:00 2026|a.cf|17] Starting Linux Director v1.186-ha-HEAD as daemon
[Sun Nov 22 14:00:01 2026|a.cf|17] Added real server: 10.0.0.1:80 (10.0.0.100:80) (Weight set to 1)
[Sun Nov 22 14:00:02 2026|a.cf|17] Added real server: 10.0.0.1:80 (10.0.0.100:80) (Weight set to 1)
[Sun Nov 22 14:00:03 2026|a.cf|17] Soft failure real server: 10.0.0.1:80 (tcp:10.0.0.100:80) failure 1/3: refused
[Sun Nov 22 14:00:04 2026|a.cf|17] Real server 10.0.0.1:80 (tcp:10.0.0.100:80) is down: refused
"""
MONITOR = """\
[Sun Nov 22 14:00:00 2026] [17] connect tcp 10.0.0.1 80 1 masq [up] connected
[Sun Nov 22 14:00:01 2026] [17] connect tcp 10.0.0.2 80 1 masq [up] connected
[Sun Nov 22 14:00:02 2026] [17] connect tcp 10.0.0.1 80 1 masq [down] refused
"""


def test_messages_are_a_set_without_times_versions_and_reasons() -> None:
    assert logged(LOG) == (
        "Added real server: 10.0.0.1:80 (10.0.0.100:80) (Weight set to 1)",
        "Soft failure real server: 10.0.0.1:80 (tcp:10.0.0.100:80) failure 1/3",
        "Starting as daemon",
    )


def test_of_a_monitorfile_the_last_line_about_each_server_counts() -> None:
    assert monitored(MONITOR) == {
        "monitor": ("connect tcp 10.0.0.1 80 1 masq [down]", "connect tcp 10.0.0.2 80 1 masq [up]"),
        "messages": ("connect tcp 10.0.0.1 80 1 masq [down] refused", "connect tcp 10.0.0.2 80 1 masq [up] connected"),
    }


def test_the_reason_of_a_mail_is_compared_apart() -> None:
    headers = {"To": "ops@x", "Subject": "Deleted", "Content-Transfer-Encoding": "quoted-printable"}
    body = "Log-Message: Dele=\nted\nReason: refused\n"
    assert mailed([json.dumps({"from": "lb@x", "to": "<ops@x>", "headers": headers, "body": body})]) == {
        "mails": ("<ops@x> Deleted\nLog-Message: Deleted",),
        "headers": ("lb@x Content-Transfer-Encoding Subject To",),
        "reasons": ("Reason: refused\n",),
    }


@pytest.mark.parametrize(
    ("differs", "original", "ours", "expected"),
    [
        ({}, ("a",), ("a",), []),
        ({"log": "A row"}, ("a",), ("b",), []),
        ({}, ("a",), ("b",), ["up: log differs"]),
        ({"log": "A row"}, ("a",), ("a",), ["up: log differs no longer (A row)"]),
        ({"table": "A row"}, ("a",), ("b",), ["up: table differs no longer (A row)", "up: log differs"]),
    ],
)
def test_only_what_is_named_may_differ_and_must(
    differs: dict[str, str], original: tuple[str, ...], ours: tuple[str, ...], expected: list[str]
) -> None:
    found = compare([Checkpoint("up", differs, log=original)], [Checkpoint("up", differs, log=ours)])
    assert [text.splitlines()[0] for text in found] == expected
