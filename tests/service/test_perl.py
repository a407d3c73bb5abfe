"""The Perl original as a library, on which the tests of the differences depend."""

from __future__ import annotations

from harness.comparison import perl
from harness.fakes.scripted import hanging, servers

pytestmark = perl.needs_original

CONFIG = """checkinterval = 5
virtual = 192.0.2.1:80
    real = 127.0.0.1:1 masq 3
    failurecount = 2
    checkcount = 2
"""


def test_what_it_reads() -> None:
    answer = perl.read(CONFIG)
    (virtual,) = answer.virtuals
    (real,) = virtual["real"]
    assert (answer.settings["checkinterval"], virtual["failurecount"], virtual["service"]) == ("5", "2", "http")
    assert (real["server"], real["port"], real["forward"], real["weight"]) == ("127.0.0.1", "1", "masq", "3")
    assert [line for line, _ in answer.warnings] == [5]
    assert (answer.error, answer.died) == (None, None)


def test_what_it_refuses() -> None:
    assert perl.read(f"{CONFIG}    bogus = 1\n").error == (6, 'Unknown command "    bogus = 1\n"')


def test_nothing_of_one_configuration_is_left_in_the_next() -> None:
    alone = perl.read(CONFIG)
    other = "fallback = 127.0.0.9\nexecute = b.cf\nvirtual = 7\n    real = 127.0.0.2:80 ipip\n"
    refused, *others = perl.read_all([f"{CONFIG}    bogus = 1\n", CONFIG, other, CONFIG])
    assert refused.error is not None
    assert [others[0], others[2]] == [alone, alone]


def test_what_it_starts_with() -> None:
    assert perl.start(CONFIG).commands == (
        "/sbin/ipvsadm -A -t 192.0.2.1:80 -s wrr ",
        "/sbin/ipvsadm -a -t 192.0.2.1:80 -x 0 -y 0 -r 127.0.0.1:1 -m -w 3",
    )


async def test_what_it_checks() -> None:
    async with servers() as place:
        port = await place.start(hanging())
        answer = await perl.check(
            f"virtual = 192.0.2.1:99\n    checktype = connect\n"
            f"    real = 127.0.0.1:{port} masq\n    real = 127.0.0.1:1 masq\n",
            rounds=2,
        )
    up, down = (
        perl.Verdict("tcp:192.0.2.1:99", f"127.0.0.1:{port}", "up", None),
        perl.Verdict("tcp:192.0.2.1:99", "127.0.0.1:1", "down", None),
    )
    assert answer.verdicts == (up, down, up, down)
