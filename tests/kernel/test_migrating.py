"""Moving a director over from the Perl original and back, as docs/migrating.md describes it, disturbs no client."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from harness.comparison.packaged_host import AGENT, COMMAND, PackagedHost
from harness.host import program_path
from harness.lab.client import ONE_CONNECTION, Traffic
from harness.lab.lab import VIP, Lab
from harness.lab.namespace import end, eventually, python
from harness.lab.real_server import RealServer

CONFIG = "/etc/ha.d/ldirectord.cf"
LOG = "/var/log/ldirectord.log"
PID = "/run/ldirectord.ldirectord.cf.pid"
WEB = f"TCP {VIP}:80"
SLOW = 60.0  # emulated, Perl alone takes seconds to start

pytestmark = pytest.mark.skipif(
    not (Path(COMMAND).exists() and AGENT.exists()), reason="apt-get install ldirectord resource-agents"
)


@contextmanager
def held(lab: Lab, path: Path) -> Iterator[Traffic]:
    """Ask again and again on one connection, until the block ends or it fails; ``path`` takes the answers."""
    with path.open("wb") as output:
        process = lab.client.spawn(*python(ONE_CONNECTION, VIP, "80", "0.5", "30"), output=output)
    yield Traffic(path)
    end(process)


def configure(host: PackagedHost, reals: list[RealServer]) -> None:
    rows = "".join(f"    real = {real.address}:80 masq\n" for real in reals)
    host.path(CONFIG).write_text(
        "checkinterval = 1\nchecktimeout = 3\nquiescent = yes\ncleanstop = no\n"
        f'logfile = "{LOG}"\nvirtual = {VIP}:80\n{rows}    scheduler = wrr\n    service = http\n'
        '    request = "health"\n    receive = "healthy"\n'
    )


def original(host: PackagedHost, command: str) -> None:
    """Carry out a command of the original, which returns before it is done."""
    status, output = host.run(COMMAND, CONFIG, command)
    assert status == 0, output
    gone = command == "stop"
    eventually(lambda: (host.daemon("ldirectord.cf") is None) is gone, SLOW, lambda: f"{command}\n{host.log()}")


@pytest.mark.takes(60)
def test_moving_over_and_back_disturbs_no_client(lab: Lab, host: PackagedHost, tmp_path: Path) -> None:
    ours = shutil.which("ldirectord-py", path=program_path())
    assert ours is not None
    reals = [lab.real("web1"), lab.real("web2"), lab.real("web3")]
    web1, web2, web3 = (f"{real.address}:80" for real in reals)
    configure(host, reals)
    reals[2].refuse_connections()
    original(host, "start")
    lab.director.wait(WEB, {web1: 1, web2: 1, web3: 0}, within=SLOW)
    saved = lab.director.saved()
    with lab.client.traffic(VIP) as traffic, held(lab, tmp_path / "held") as one:
        traffic.wait(10)
        one.wait(2)
        began = time.monotonic()
        with lab.director.watch() as watch:
            original(host, "stop")
            host.install(Path(ours))
            assert [host.agent(action) for action in ("monitor", "start", "monitor")] == [7, 0, 0]
            eventually(lambda: "Starting Linux Director ldirectord-py" in host.log(), SLOW, host.log)
            traffic.wait(30)
            one.wait(10)
        assert [watch.weights(WEB, web) for web in (web1, web2, web3)] == [[1], [1], [0]]
        assert saved == lab.director.saved()

        reals[2].restore_network()
        lab.director.wait(WEB, {web1: 1, web2: 1, web3: 1}, within=SLOW)
        with lab.director.watch() as watch:
            assert host.agent("stop") == 0
            host.uninstall()
            original(host, "start")
            eventually(lambda: host.log().count("as daemon") > 2, SLOW, host.log)
            traffic.wait(30)
            one.wait(10)
        assert [watch.weights(WEB, web) for web in (web1, web2, web3)] == [[1], [1], [1]]
        assert traffic.failures(since=began) == []
        assert one.failures() == []
        assert len(one.counts()) == 1
        original(host, "stop")
    print(f"{len(traffic.requests())} requests, {len(one.requests())} more on one connection")
