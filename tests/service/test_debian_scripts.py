"""The unchanged scripts of Debian and Pacemaker, with our command in place of the original."""

from __future__ import annotations

import os
import shutil
import signal
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.comparison.packaged_host import AGENT, COMMAND, INIT_SCRIPT, UNIT, PackagedHost
from harness.lab.namespace import eventually

CONFIG = "/etc/ha.d/ldirectord.cf"
LOG = "/var/log/ldirectord.log"
GOOD = (
    f'checkinterval = 1\nlogfile = "{LOG}"\nvirtual = 192.0.2.1:80\n    real = 127.0.0.1:80 masq\n    checktype = on\n'
)
MORE = f"{GOOD}virtual = 192.0.2.1:81\n    real = 127.0.0.1:81 masq\n    checktype = on\n"
BROKEN = "virtual = 192.0.2.1:80\n    bogus = 1\n"
RUNNING, GENERIC, NOT_RUNNING = 0, 1, 7  # of OCF

# The real command; the table alone is one in memory, so that it needs no kernel with IPVS.
PROGRAM = f"""#!{sys.executable}
import sys
from ldirectord_py.cli import main

if sys.argv[-1] in ("start", "restart"):
    from ldirectord_py.daemon import run
    from ldirectord_py.ipvs.kernel import MemoryKernel

    class Kernel(MemoryKernel):
        async def aclose(self):
            pass

    run.NetlinkKernel = Kernel
sys.exit(main())
"""

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="mounts over /usr/sbin/ldirectord, in a namespace: needs root"),
    pytest.mark.skipif(
        not (AGENT.exists() and Path(INIT_SCRIPT).exists()), reason="apt-get install ldirectord resource-agents"
    ),
]


@pytest.fixture
def host(tmp_path: Path) -> Iterator[PackagedHost]:
    """A host with our command and a good configuration."""
    command = tmp_path / "ldirectord"
    command.write_text(PROGRAM)
    command.chmod(command.stat().st_mode | stat.S_IXUSR)
    with PackagedHost(tmp_path / "host") as host:
        host.install(command)
        host.path(CONFIG).write_text(GOOD)
        host.path("/etc/default/ldirectord").write_text(f"CONFIG_FILE={CONFIG}\n")
        yield host


def logged(host: PackagedHost, text: str) -> None:
    """Wait until the daemon says so."""
    eventually(lambda: text in host.log(), 30, host.log)


def test_debians_init_script(host: PackagedHost) -> None:
    def script(action: str) -> int:
        status, output = host.run(INIT_SCRIPT, action)
        print(f"{action}: {status} {output}")
        return status

    assert [script(action) for action in ("status", "stop", "reload", "start")] == [3, 0, 1, 0]
    first = host.daemon("ldirectord.cf")
    assert first is not None
    assert [script(action) for action in ("status", "start")] == [0, 0]
    host.path(CONFIG).write_text(MORE)
    assert script("reload") == 0
    logged(host, "192.0.2.1:81")
    assert first == host.daemon("ldirectord.cf")
    assert script("restart") == 0
    assert host.daemon("ldirectord.cf") not in {None, first}
    host.path(CONFIG).write_text(BROKEN)
    assert [script(action) for action in ("restart", "status", "stop")] == [2, 0, 0]
    assert host.daemon("ldirectord.cf") is None
    assert [script(action) for action in ("status", "start")] == [2, 2]


def test_debians_unit(host: PackagedHost) -> None:
    """Each command of the unit, in systemd's order; it waits for the process that the pid file names."""
    unit = dict(line.split("=", 1) for line in UNIT.read_text().splitlines() if "=" in line)
    assert ("forking", f"{COMMAND} start") == (unit["Type"], unit["ExecStart"])

    def does(name: str) -> int:
        return host.run(*unit[name].split())[0]

    assert [does(name) for name in ("ExecStart", "ExecStartPost")] == [0, 0]
    assert unit["PIDFile"] == "/run/ldirectord.ldirectord.pid"
    assert host.daemon("ldirectord") is not None
    host.path(CONFIG).write_text(MORE)
    assert does("ExecReload") == 0
    logged(host, "192.0.2.1:81")
    assert [does(name) for name in ("ExecStop", "ExecStopPost")] == [0, 0]
    assert host.daemon("ldirectord") is None


def test_pacemakers_agent(host: PackagedHost) -> None:
    assert [host.agent(action) for action in ("validate-all", "monitor", "stop")] == [0, NOT_RUNNING, 0]
    assert [host.agent(action) for action in ("start", "monitor", "start")] == [0, RUNNING, 0]
    assert "ldirectord.ldirectord.cf.pid" in host.run("ls", "/run")[1]
    assert [host.agent(action) for action in ("stop", "monitor", "stop")] == [0, NOT_RUNNING, 0]
    assert "Linux Director Daemon terminated on signal: TERM" in host.log()


def test_pacemakers_agent_with_parameters(host: PackagedHost) -> None:
    """Another file and another command, as a cluster with several directors has them."""
    host.path("/etc/ha.d/web.cf").write_text(GOOD)
    shutil.copy(host.path("../ldirectord"), host.path("/run/ldirectord-py"))

    def agent(action: str) -> int:
        return host.agent(action, configfile="/etc/ha.d/web.cf", ldirectord="/run/ldirectord-py")

    assert [agent(action) for action in ("meta-data", "validate-all", "start", "monitor")] == [0, 0, 0, RUNNING]
    assert host.daemon("web.cf") is not None
    assert host.agent("monitor") == NOT_RUNNING
    assert [agent(action) for action in ("stop", "monitor")] == [0, NOT_RUNNING]


def test_pacemakers_agent_with_a_broken_configuration(host: PackagedHost) -> None:
    """What runs is monitored and stopped as ever; what does not run cannot be started, and counts as stopped."""
    assert host.agent("start") == 0
    host.path(CONFIG).write_text(BROKEN)
    assert [host.agent(action) for action in ("monitor", "stop")] == [RUNNING, 0]
    assert host.daemon("ldirectord.cf") is None
    assert [host.agent(action) for action in ("monitor", "start", "stop")] == [GENERIC, GENERIC, 0]


def test_pacemakers_agent_with_a_daemon_that_was_killed(host: PackagedHost) -> None:
    assert host.agent("start") == 0
    pid = host.daemon("ldirectord.cf")
    host.run("kill", f"-{int(signal.SIGKILL)}", str(pid))
    eventually(lambda: host.daemon("ldirectord.cf") is None, 10, host.log)
    assert [host.agent(action) for action in ("monitor", "start", "monitor")] == [NOT_RUNNING, 0, RUNNING]
    assert host.daemon("ldirectord.cf") != pid
