"""``checktype = external`` and ``external-perl``: the exit status of a command of the user is the verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ldirectord_py.address import bracketed
from ldirectord_py.checks.base import Kind, Target
from ldirectord_py.checks.checktypes.command import run
from ldirectord_py.errors import InvalidCheck
from ldirectord_py.ipvs.table import FirewallMark, ServiceKey, VirtualAddress
from ldirectord_py.runtime.environment import split
from ldirectord_py.runtime.limiter import Limiter

# ``do`` and not ``perl FILE``: such a script may also ``return``, as the body of a function can.
_PERL = ("perl", "-e", '$0 = shift; -r $0 or die "cannot read $0: $!\\n"; do $0; die $@ if $@;')


class CommandCheck:
    """The checker of commands that count against ``limiter``, run by the words of ``prefix``."""

    __slots__ = ("_limiter", "_prefix")

    def __init__(self, limiter: Limiter, prefix: Sequence[str] = ()) -> None:
        self._limiter = limiter
        self._prefix = prefix

    async def __call__(self, target: Target) -> str:
        """Return the last line that the command prints when it ends with status 0."""
        return await run((*self._prefix, *_command(target)), self._limiter)


async def check(target: Target) -> str:
    """Run the command as a CommandCheck without a limit."""
    return await CommandCheck(Limiter(0))(target)


async def check_perl(target: Target) -> str:
    """Run the Perl script as a CommandCheck without a limit."""
    return await CommandCheck(Limiter(0), _PERL)(target)


def _command(target: Target) -> Sequence[str]:
    """Return the command with its four arguments: virtual address and port, real address and port."""
    try:
        words = split(target.command)
    except ValueError as error:
        raise InvalidCheck(f"checkcommand: {str(error).lower()}") from None
    return (*words, *_virtual(target.virtual), bracketed(target.address), str(target.port))


def _virtual(key: ServiceKey | None) -> tuple[str, str]:
    match key:
        case VirtualAddress(_, address, port):
            return bracketed(address), str(port)
        case FirewallMark(mark):
            return str(mark), "0"
        case None:
            return "", "0"


PREFIXES: Mapping[str, Sequence[str]] = {"external": (), "external-perl": _PERL}
"""The words before the command, by kind."""

KIND = Kind("external", check, uses=frozenset({"command", "virtual"}))
PERL_KIND = Kind("external-perl", check_perl, uses=frozenset({"command", "virtual"}))
