"""The Perl original as a subject, from Debian's package."""

from __future__ import annotations

from collections.abc import Sequence

from bench.subject import Subject

PROGRAM = "/usr/sbin/ldirectord"


class Original(Subject):
    """ldirectord in the foreground, as a supervisor starts it; it writes to a kernel's IPVS or not at all."""

    name = "original"

    def command(self) -> Sequence[str]:
        """Return the command; that it stays in the foreground is in the configuration."""
        return (PROGRAM, str(self.file("conf")), "start")

    def configure(self, text: str) -> None:
        """Write the configuration, to which ``supervised`` is added."""
        super().configure(f"supervised = yes\n{text}")
