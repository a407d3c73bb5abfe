"""``start``: run the daemon in the background, or before us when it is supervised or debugged."""

from __future__ import annotations

import sys

from ldirectord_py.cli.arguments import Invocation
from ldirectord_py.cli.daemon_process import DaemonProcess, load_daemon
from ldirectord_py.instance.daemonize import StartupPipe, daemonize
from ldirectord_py.instance.pid_file import AlreadyRunningError, instance
from ldirectord_py.report.log.logfile import sink_for


def run(invocation: Invocation) -> int:
    """Return 0 once the daemon is ready, or if it runs already; in the foreground, once it has stopped."""
    if instance(invocation.instance).running_pid() is not None:
        return 0
    return start(load_daemon(invocation))


def start(service: DaemonProcess) -> int:
    """Return 0 once the daemon is ready, or in the foreground once it has stopped."""
    try:
        lock = service.instance.lock()
    except AlreadyRunningError:  # by another start, just now
        return 0
    if service.debug or service.loaded.config.settings.supervised:
        service.serve(lock)
        return 0

    _warn_if_log_fails(service)

    def daemon(starter: StartupPipe) -> None:
        service.serve(lock, ready=starter.ready)

    daemonize(daemon, keep=lock.descriptor)
    return 0


def _warn_if_log_fails(service: DaemonProcess) -> None:
    """Say now what the daemon, without a terminal, could not say."""
    sink = sink_for(service.loaded.config.settings, service.instance.name)
    try:
        sink.write(())
    except (OSError, ValueError) as fault:
        print(f"cannot write the log: {fault}; the daemon goes on and keeps trying", file=sys.stderr)
    finally:
        sink.close()
