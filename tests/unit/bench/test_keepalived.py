"""The configuration that keepalived gets as a peer."""

from __future__ import annotations

from bench.keepalived import Check, configuration

TWO = """\
virtual_server 10.9.0.100 80 {
    delay_loop 2
    lb_algo rr
    lb_kind NAT
    protocol TCP
    alpha
    real_server 127.0.1.1 8080 {
        weight 1
        HTTP_GET {
            url {
                path /
                status_code 200
            }
            connect_timeout 3
            retry 0
        }
    }
    real_server fd00::1 81 {
        weight 1
        HTTP_GET {
            url {
                path /
                status_code 200
            }
            connect_timeout 3
            retry 0
        }
    }
}
"""


def test_a_virtual_has_its_reals() -> None:
    assert configuration({"10.9.0.100:80": ["127.0.1.1:8080", "[fd00::1]:81"]}, Check.HTTP, 2, 3) == TWO


def test_a_connection_needs_no_page() -> None:
    assert "url" not in configuration({"10.9.0.100:80": ["127.0.1.1:8080"]}, Check.TCP, 0.5, 3)
