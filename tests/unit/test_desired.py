from ipaddress import ip_address

import pytest

from builders import config, fallback, real, service_key, virtual
from ldirectord_py.administration import AdministrativeState
from ldirectord_py.config.model import CheckType, Forward, Virtual
from ldirectord_py.desired import (
    adopt,
    desired,
    forwarding_method,
    real_key,
    real_keys,
    row_key,
    rows,
    service,
    virtual_rows,
)
from ldirectord_py.health import HealthState, Rules
from ldirectord_py.ipvs.table import (
    Destination,
    DestinationKey,
    FirewallMark,
    Protocol,
    Service,
    ServiceFlag,
    VirtualAddress,
)
from ldirectord_py.ipvs.table import ForwardMethod as Method

READY, DRAIN, DISABLED = AdministrativeState
WEB = service_key("10.0.0.1:80")


def health(site: Virtual, *up: bool) -> dict[DestinationKey, HealthState]:
    return {real_key(site, server): HealthState(up=state) for server, state in zip(site.reals, up, strict=True)}


def weights(
    site: Virtual,
    *up: bool,
    manual: dict[DestinationKey, int | None] | None = None,
    states: dict[DestinationKey, AdministrativeState] | None = None,
) -> dict[str, int]:
    table = rows(site, health(site, *up), manual or {}, states or {})
    return {f"{row.key.address}:{row.key.port}": row.weight for row in table.values() if isinstance(row, Destination)}


def test_a_server_that_is_down_leaves_the_table() -> None:
    assert weights(virtual("10.0.0.1:80", "10.1.0.1:80", "10.1.0.2:80"), True, False) == {"10.1.0.1:80": 1}


def test_a_quiescent_server_that_is_down_has_weight_0() -> None:
    site = virtual("10.0.0.1:80", real("10.1.0.1:80", weight=5), "10.1.0.2:80", quiescent=True)
    assert weights(site, False, True) == {"10.1.0.1:80": 0, "10.1.0.2:80": 1}


@pytest.mark.parametrize("quiescent", [False, True])
def test_the_fallback_is_there_exactly_while_no_server_is_up(quiescent: bool) -> None:
    site = virtual("10.0.0.1:80", "10.1.0.1:80", "10.1.0.2:80", fallback=fallback("127.0.0.1:80"), quiescent=quiescent)
    assert "127.0.0.1:80" not in weights(site, False, True)
    assert weights(site, False, False)["127.0.0.1:80"] == 1


def test_a_server_up_with_weight_0_keeps_the_fallback_out() -> None:
    site = virtual("10.0.0.1:80", real("10.1.0.1:80", weight=0), fallback=fallback("127.0.0.1:80"))
    assert weights(site, True) == {"10.1.0.1:80": 0}


def test_F23_a_fallback_that_is_also_a_real_has_weight_while_no_server_is_up() -> None:
    site = virtual("10.0.0.1:80", real("10.1.0.1:80", weight=5), fallback=fallback("10.1.0.1:80"), quiescent=True)
    assert (weights(site, False), weights(site, True)) == ({"10.1.0.1:80": 1}, {"10.1.0.1:80": 5})


def test_F23_two_reals_in_one_row_are_up_when_one_is() -> None:
    site = virtual(
        "10.0.0.1:80",
        real("10.1.0.1:81", Forward.GATE, weight=2),
        real("10.1.0.1:82", Forward.GATE, weight=3),
        quiescent=True,
    )
    assert [weights(site, *up) for up in [(True, True), (False, True), (False, False)]] == [
        {"10.1.0.1:80": 2},
        {"10.1.0.1:80": 3},
        {"10.1.0.1:80": 0},
    ]


@pytest.mark.parametrize(
    ("site", "forward", "port"),
    [
        ("10.0.0.1:80", Forward.MASQ, 8080),
        ("10.0.0.1:80", Forward.GATE, 80),
        ("10.0.0.1:80", Forward.IPIP, 80),
        (1, Forward.GATE, 8080),
    ],
)
def test_only_masquerading_leads_to_another_port(site: str | int, forward: Forward, port: int) -> None:
    assert row_key(virtual(site), real("10.1.0.1:8080", forward)).port == port


def test_a_fallback_without_a_port_has_the_virtuals_or_none() -> None:
    server = fallback("127.0.0.1:0")
    assert (row_key(virtual("10.0.0.1:80"), server).port, row_key(virtual(1), server).port) == (80, 0)


def test_manual_weights_and_removals_are_kept() -> None:
    site = virtual("10.0.0.1:80", "10.1.0.1:80", "10.1.0.2:80", quiescent=True)
    first, second = (row_key(site, server) for server in site.reals)
    assert weights(site, True, False, manual={first: 7, second: None}) == {"10.1.0.1:80": 7}


def administered(site: Virtual, *states: AdministrativeState) -> dict[DestinationKey, AdministrativeState]:
    keys = (real_key(site, server) for server in site.reals)
    return {key: state for key, state in zip(keys, states, strict=True) if state is not READY}


@pytest.mark.parametrize("quiescent", [False, True])
@pytest.mark.parametrize("up", [False, True])
def test_a_drained_server_has_weight_0_and_a_disabled_one_no_row(quiescent: bool, up: bool) -> None:
    site = virtual("10.0.0.1:80", "10.1.0.1:80", "10.1.0.2:80", "10.1.0.3:80", quiescent=quiescent)
    states = administered(site, DRAIN, DISABLED, READY)
    assert weights(site, up, up, True, states=states) == {"10.1.0.1:80": 0, "10.1.0.3:80": 1}


def test_drained_and_disabled_servers_do_not_count_as_up() -> None:
    site = virtual("10.0.0.1:80", "10.1.0.1:80", "10.1.0.2:80", "10.1.0.3:80", fallback=fallback("127.0.0.1:80"))
    states = administered(site, DRAIN, DISABLED, READY)
    assert weights(site, True, True, False, states=states) == {"10.1.0.1:80": 0, "127.0.0.1:80": 1}
    assert "127.0.0.1:80" not in weights(site, True, True, True, states=states)


@pytest.mark.parametrize(("state", "left"), [(DRAIN, {"10.1.0.1:80": 0}), (DISABLED, {})])
def test_a_drained_or_disabled_server_is_no_fallback_either(state: AdministrativeState, left: dict[str, int]) -> None:
    site = virtual("10.0.0.1:80", "10.1.0.1:80", fallback=fallback("10.1.0.1:80"), quiescent=True)
    assert weights(site, True, states=administered(site, state)) == left


@pytest.mark.parametrize("quiescent", [False, True])
def test_the_others_decide_about_a_row_that_they_share(quiescent: bool) -> None:
    shared = (real("10.1.0.1:81", Forward.GATE, weight=2), real("10.1.0.1:82", Forward.GATE, weight=3))
    site = virtual("10.0.0.1:80", *shared, quiescent=quiescent)
    assert weights(site, True, True, states=administered(site, DRAIN, READY)) == {"10.1.0.1:80": 3}
    assert weights(site, True, False, states=administered(site, DRAIN, READY)) == {"10.1.0.1:80": 0}
    assert weights(site, True, True, states=administered(site, DRAIN, DISABLED)) == {"10.1.0.1:80": 0}
    assert weights(site, True, False, states=administered(site, DISABLED, READY)) == (
        {"10.1.0.1:80": 0} if quiescent else {}
    )


def test_a_drained_row_has_no_manual_weight() -> None:
    site = virtual("10.0.0.1:80", "10.1.0.1:80", "10.1.0.2:80")
    manual: dict[DestinationKey, int | None] = {row_key(site, site.reals[0]): 7, row_key(site, site.reals[1]): 7}
    assert weights(site, True, True, manual=manual, states=administered(site, DRAIN, READY)) == {
        "10.1.0.1:80": 0,
        "10.1.0.2:80": 7,
    }


def test_thresholds_and_method_reach_the_row() -> None:
    site = virtual("10.0.0.1:80", real("10.1.0.1:80", Forward.IPIP, weight=3, upper=20, lower=10))
    row = rows(site, health(site, True), {})[row_key(site, site.reals[0])]
    assert row == Destination(DestinationKey(WEB, ip_address("10.1.0.1"), 80), Method.TUNNEL, 3, 20, 10)


PERSISTENT = ServiceFlag.PERSISTENT


@pytest.mark.parametrize(
    ("site", "row"),
    [
        (virtual("10.0.0.1:80", scheduler="rr"), Service(WEB, "rr")),
        (virtual("10.0.0.1:80", netmask="255.255.255.0"), Service(WEB, "wrr")),
        (virtual("10.0.0.1:80", persistent=600), Service(WEB, "wrr", PERSISTENT, 600)),
        (
            virtual("10.0.0.1:80", persistent=600, netmask="255.255.255.0"),
            Service(WEB, "wrr", PERSISTENT, 600, 0xFFFFFF00),
        ),
        (
            virtual("[2001:db8::1]:80", persistent=600, netmask="64"),
            Service(VirtualAddress(Protocol.TCP, ip_address("2001:db8::1"), 80), "wrr", PERSISTENT, 600, 64),
        ),
        (
            virtual("10.0.0.1:53", protocol=Protocol.UDP, ops=True),
            Service(service_key("10.0.0.1:53", Protocol.UDP), "wrr", ServiceFlag.ONE_PACKET),
        ),
        (virtual("10.0.0.1:80", ops=True), Service(WEB, "wrr")),
        (
            virtual("10.0.0.1:53", protocol=Protocol.UDP, ops=True, persistent=60, schedflags="flag-1 flag-3"),
            Service(
                service_key("10.0.0.1:53", Protocol.UDP),
                "wrr",
                PERSISTENT | ServiceFlag.ONE_PACKET | ServiceFlag.SCHED_1 | ServiceFlag.SCHED_3,
                60,
            ),
        ),
        (
            virtual("[2001:db8::1]:80"),
            Service(VirtualAddress(Protocol.TCP, ip_address("2001:db8::1"), 80), "wrr", mask=128),
        ),
        (
            virtual("10.0.0.1:80", scheduler="sh", schedflags="sh-fallback,sh-port"),
            Service(WEB, "sh", ServiceFlag.SCHED_1 | ServiceFlag.SCHED_2),
        ),
        (virtual(7), Service(FirewallMark(7), "wrr")),
    ],
)
def test_the_service_row(site: Virtual, row: Service) -> None:
    assert service(site) == row


@pytest.mark.parametrize(("pe", "engine", "any_engine"), [(None, "", True), ("none", "", False), ("sip", "sip", False)])
def test_an_engine_is_left_open_unless_the_file_names_one_or_none(
    pe: str | None, engine: str, any_engine: bool
) -> None:
    row = service(virtual("10.0.0.1:80", pe=pe))
    assert (row.engine, row.any_engine) == (engine, any_engine)


def test_a_server_with_weight_in_the_kernel_is_taken_over_as_up() -> None:
    site = virtual("10.0.0.1:80", "10.1.0.1:80", "10.1.0.2:80", "10.1.0.3:80", quiescent=True)
    table = rows(site, health(site, True, False, False), {row_key(site, site.reals[2]): None})
    assert [state.up for state in adopt(site, table).values()] == [True, False, False]


def test_checktype_on_is_up_without_a_check() -> None:
    site = virtual("10.0.0.1:80", "10.1.0.1:80", checktype=CheckType.ON)
    assert [state.up for state in adopt(site, {}).values()] == [True]


def test_the_table_has_the_rows_of_every_virtual() -> None:
    first, second = virtual("10.0.0.1:80", "10.1.0.1:80"), virtual(1, real("10.1.0.1:80", weight=20))
    states = health(first, True) | health(second, True)
    first_key, second_key = (real_key(site, site.reals[0]) for site in (first, second))
    for administration, tenths in (({}, {}), ({first_key: DRAIN}, {second_key: 3})):
        expected = rows(first, states, {}, administration, tenths) | rows(second, states, {}, administration, tenths)
        assert desired(config(first, second), states, {}, administration, tenths) == expected
    manual: dict[DestinationKey, int | None] = {first_key: 7}
    assert desired(config(first, second), states, manual) == rows(first, states, manual) | rows(second, states, manual)
    assert desired(config(first, second), states, {}) == rows(first, states, {}) | rows(second, states, {})


def test_a_weight_that_rises_is_part_of_the_configured_one_unless_somebody_set_another() -> None:
    site = virtual("10.0.0.1:80", real("10.1.0.1:80", weight=20), real("10.1.0.2:80", weight=20), quiescent=True)
    first, second = (real_key(site, server) for server in site.reals)

    def found(*up: bool, manual: dict[DestinationKey, int | None] | None = None, drained: bool = False) -> list[int]:
        states = administered(site, DRAIN, READY) if drained else {}
        table = rows(site, health(site, *up), manual or {}, states, {first: 3})
        return [row.weight for row in reversed(table.values()) if isinstance(row, Destination)]

    assert found(True, True) == [6, 20]
    assert found(False, True) == [0, 20]
    assert found(True, True, manual={first: 7, second: 8}) == [7, 8]
    assert found(True, True, drained=True) == [0, 20]


@pytest.mark.parametrize(
    ("word", "flag"),
    [
        *((word, ServiceFlag.SCHED_1) for word in ("flag-1", "sh-fallback", "mh-fallback")),
        *((word, ServiceFlag.SCHED_2) for word in ("flag-2", "sh-port", "mh-port")),
        ("flag-3", ServiceFlag.SCHED_3),
        ("flag-4", ServiceFlag(0)),
    ],
)
def test_each_scheduler_flag_has_its_words(word: str, flag: ServiceFlag) -> None:
    assert service(virtual("10.0.0.1:80", schedflags=f"{word}, {word}")).flags == flag


@pytest.mark.parametrize(
    ("forward", "method"),
    [(Forward.GATE, Method.ROUTE), (Forward.MASQ, Method.MASQUERADE), (Forward.IPIP, Method.TUNNEL)],
)
def test_servers_and_fallbacks_have_the_method_of_their_forwarding(forward: Forward, method: Method) -> None:
    site = virtual("10.0.0.1:80", real("10.1.0.1:80", forward), fallback=fallback("10.1.0.2:80", forward))
    found = rows(site, health(site, True), {}) | rows(site, health(site, False), {})
    assert [row.forward for row in found.values() if isinstance(row, Destination)] == [method, method]
    assert forwarding_method(real("10.1.0.1:80", forward)) is method


def test_the_keys_of_a_configuration_are_those_of_the_servers_of_all_virtuals() -> None:
    sites = virtual("10.0.0.1:80", "10.1.0.1:80", "10.1.0.2:80"), virtual("10.0.0.2:25", "10.1.0.1:25")
    keys = {(key.service, key.endpoint) for key in real_keys(config(*sites))}
    assert keys == {
        (WEB, "10.1.0.1:80"),
        (WEB, "10.1.0.2:80"),
        (service_key("10.0.0.2:25"), "10.1.0.1:25"),
    }


def test_a_server_has_the_rules_of_its_virtual_and_without_checks_one_success_is_enough() -> None:
    checked, unchecked = (
        virtual_rows(virtual("10.0.0.1:80", "10.1.0.1:80", failurecount=3, successcount=2, checktype=checktype)).reals
        for checktype in (CheckType.NEGOTIATE, CheckType.ON)
    )
    assert [(each.rules, each.always_up) for each in checked] == [(Rules(3, 2), False)]
    assert [(each.rules, each.always_up) for each in unchecked] == [(Rules(3, 1), True)]
