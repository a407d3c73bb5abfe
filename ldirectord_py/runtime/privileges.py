"""Giving up, for good, what a process may do: its user, groups and capabilities, and new privileges by programs."""

from __future__ import annotations

import ctypes
import os
import pwd
from typing import Final

from ldirectord_py.runtime.core_dumps import forbid_core_dumps

MAX_CAPABILITY: Final = 63
"""The last number that the kernel has room for."""

_PR_SET_DUMPABLE, _PR_CAPBSET_DROP, _PR_SET_NO_NEW_PRIVS, _PR_CAP_AMBIENT = 4, 24, 38, 47
_PR_CAP_AMBIENT_CLEAR_ALL = 4
_CAPABILITY_VERSION_3 = 0x20080522


def drop_privileges(user: str) -> None:
    """Become ``user``, if this process is root, without groups and capabilities; no core dump, no way back.

    Raises KeyError if there is no such user, OSError if the kernel refuses, PermissionError for root itself.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    if os.geteuid() == 0:
        entry = pwd.getpwnam(user)
        if entry.pw_uid == 0:
            raise PermissionError(f"{user} is root")
        for capability in range(MAX_CAPABILITY + 1):
            if libc.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0):
                break  # the kernel knows no more, or systemd left us no CAP_SETPCAP
        os.setgroups([])
        os.setresgid(entry.pw_gid, entry.pw_gid, entry.pw_gid)
        os.setresuid(entry.pw_uid, entry.pw_uid, entry.pw_uid)
    libc.prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)
    _clear_capabilities(libc)
    for option, value in ((_PR_SET_NO_NEW_PRIVS, 1), (_PR_SET_DUMPABLE, 0)):
        _require_success(libc.prctl(option, value, 0, 0, 0))
    forbid_core_dumps()


def _clear_capabilities(libc: ctypes.CDLL) -> None:
    """Clear the permitted, effective and inheritable capabilities, which a user other than root may have too."""
    header, data = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0), (ctypes.c_uint32 * 6)()
    _require_success(libc.capset(header, data))


def _require_success(returned: int) -> None:
    """Raise the OSError of a system call that failed."""
    if returned:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
