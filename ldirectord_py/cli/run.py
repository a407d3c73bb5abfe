"""``run``: the daemon in the foreground, for systemd and other supervisors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ldirectord_py.cli.invocation.arguments import Invocation, UsageError
from ldirectord_py.cli.invocation.daemon_process import DaemonProcess, load_daemon
from ldirectord_py.instance.command_line import MEMORY_KERNEL


def run(invocation: Invocation) -> int:
    """Return 0 once the daemon has stopped; raise AlreadyRunningError where another one runs."""
    _refuse_unknown(invocation.arguments)
    daemon = load_daemon(invocation)
    if MEMORY_KERNEL in invocation.arguments:
        _run_in_memory(daemon)
    else:
        daemon.serve(daemon.instance.lock())
    return 0


def _refuse_unknown(arguments: Sequence[str]) -> None:
    unknown = [word for word in arguments if word != MEMORY_KERNEL]
    if unknown:
        raise UsageError(f"run: unrecognized arguments: {' '.join(unknown)}")


def _run_in_memory(daemon: DaemonProcess) -> None:
    from ldirectord_py.cli.invocation.memory_kernel import (  # noqa: PLC0415  seldom needed
        PrintingKernel,
        run_folder,
        state_folder,
    )

    with run_folder() as folder:
        instance = replace(daemon.instance, folder=folder, state_folder=state_folder(folder))
        replace(daemon, instance=instance, kernel=PrintingKernel()).serve(instance.lock())
