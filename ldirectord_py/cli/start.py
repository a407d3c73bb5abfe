"""``start``: run the daemon in the background, or in the foreground with ``supervised`` or ``-d``."""

from __future__ import annotations

import sys

from ldirectord_py.cli.invocation.arguments import Invocation
from ldirectord_py.cli.invocation.daemon_process import DaemonProcess, load_daemon
from ldirectord_py.instance.daemonize import StartupPipe, daemonize
from ldirectord_py.instance.pid_file import AlreadyRunningError, instance
from ldirectord_py.report.log.logfile import sink_for


def run(invocation: Invocation) -> int:
    """Return 0 once the daemon is ready, or if it runs already; in the foreground, once it has stopped."""
    if instance(invocation.instance).running_pid() is not None:
        return 0
    return start(load_daemon(invocation))


def start(daemon: DaemonProcess) -> int:
    """Return 0 once the daemon is ready, or in the foreground once it has stopped."""
    try:
        lock = daemon.instance.lock()
    except AlreadyRunningError:  # another ``start`` was faster
        return 0
    if daemon.debug or daemon.loaded.config.settings.supervised:
        daemon.serve(lock)
        return 0

    _warn_if_log_fails(daemon)

    def run_daemon(startup: StartupPipe) -> None:
        daemon.serve(lock, ready=startup.ready)

    daemonize(run_daemon, keep=lock.descriptor)
    return 0


def _warn_if_log_fails(daemon: DaemonProcess) -> None:
    """Print now what the daemon could not print, as it has no terminal."""
    sink = sink_for(daemon.loaded.config.settings, daemon.instance.name)
    try:
        sink.write(())
    except (OSError, ValueError) as fault:
        print(f"cannot write the log: {fault}; the daemon goes on and keeps trying", file=sys.stderr)
    finally:
        sink.close()
