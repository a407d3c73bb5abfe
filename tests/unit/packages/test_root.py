"""How apt of this host reaches its mirror goes into the roots, and nothing else of its settings."""

from packages.root import acquire_options

DUMP = """\
Acquire "";
Acquire::Check-Valid-Until "false";
Acquire::Languages:: "en";
Acquire::http "";
Acquire::http::Proxy "http://127.0.0.1:3142";
Acquire::IndexTargets::deb::Packages::MetaKey "x";
"""


def test_acquire_options() -> None:
    assert acquire_options(DUMP) == (
        'Acquire::Check-Valid-Until "false";\nAcquire::http::Proxy "http://127.0.0.1:3142";\n'
    )
