"""The package of each release: built twice, judged by lintian, installed and removed in clean roots without a network.

``make test-packages``, as root. What is built is kept in .cache/packages until its sources change.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from packages import builder
from packages.contents import DIVERTED
from packages.control import dependencies
from packages.environment import make_environment
from packages.release import Release
from packages.root import CommandFailedError, clean_root, run, run_in, unpacked
from packages.sources import read_sources

MAX_BYTES = 25_000_000
CONFIG = """\
checkinterval = 1
virtual = 192.0.2.1:80
    real = 127.0.0.1:80 masq
    service = http
    request = "health"
virtual = 192.0.2.1:3306
    real = 127.0.0.1:3306 masq
    service = mysql
    request = "select 1"
    login = "check"
    passwd = "secret"
virtual = 192.0.2.1:1521
    real = 127.0.0.1:1521 masq
    service = oracle
    login = "check"
    passwd = "secret"
    database = "orcl"
    request = "select 1"
"""
IMPORT_ALL = """\
import importlib, pathlib, sys
site = pathlib.Path(sys.path[-1])
found = [path.relative_to(site) for path in site.rglob("*.so")]
for path in found:
    importlib.import_module(".".join([*path.parts[:-1], path.name.partition(".")[0]]))
print(len(found))
"""
ORIGINAL_RUNS = 'perl -e "sleep 60" /usr/sbin/ldirectord start & sleep 1; "$@"'
VOLATILE = ("dev", "proc", "run", "tmp", "var/cache", "var/lib/dpkg", "var/log")

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="makes clean roots, for chroot: needs to be root"),
    pytest.mark.skipif(shutil.which("mmdebstrap") is None, reason="sh tests/harness/setup.sh builders"),
]


def files(root: Path) -> set[str]:
    """Return what is in a root, without what changes whatever is installed."""
    found = (str(path.relative_to(root)) for path in root.rglob("*"))
    return {name for name in found if not name.startswith(VOLATILE)}


def test_another_build_has_the_same_bytes(release: Release, package: Path, tmp_path: Path) -> None:
    sources = read_sources()
    make_environment(release, tmp_path / "environment.tar")
    again = tmp_path / package.name
    builder.make_package(builder.describe(release, sources), sources, again, tmp_path / "environment.tar")
    assert package.read_bytes() == again.read_bytes()


def test_it_is_small(package: Path) -> None:
    assert package.stat().st_size <= MAX_BYTES


def test_lintian_finds_nothing(package: Path) -> None:
    assert builder.judge(package) == ""


def test_it_runs_without_network_and_compiler(installed: Path) -> None:
    (installed / "etc/ha.d/ldirectord.cf").write_text(CONFIG)
    assert "ldirectord" in run_in(installed, "ldirectord", "--version")
    run_in(installed, "ldirectord", "ldirectord.cf", "check")
    assert "192.0.2.1:3306" in run_in(installed, "ldirectord-py", "ldirectord.cf", "dump")
    (installed / "etc/ha.d/broken.cf").write_text("virtual = nowhere\n")
    with pytest.raises(CommandFailedError, match="exit status 2"):
        run_in(installed, "ldirectord", "broken.cf", "check")


def test_every_compiled_module_is_imported(installed: Path) -> None:
    assert int(run_in(installed, "/usr/lib/ldirectord-py/bin/python3", "-I", "-c", IMPORT_ALL)) > 15


def test_it_writes_no_configuration_and_leaves_nothing(host: Path) -> None:
    before = files(host)
    run_in(host, "dpkg", "--install", "/tmp/ours.deb")
    assert list((host / "etc/ha.d").iterdir()) == []
    assert (host / "etc/logrotate.d/ldirectord").exists()
    run_in(host, "ldirectord", "--version")
    run_in(host, "dpkg", "--purge", "ldirectord-py")
    assert files(host) - before - {"etc/logrotate.d"} == set()


def test_what_the_operator_changed_stays(host: Path) -> None:
    run_in(host, "dpkg", "--install", "/tmp/ours.deb")
    changed = [host / name for name in ("etc/default/ldirectord-py", "etc/logrotate.d/ldirectord")]
    for path in changed:
        path.write_text("# changed\n")
    run_in(host, "dpkg", "--install", "/tmp/ours.deb")
    run_in(host, "dpkg", "--remove", "ldirectord-py")
    assert [path.read_text() for path in changed] == ["# changed\n"] * 2


def test_a_purge_leaves_rules_that_it_did_not_write_and_no_link_to_a_unit(host: Path) -> None:
    rules, wants = host / "etc/logrotate.d/ldirectord", host / "etc/systemd/system/multi-user.target.wants"
    for folder in (rules.parent, wants):
        folder.mkdir(parents=True, exist_ok=True)
    rules.write_text("# the operator's\n")
    run_in(host, "dpkg", "--install", "/tmp/ours.deb")
    (wants / "ldirectord.service").symlink_to("/lib/systemd/system/ldirectord.service")
    run_in(host, "dpkg", "--purge", "ldirectord-py")
    assert rules.read_text() == "# the operator's\n"
    assert not (wants / "ldirectord.service").is_symlink()


@pytest.fixture
def with_original(release: Release, package: Path) -> Iterator[Path]:
    """The same, with the Perl package, and its file in /root."""
    with unpacked(clean_root(release, [*dependencies(release), "ldirectord"], kept="ldirectord")) as root:
        shutil.copy(package, root / "tmp/ours.deb")
        yield root


def test_the_files_of_the_perl_package_come_back(with_original: Path) -> None:
    host = with_original
    before = {name: (host / name.lstrip("/")).read_bytes() for name in DIVERTED}
    rules = (host / "etc/logrotate.d/ldirectord").read_bytes()
    run_in(host, "dpkg", "--install", "/tmp/ours.deb")
    assert "ldirectord-py" in run_in(host, "ldirectord", "--version")
    assert all((host / name.lstrip("/")).read_bytes() != theirs for name, theirs in before.items())
    assert (host / "usr/sbin/ldirectord.perl").read_bytes() == before["/usr/sbin/ldirectord"]
    assert (host / "etc/logrotate.d/ldirectord").read_bytes() == rules
    run_in(host, "sh", "-c", "dpkg --install /root/ldirectord_*.deb")  # an upgrade of theirs
    assert "ldirectord-py" in run_in(host, "ldirectord", "--version")
    run_in(host, "dpkg", "--purge", "ldirectord-py")
    assert before == {name: (host / name.lstrip("/")).read_bytes() for name in DIVERTED}
    assert run_in(host, "dpkg", "--verify", "ldirectord") == ""
    assert run_in(host, "dpkg-divert", "--list", "ldirectord-py") == ""


def test_it_is_refused_where_an_original_runs_and_policy_rc_d_forbids_starts(with_original: Path) -> None:
    host = with_original
    before = files(host)
    with pytest.raises(CommandFailedError, match=r"policy-rc\.d does not allow"):
        run_in(host, "sh", "-c", ORIGINAL_RUNS, "sh", "dpkg", "--install", "/tmp/ours.deb")
    assert files(host) == before
    assert run_in(host, "dpkg", "--verify", "ldirectord") == ""


def test_the_package_lists_what_it_carries(package: Path, tmp_path: Path) -> None:
    run("dpkg-deb", "--extract", str(package), str(tmp_path))
    doc = tmp_path / "usr/share/doc/ldirectord-py"
    text = (doc / "copyright").read_text()
    for part in ("CNRI-Python", "additional permission", "OpenSSL", "libuv", "oracledb", "common-licenses/Apache-2.0"):
        assert part in text
    listed = json.loads((doc / "sbom.cdx.json").read_text())["components"]
    assert {"aiohttp", "oracledb", "regex", "uvloop"} <= {one["name"] for one in listed}
    assert all(len(one["hashes"][0]["content"]) == 64 for one in listed)
