"""Lines that no test of the director shows."""

from ipaddress import ip_address

from builders import fallback, service_key
from ldirectord_py.checks.base import Check, Target
from ldirectord_py.ipvs.diff import Op, Verb
from ldirectord_py.ipvs.table import Destination, DestinationKey, FirewallMark, ForwardMethod, Service
from ldirectord_py.report.events import Drifted, Phase, Role, Unjudged, Written
from ldirectord_py.report.wording import line

V6 = service_key("[2001:db8::1]:80")


def row(server: str, service: FirewallMark | None = None, weight: int = 1) -> Destination:
    key = fallback(server)
    return Destination(DestinationKey(service or V6, key.server, key.port), ForwardMethod.ROUTE, weight)


def test_ipv6_is_in_brackets() -> None:
    op = Op(Verb.ADD, row("[2001:db8::2]:80"))
    expected = "Added real server: [2001:db8::2]:80 ([2001:db8::1]:80) (Weight set to 1)"
    assert line(Written(op, None, Role.REAL, Phase.RUN)) == expected


def test_a_firewall_mark_is_its_number() -> None:
    mark = FirewallMark(7)
    assert (
        line(Written(Op(Verb.ADD, Service(mark, "rr")), None, Role.UNKNOWN, Phase.START)) == "Added virtual server: 7"
    )
    op = Op(Verb.DELETE, row("10.1.0.1:0", mark))
    assert line(Written(op, op.row, Role.REAL, Phase.RUN)) == "Deleted real server: 10.1.0.1:0 (7)"


def test_a_weight_that_changes_without_reaching_0_is_restored() -> None:
    op = Op(Verb.EDIT, row("10.1.0.1:80", weight=3))
    expected = "Restored real server: 10.1.0.1:80 ([2001:db8::1]:80) (Weight set to 3)"
    assert line(Written(op, row("10.1.0.1:80", weight=5), Role.REAL, Phase.RELOAD)) == expected


def test_a_forwarding_method_changed_by_hand_is_set_back() -> None:
    found = Destination(row("10.1.0.1:80").key, ForwardMethod.TUNNEL, 1)
    expected = "Somebody changed real server: 10.1.0.1:80 ([2001:db8::1]:80), setting it back"
    assert line(Drifted(row("10.1.0.1:80"), found, repaired=True)) == expected


def test_a_fault_of_this_host_is_logged_with_its_numbers() -> None:
    check = Check("http", Target(ip_address("10.1.0.1"), 80, 5.0), 10.0)
    assert line(Unjudged(check, "no memory", 554, 20)) == (
        "554 checks of 20 servers said nothing since the last such line, the fault is on this host: no memory"
    )
    assert line(Unjudged(check, "no memory", 0, 0, over=True)) == (
        "Checks judge again, a fault of this host is over: no memory"
    )
    assert line(Unjudged(check, "no memory", 1, 1, over=True)) == (
        "Checks judge again, a fault of this host is over: no memory; "
        "1 check of 1 server said nothing since the last such line"
    )
